from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from wingthing.errors import TemporarilyUnavailable
from wingthing.names import EGG_LOG_FILE
from wingthing.wing.egg_process import LOCK_FD, READY, READY_FD, start_egg
from wingthing.wire.wing_limits import EGG_START_SECONDS


class Reactor(Clock):
    """A clock that also starts processes."""

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[str] = []

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], **how: Any) -> None:
        self.protocol, self.args, self.how = protocol, args, how
        self.log_mode = os.fstat(how["childFDs"][1]).st_mode & 0o777
        protocol.makeConnection(self)

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


class StartTests(TestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.started = Deferred.fromCoroutine(start_egg(self.reactor, self.directory, {"A": "b"}, 77))

    def test_what_the_child_gets(self) -> None:
        files = self.reactor.how["childFDs"]
        self.assertEqual(set(files), {0, 1, 2, READY_FD, LOCK_FD})
        self.assertEqual((files[READY_FD], files[LOCK_FD]), ("r", 77))
        self.assertEqual(self.reactor.how["env"], {"A": "b"})
        self.assertEqual(self.reactor.args[1:], ["-P", "-m", "wingthing.cli.egg", str(self.directory)])
        self.assertEqual(self.reactor.log_mode, 0o600)
        self.assertTrue((self.directory / EGG_LOG_FILE).exists())
        self.reactor.protocol.processEnded(Failure(ProcessTerminated(1)))
        self.failureResultOf(self.started, TemporarilyUnavailable)

    def test_ready(self) -> None:
        self.reactor.protocol.childDataReceived(READY_FD, READY[:2])
        self.assertNoResult(self.started)
        self.reactor.protocol.childDataReceived(READY_FD, READY[2:])
        self.successResultOf(self.started)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.reactor.protocol.processEnded(Failure(ProcessTerminated(1)))

    def test_it_ends_at_once(self) -> None:
        self.reactor.protocol.processEnded(Failure(ProcessTerminated(1)))
        why = self.failureResultOf(self.started, TemporarilyUnavailable)
        self.assertIn("its process ended at once", str(why.value))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_it_never_gets_ready(self) -> None:
        self.reactor.advance(EGG_START_SECONDS)
        self.failureResultOf(self.started, TemporarilyUnavailable)
        self.assertEqual(self.reactor.signals, ["KILL"])
        self.reactor.protocol.processEnded(Failure(ProcessTerminated(None, 9)))
