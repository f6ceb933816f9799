"""Whether a transport is read from."""

from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from wingthing.rehearsal.valve import Valve


class ValveTests(TestCase):
    def test_every_reason_has_to_go(self) -> None:
        transport = StringTransport()
        valve = Valve(transport)
        valve.hold("a")
        valve.hold("a")
        valve.pauseProducing()
        valve.let("a")
        self.assertEqual(transport.producerState, "paused")
        valve.let("a")
        valve.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
        valve.stopProducing()
        valve.let("never held")
        self.assertEqual(transport.producerState, "producing")
