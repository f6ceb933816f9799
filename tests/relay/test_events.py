"""Dashboards by user: who hears, and that nothing is left of who has gone."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.calls import Call
from wingthing.relay.events import Announcer, Dashboards, WingEvents
from wingthing.relay.orgs import Roster
from wingthing.testing import WING_ID, FakePeer, identity
from wingthing.wire.node_messages import OrgChanged
from wingthing.wire.records import WingRecord


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

    def test_everybody_and_who_is_behind_it(self) -> None:
        found = {(who.user_id, id(peer)) for who, peer in self.dashboards.everybody()}
        ann, eve = (self.one, self.two), self.other
        self.assertEqual(found, {*(("ann", id(peer)) for peer in ann), ("eve", id(eve))})

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


class AnnouncerTests(TestCase):
    """On a node that is alone, what happens to a wing goes straight to its owner's dashboards."""

    def setUp(self) -> None:
        dashboards = Dashboards()
        self.ann, self.eve = FakePeer(), FakePeer()
        dashboards.add(identity("ann"), self.ann)
        dashboards.add(identity("eve"), self.eve)
        self.events: WingEvents = Announcer(dashboards, Roster(), lambda org_id: [])
        self.record = WingRecord(
            wing_id=WING_ID, connection_id="c", user_id="ann", owner="Ann", public_key="k", locked=True
        )

    def test_what_the_owner_hears(self) -> None:
        self.events.admit(self.record)
        self.events.online(self.record)
        self.events.configured(self.record)
        self.events.attention(self.record, Call("s"))
        self.events.offline(self.record)
        described = {
            "wing_id": WING_ID,
            "public_key": "k",
            "locked": True,
            "user_id": "ann",
            "owner": "Ann",
        }
        online, configured, attention, offline = self.ann.take()
        self.assertLessEqual((described | {"type": "wing.online"}).items(), online.items())
        self.assertLessEqual((described | {"type": "wing.config"}).items(), configured.items())
        self.assertEqual(attention, {"type": "session.attention", "wing_id": WING_ID, "session_id": "s"})
        self.assertEqual(offline, {"type": "wing.offline", "wing_id": WING_ID})
        self.assertEqual(self.eve.take(), [])
