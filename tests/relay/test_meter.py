"""Bytes by user: of connections that are open and of those that were."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.meter import Meter
from wingthing.relay.peers import Viewer
from wingthing.testing import FakePeer, identity


class MeterTests(TestCase):
    def test_open_and_closed_connections_count_once(self) -> None:
        meter = Meter()
        one, two = Viewer(identity("ann"), FakePeer()), Viewer(identity("ann"), FakePeer())
        other = Viewer(identity("eve"), FakePeer())
        for viewer in (one, two, other):
            meter.opened(viewer)
            viewer.deliver(b"12345")
        self.assertEqual(meter.usage_bytes("ann"), 10)
        meter.closed(one)
        self.assertEqual(meter.usage_bytes("ann"), 10)
        two.deliver(b"1")
        meter.closed(two)
        self.assertEqual((meter.usage_bytes("ann"), meter.usage_bytes("eve")), (11, 5))
        self.assertEqual(meter.usage_bytes("nobody"), 0)
        self.assertEqual(list(meter._open), ["eve"])
