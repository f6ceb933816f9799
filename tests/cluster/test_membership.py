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
from wingthing.relay.calls import ATTENTION, EXIT, Call
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakePeer,
    connect_wing,
    identity,
    new_router,
    open_browser,
    open_wing,
    org,
    registration,
)
from wingthing.wire.account_limits import EXITS_PER_WING
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import Attention, OrgChanged, PasskeysChanged, Revoked, RevokedKind


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
        event = Attention(wing_id=WING_ID, session_id="s", machine="edge-a", nonce="n")
        self.assertEqual((self.gossip.log.since(0) or [])[-1], event)

    def test_an_end_is_told_and_no_dashboard_hears_of_it(self) -> None:
        wing = open_wing(self.router)
        self.heard()
        wing.say("session.attention", session_id="s", agent="claude", cwd="/home/ann/work")
        wing.say("pty.exited", session_id="s", exit_code=0)
        self.assertEqual(self.heard(), [("session.attention", WING_ID)])
        told = (self.gossip.log.since(0) or [])[-1]
        self.assertEqual(
            told,
            Attention(
                wing_id=WING_ID, session_id="s", machine="edge-a", kind="exit", agent="claude", cwd="work"
            ),
        )

    def test_a_wing_that_ends_without_end_does_not_fill_the_log(self) -> None:
        wing = open_wing(self.router)
        for number in range(3 * EXITS_PER_WING):
            wing.say("pty.exited", session_id=str(number), exit_code=0)
        self.assertEqual(self.said().count("Attention"), EXITS_PER_WING)

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
        self.said_orgs: list[str] = []
        self.news = FleetNews(self.directory, self.router, self.fresh, self.said_orgs.append)

    def fresh(self, events: Iterable[Revoked]) -> list[Revoked]:
        found = [event for event in events if event.subject not in self.known]
        self.known.update(event.subject for event in found)
        return found

    def test_new_passkeys_reach_browsers_and_wings(self) -> None:
        said: list[PasskeysChanged] = []
        self.news = FleetNews(self.directory, self.router, self.fresh, self.said_orgs.append, said.append)
        wing, other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID, "eve")
        browser = open_browser(self.router)
        self.eve.take()
        self.heard()
        event = PasskeysChanged(user_id="ann", email="ann@example.org", keys=["a2V5"], registered=True)
        self.news.orgs_changed(OrgChanged(user_ids=["ann"], passkeys=event))
        (told,) = wing.peer.take()
        self.assertEqual(told, {"type": "passkey.registered", "user_id": "ann", "email": "ann@example.org"})
        self.assertEqual(other.peer.take(), [])
        self.assertEqual((said, self.said_orgs, self.heard()), ([event], [], []))
        browser.start(wing_id=WING_ID)
        self.assertEqual(wing.peer.take()[0]["passkeys"], ["a2V5"])
        gone = PasskeysChanged(user_id="ann", keys=[])
        self.news.orgs_changed(OrgChanged(user_ids=["ann"], passkeys=gone))
        browser.start(wing_id=WING_ID)
        (start,) = wing.peer.take()
        self.assertEqual((start["type"], start["passkeys"]), ("pty.start", []), "and wings hear of no loss")

    def test_attention_reaches_the_owners_dashboards(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.heard()
        self.news.attention(Attention(wing_id=WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(self.heard(), [("session.attention", WING_ID)])
        self.news.attention(Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(self.heard(), [], "nobody knows whose that is")

    def test_a_call_reaches_who_notifies_with_the_wings_owner(self) -> None:
        calls: list[tuple[str, Call]] = []
        self.router.hearers.append(lambda record, call: calls.append((record.user_id, call)))
        self.directory.remote_up(up("c1", "edge-b"))
        self.heard()
        for kind in (ATTENTION, EXIT):
            event = Attention(
                wing_id=WING_ID,
                session_id="s",
                machine="edge-b",
                kind=kind,
                agent="claude",
                cwd="work",
                nonce="n",
                controller="eve",
            )
            self.news.attention(event)
        self.assertEqual(
            calls, [("ann", Call("s", kind, "claude", "work", "n", "eve")) for kind in (ATTENTION, EXIT)]
        )
        self.assertEqual(self.heard(), [("session.attention", WING_ID)])
        self.news.attention(Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(len(calls), 2, "nobody knows whose that is")

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

    def test_an_organisation_of_which_it_is_not_said_how_it_is(self) -> None:
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "nobody"]))
        self.assertEqual(self.ann.take_types(), ["org.changed"])
        self.assertEqual((self.eve.take(), self.said_orgs), ([], [""]))

    def test_an_organisation_is_as_it_is_said_to_be_and_everybody_hears_of_it_once(self) -> None:
        first = org(ann="owner", eve="member")
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=first))
        self.assertEqual(list(self.router.roster), [first])
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=None))
        self.assertEqual((list(self.router.roster), self.said_orgs), ([], ["org_1", "org_1"]))
        for peer in (self.ann, self.eve):
            self.assertEqual(peer.take_types(), ["org.changed"] * 2)

    def test_who_was_in_it_hears_of_it_on_a_node_that_did_not_know(self) -> None:
        left = OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=org(ann="owner"))
        self.news.orgs_changed(left)
        self.assertEqual((self.ann.take_types(), self.eve.take_types()), (["org.changed"], ["org.changed"]))

    def test_wings_of_other_nodes_come_into_reach_and_go(self) -> None:
        self.directory.remote_up(up("c1", "edge-b", org_id="org_1"))
        self.heard()
        joined = OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=org(ann="owner", eve="member"))
        self.news.orgs_changed(joined)
        self.assertEqual(self.eve.take_types(), ["org.changed", "wing.online"])
        self.assertEqual(self.ann.take_types(), ["org.changed"])
        self.news.attention(Attention(wing_id=WING_ID, session_id="s", machine="edge-b"))
        self.assertEqual(self.eve.take_types(), ["session.attention"])
        self.directory.remote_up(up("c2", "edge-b", 2))
        self.assertEqual(self.eve.take_types(), ["wing.offline"], "it has come back without its organisation")
        self.directory.remote_up(up("c3", "edge-b", 3, org_id="org_1"))
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=org(ann="owner")))
        self.assertEqual(self.eve.take_types(), ["wing.online", "org.changed", "wing.offline"])

    def test_a_removed_member_loses_the_terminal_at_once(self) -> None:
        self.router.roster.put(org(ann="owner", eve="member"))
        wing = open_wing(self.router, org_slug="acme")
        browser = open_browser(self.router, "eve")
        browser.start(wing_id=WING_ID)
        self.assertEqual(wing.peer.take_types(), ["pty.start"])
        self.news.orgs_changed(OrgChanged(user_ids=["ann", "eve"], org_id="org_1", org=org(ann="owner")))
        self.assertEqual(browser.peer.take_types(), ["pty.exited"])
        self.assertEqual((browser.viewer.controls, browser.peer.closed), ({}, None))
