"""Dashboards by user: who hears, and that nothing is left of who has gone."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.events import Dashboards
from wingthing.testing import FakePeer, identity
from wingthing.wire.messages import OrgChanged


class DashboardsTests(TestCase):
    def setUp(self) -> None:
        self.dashboards = Dashboards()
        self.one, self.two, self.other = FakePeer(), FakePeer(), FakePeer()
        self.dashboards.add(identity("ann"), self.one)
        self.dashboards.add(identity("ann"), self.two)
        self.dashboards.add(identity("eve"), self.other)

    def test_every_window_of_the_users_named(self) -> None:
        self.dashboards.publish(["ann", "nobody"], OrgChanged())
        self.assertEqual([len(peer.sent) for peer in (self.one, self.two, self.other)], [1, 1, 0])
        self.assertIs(self.one.sent[0], self.two.sent[0])

    def test_who_has_gone_hears_nothing_and_leaves_nothing(self) -> None:
        self.assertEqual(len(self.dashboards), 3)
        self.dashboards.remove(identity("ann"), self.one)
        self.dashboards.remove(identity("ann"), self.one)
        self.dashboards.publish(["ann"], OrgChanged())
        self.assertEqual((self.one.sent, len(self.two.sent)), ([], 1))
        self.dashboards.remove(identity("ann"), self.two)
        self.dashboards.remove(identity("eve"), self.other)
        self.dashboards.remove(identity("nobody"), self.other)
        self.assertEqual(
            (len(self.dashboards), self.dashboards.peers(), self.dashboards._by_user), (0, [], {})
        )
