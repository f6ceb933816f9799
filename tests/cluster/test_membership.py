"""A node's relay and its fleet: what happens here is told there, what happens there is felt here."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.trial.unittest import TestCase

from tests.cluster.case import FakeNews, Watch, place, revoked, up
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.membership import FleetNews, Membership
from wingthing.errors import Forbidden
from wingthing.relay import wing_side
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakePeer,
    connect_wing,
    identity,
    new_router,
    open_browser,
    open_wing,
    registration,
)
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import Attention, OrgChanged, Revoked, RevokedKind


class MembershipCase(TestCase):
    def setUp(self) -> None:
        self.watch, self.router = Watch(), new_router()
        self.directory = EdgeDirectory("edge-a")
        self.gossip = EdgeGossip(self.directory, "", "boot", FakeNews(), lambda: (), lambda: (0, 0))
        Membership("edge-a", self.directory, self.gossip, self.router, self.watch.seconds)
        self.ann, self.eve = FakePeer(), FakePeer()
        self.router.dashboard_connected(identity("ann"), self.ann)
        self.router.dashboard_connected(identity("eve"), self.eve)

    def heard(self) -> list[tuple[str, str]]:
        """What Ann's dashboard has been told since the last call; Eve's has been told nothing."""
        self.assertEqual(self.eve.take(), [])
        return [(message["type"], message["wing_id"]) for message in self.ann.take()]

    def said(self) -> list[str]:
        """What the fleet is told, since the start."""
        return [type(event).__name__ for event in self.gossip.log.since(0) or ()]


class HereTests(MembershipCase):
    def test_a_wing_comes_changes_and_goes(self) -> None:
        wing = open_wing(self.router)
        self.assertEqual(self.heard(), [("wing.online", WING_ID)])
        self.assertEqual(place(self.directory.current(WING_ID)), ("edge-a", "connection-1"))
        wing.say("wing.config", wing_id=WING_ID, locked=True, allowed_count=2)
        self.assertEqual(self.heard(), [("wing.config", WING_ID)])
        known = self.directory.current(WING_ID)
        assert known is not None
        self.assertEqual((known.record.locked, known.record.allowed_count), (True, 2))
        wing.leave()
        self.assertEqual(self.heard(), [("wing.offline", WING_ID)])
        self.assertEqual(self.said(), ["WingUp", "WingUp", "WingDown"])

    def test_it_comes_again_before_its_old_connection_has_ended(self) -> None:
        first, _second = open_wing(self.router), open_wing(self.router)
        self.assertEqual(self.heard(), [("wing.online", WING_ID)] * 2)
        first.leave()
        self.assertEqual(self.heard(), [])
        self.assertEqual(place(self.directory.current(WING_ID)), ("edge-a", "connection-2"))

    def test_attention_is_announced_here_and_told(self) -> None:
        wing = open_wing(self.router)
        self.heard()
        wing.say("session.attention", session_id="s", nonce="n")
        self.assertEqual(self.heard(), [("session.attention", WING_ID)])
        event = Attention(wing_id=WING_ID, session_id="s", machine="edge-a")
        self.assertEqual((self.gossip.log.since(0) or [])[-1], event)

    def test_nobody_takes_a_name_that_is_connected_elsewhere(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.heard()
        intruder = connect_wing(self.router, "eve")
        self.assertRaises(Forbidden, wing_side.register, self.router, intruder.link, registration())
        self.assertEqual((place(self.directory.current(WING_ID)), self.said()), (("edge-b", "c1"), []))
        self.assertEqual(len(self.router.wings), 0)
        open_wing(self.router)
        self.assertEqual(place(self.directory.current(WING_ID)), ("edge-a", "connection-2"))


class ElsewhereTests(MembershipCase):
    def test_dashboards_here_hear_of_wings_there(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.heard(), [("wing.online", WING_ID)])
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.heard(), [], "nothing has changed")
        self.directory.remote_down(WING_ID, "c1")
        self.assertEqual(self.heard(), [("wing.offline", WING_ID)])
        self.assertEqual(self.said(), [], "login knows what it has said")

    def test_a_wing_moves_away_and_its_browsers_are_sent_after_it(self) -> None:
        wing, other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID)
        named = open_browser(self.router, wing_id=WING_ID)
        attached, bystander = open_browser(self.router), open_browser(self.router, wing_id=OTHER_WING_ID)
        attached.start(wing_id=WING_ID)
        self.heard()
        self.directory.remote_up(up("c9", "edge-b", 9))
        self.assertEqual(self.heard(), [("wing.online", WING_ID)])
        for browser in (named, attached):
            assert browser.peer.closed is not None
            self.assertEqual(browser.peer.closed[0], CloseCode.MOVED)
        self.assertEqual((bystander.peer.closed, wing.peer.closed, other.peer.closed), (None, None, None))
        late = open_browser(self.router, wing_id=WING_ID)
        late.start()
        self.assertEqual(late.peer.take_types(), ["error"])

    def test_and_comes_back_when_the_other_connection_ends_first(self) -> None:
        wing = open_wing(self.router)
        self.directory.remote_up(up("c9", "edge-b", 9))
        self.assertIsNone(self.router.wings.find(WING_ID, "ann"))
        self.directory.remote_down(WING_ID, "c9")
        self.assertIs(self.router.wings.find(WING_ID, "ann"), wing.link.wing)
        self.heard()
        wing.leave()
        self.assertEqual(self.heard(), [("wing.offline", WING_ID)])

    def test_a_connection_that_is_the_wing_no_longer_ends_in_silence(self) -> None:
        wing = open_wing(self.router)
        self.directory.remote_up(up("c9", "edge-b", 9))
        self.heard()
        wing.leave()
        self.assertEqual(self.heard(), [])
        self.assertEqual(self.said()[-1], "WingDown")
        self.assertEqual(place(self.directory.current(WING_ID)), ("edge-b", "c9"))

    def test_who_loses_the_name_is_told_that_the_wing_is_gone(self) -> None:
        """Eve's wing has come here under a name that was Ann's already, on a node that had not told yet."""
        eve = open_wing(self.router, user_id="eve")
        self.eve.take()
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.eve.take(), [{"type": "wing.offline", "wing_id": WING_ID}])
        self.assertEqual(self.heard(), [("wing.online", WING_ID)])
        self.assertIsNone(self.router.wings.find(WING_ID, "eve"))
        self.directory.remote_down(WING_ID, "c1")
        self.assertEqual([message["type"] for message in self.eve.take()], ["wing.online"])
        self.assertIs(self.router.wings.find(WING_ID, "eve"), eve.link.wing)
        self.assertEqual(self.heard(), [("wing.offline", WING_ID)])


class NewsTests(MembershipCase):
    def setUp(self) -> None:
        super().setUp()
        self.known: set[str] = set()
        self.news = FleetNews(self.directory, self.router, self.fresh)

    def fresh(self, events: Iterable[Revoked]) -> list[Revoked]:
        found = [event for event in events if event.subject not in self.known]
        self.known.update(event.subject for event in found)
        return found

    def test_attention_reaches_the_owners_dashboards(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.heard()
        self.news.attention(Attention(wing_id=WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(self.heard(), [("session.attention", WING_ID)])
        self.news.attention(Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(self.heard(), [], "nobody knows whose that is")

    def test_what_is_revoked_ends_sockets_here_once(self) -> None:
        wing, other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID, "eve")
        event = revoked("ann", RevokedKind.USER)
        self.news.revoked([event])
        self.assertIsNone(other.peer.closed)
        for peer in (wing.peer, self.ann):
            assert peer.closed is not None
            self.assertEqual(peer.closed[0], CloseCode.LOGIN_ENDED)
        later = open_browser(self.router)
        self.news.revoked([event])
        self.assertIsNone(later.peer.closed, "told before: whoever came since was let in by a newer login")

    def test_organisations(self) -> None:
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "nobody"]))
        self.assertEqual(self.ann.take_types(), ["org.changed"])
        self.assertEqual(self.eve.take(), [])
