"""Why an address cannot be listened on, and what to do."""

from __future__ import annotations

import errno
import os

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from wingthing.assembly.listener import Listener
from wingthing.errors import OperatorError


class Refusing(MemoryReactor):
    """A reactor on which no port can be had."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.why = OSError(number, os.strerror(number))

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
        raise CannotListenError(interface, port, self.why)


class ListenerTests(TestCase):
    def sentence(self, number: int) -> str:
        listener = Listener(
            Refusing(number), "tcp:80:interface=192.0.2.1", Site(Resource()), lambda url: None
        )
        return str(self.assertRaises(OperatorError, listener.privilegedStartService))

    def test_an_address_in_use(self) -> None:
        self.assertIn("in use. Stop what uses it", self.sentence(errno.EADDRINUSE))

    def test_an_address_of_another_machine(self) -> None:
        said = self.sentence(errno.EADDRNOTAVAIL)
        self.assertNotIn("Stop what uses it", said)
        self.assertIn("This machine does not have that address", said)

    def test_a_port_that_is_not_permitted(self) -> None:
        said = self.sentence(errno.EACCES)
        self.assertNotIn("Stop what uses it", said)
        self.assertIn("--addr", said)
