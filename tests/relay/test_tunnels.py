"""Requests through the tunnel: both tables agree, ids belong to one browser, and there is an end to them."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.relay.test_routes import viewer, wing
from wingthing.errors import PeerError
from wingthing.relay import tunnels
from wingthing.wire.limits import MAX_PENDING_REQUESTS_PER_VIEWER


class TunnelTests(TestCase):
    def setUp(self) -> None:
        self.laptop, self.desk = wing(), wing("w2")
        self.one, self.two = viewer(), viewer()

    def test_expect_and_settle(self) -> None:
        tunnels.expect(self.laptop, "r", self.one)
        self.assertEqual((self.laptop.pending, self.one.pending), ({"r": self.one}, {"r": self.laptop}))
        tunnels.settle(self.laptop, "r")
        tunnels.settle(self.laptop, "r")
        self.assertEqual((self.laptop.pending, self.one.pending), ({}, {}))

    def test_an_id_in_use_changes_nothing(self) -> None:
        tunnels.expect(self.laptop, "r", self.one)
        self.assertRaises(PeerError, tunnels.expect, self.laptop, "r", self.two)
        self.assertRaises(PeerError, tunnels.expect, self.desk, "r", self.one)
        self.assertEqual((self.laptop.pending, self.desk.pending), ({"r": self.one}, {}))
        self.assertEqual(self.two.pending, {})

    def test_the_oldest_gives_way_and_a_repetition_does_not_count(self) -> None:
        for number in range(MAX_PENDING_REQUESTS_PER_VIEWER):
            tunnels.expect(self.laptop, str(number), self.one)
        tunnels.expect(self.laptop, "5", self.one)
        self.assertIn("0", self.one.pending)
        tunnels.expect(self.desk, "new", self.one)
        self.assertNotIn("0", self.one.pending)
        self.assertNotIn("0", self.laptop.pending)
        self.assertEqual(len(self.one.pending), MAX_PENDING_REQUESTS_PER_VIEWER)

    def test_a_browser_that_leaves(self) -> None:
        tunnels.expect(self.laptop, "a", self.one)
        tunnels.expect(self.desk, "b", self.one)
        tunnels.expect(self.laptop, "c", self.two)
        tunnels.abandon_viewer(self.one)
        self.assertEqual((self.laptop.pending, self.desk.pending), ({"c": self.two}, {}))
        self.assertEqual(self.one.pending, {})

    def test_a_wing_that_leaves(self) -> None:
        tunnels.expect(self.laptop, "a", self.one)
        tunnels.expect(self.laptop, "b", self.two)
        tunnels.expect(self.desk, "c", self.one)
        self.assertEqual(tunnels.abandon_wing(self.laptop), [("a", self.one), ("b", self.two)])
        self.assertEqual((self.laptop.pending, self.one.pending), ({}, {"c": self.desk}))
