"""Bytes by user, and all traffic: of connections that are open and of those that were."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.meter import Meter, Traffic
from wingthing.relay.peers import Viewer, WingLink
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

    def test_totals_of_everybody_who_has_been_sent_something(self) -> None:
        meter = Meter()
        gone, open_, silent = (Viewer(identity(name), FakePeer()) for name in ("ann", "ann", "eve"))
        for viewer in (gone, open_, silent):
            meter.opened(viewer)
        gone.deliver(b"123")
        meter.closed(gone)
        open_.deliver(b"45")
        self.assertEqual(list(meter.totals()), [("ann", 5)])
        silent.deliver(b"6")
        meter.closed(silent)
        self.assertEqual(dict(meter.totals()), {"ann": 5, "eve": 1}, "a total never shrinks")

    def test_all_traffic_to_browsers(self) -> None:
        meter = Meter()
        one, other = Viewer(identity("ann"), FakePeer()), Viewer(identity("eve"), FakePeer())
        for viewer in (one, other):
            meter.opened(viewer)
            viewer.deliver(b"12345")
        one.deliver(b"1")
        self.assertEqual(meter.to_browsers(), Traffic(3, 11))
        meter.closed(one)
        meter.closed(other)
        self.assertEqual(meter.to_browsers(), Traffic(3, 11))
        self.assertEqual(meter.to_wings(), Traffic())

    def test_all_traffic_to_wings(self) -> None:
        meter = Meter()
        one, other = WingLink(identity("ann"), FakePeer()), WingLink(identity("eve"), FakePeer())
        for link in (one, other):
            meter.wing_opened(link)
            link.deliver(b"123")
        self.assertEqual(meter.to_wings(), Traffic(2, 6))
        for _ in range(2):
            meter.wing_closed(one)
        other.deliver(b"4567")
        self.assertEqual(meter.to_wings(), Traffic(3, 10))
        self.assertEqual(meter.to_browsers(), Traffic())
