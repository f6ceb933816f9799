"""Wings of organisations at a relay: who sees them, who opens terminals there, and what becomes of these when
somebody leaves."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.relay.case import RelayTestCase
from wingthing.errors import Forbidden, PeerError, TemporarilyUnavailable
from wingthing.relay import wing_side
from wingthing.relay.peers import FEATURE_DETACHED
from wingthing.relay.router import NO_ACCESS
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakeBrowser,
    FakePeer,
    FakeWing,
    connect_wing,
    identity,
    new_router,
    open_browser,
    open_wing,
    org,
    registration,
)


class OrgWingsCase(RelayTestCase):
    """Ann's wing is in Acme, and Bob and Cat are in it, too. Eve is not."""

    def setUp(self) -> None:
        super().setUp()
        self.roster = self.router.roster
        self.roster.put(org(ann="member", bob="member", cat="admin"))
        self.heard = {user_id: FakePeer() for user_id in ("ann", "bob", "cat", "eve")}
        for user_id, peer in self.heard.items():
            self.router.dashboard_connected(identity(user_id), peer)

    def open(self, wing_id: str = WING_ID, slug: str = "acme", **fields: Any) -> FakeWing:
        return open_wing(self.router, wing_id, org_slug=slug, **fields)

    def events(self) -> dict[str, list[str]]:
        """What each user's dashboard has heard since the last call; who heard nothing is left out."""
        told = {user_id: peer.take_types() for user_id, peer in self.heard.items()}
        return {user_id: types for user_id, types in told.items() if types}


class RegistrationTests(OrgWingsCase):
    def test_by_slug_or_id(self) -> None:
        for name in ("acme", "org_1"):
            wing = self.open(slug=name)
            self.assertEqual(self.wing(wing).record.org_id, "org_1")

    def test_only_for_a_member_and_the_same_words_whether_or_not_there_is_one(self) -> None:
        words = set()
        for user_id, name in (("eve", "acme"), ("eve", "org_1"), ("eve", "nothing"), ("ann", "Acme")):
            wing = connect_wing(self.router, user_id)
            why = self.assertRaises(
                PeerError, wing_side.register, self.router, wing.link, registration(org_slug=name)
            )
            self.assertNotIsInstance(why, TemporarilyUnavailable)
            words.add(str(why))
        self.assertEqual(len(words), 1)
        self.assertEqual((len(self.router.wings), self.events()), (0, {}))

    def test_a_node_that_does_not_know_the_organisations_yet_refuses_for_the_moment(self) -> None:
        router = new_router()
        router.roster.complete = False
        wing = connect_wing(router)
        self.assertRaises(
            TemporarilyUnavailable, wing_side.register, router, wing.link, registration(org_slug="acme")
        )
        open_wing(router)
        router.roster.put(org(ann="member"))
        open_wing(router, OTHER_WING_ID, org_slug="acme")

    def test_what_a_wing_says_of_its_org_id_counts_for_nothing(self) -> None:
        self.open(slug="", org_id="org_1")
        self.assertEqual(self.router.wings.reachable("bob"), [])


class ReachTests(OrgWingsCase):
    def test_members_see_it_and_nobody_else(self) -> None:
        self.open()
        for user_id, found in (("ann", 1), ("bob", 1), ("cat", 1), ("eve", 0)):
            self.assertEqual(len(self.router.wings.reachable(user_id)), found, user_id)
            self.assertEqual(self.router.wings.find(WING_ID, user_id) is not None, bool(found))
            self.assertEqual(self.router.wings.only(user_id) is not None, bool(found))
        self.assertEqual(self.events(), {user_id: ["wing.online"] for user_id in ("ann", "bob", "cat")})

    def test_what_a_member_hears_says_whose_it_is_and_where_it_is_shared(self) -> None:
        wing = self.open()
        self.assertLessEqual({"owner": "Ann", "org_id": "org_1"}.items(), self.heard["bob"].take()[0].items())
        self.roster.put(org(bob="member", cat="admin"))
        self.heard["ann"].take()
        wing.say("wing.config", wing_id=WING_ID, locked=True, allowed_count=0)
        self.assertEqual(self.heard["ann"].take()[0]["org_id"], "", "its owner has left, and it with them")

    def test_a_stranger_gets_nothing_by_any_message(self) -> None:
        wing = self.open()
        member = open_browser(self.router, "bob")
        session_id = self.opened(member, wing)
        eve = open_browser(self.router, "eve", WING_ID)
        eve.start(wing_id=WING_ID)
        eve.start()
        eve.attach(session_id)
        eve.attach(session_id, wing_id=WING_ID, spectate=True)
        eve.ask("r1")
        self.assertEqual(eve.peer.take_types(), ["error"] * 5)
        self.assertEqual(wing.peer.take(), [])

    def test_the_role_goes_with_what_a_member_sends_and_only_the_nodes_word(self) -> None:
        wing = self.open()
        for user_id, role in (("ann", "member"), ("bob", "member"), ("cat", "admin")):
            browser = open_browser(self.router, user_id)
            browser.start(wing_id=WING_ID, org_role="owner")
            browser.ask(f"r-{user_id}", sender_org_role="owner")
            start, request = wing.peer.take()
            self.assertEqual((start["org_role"], request["sender_org_role"]), (role, role), user_id)
        self.roster.put(org(ann="owner", bob="admin"))
        browser = open_browser(self.router, "bob")
        browser.start(wing_id=WING_ID)
        self.assertEqual(wing.peer.take()[-1]["org_role"], "admin", "of the moment")

    def test_no_role_at_a_wing_that_is_in_no_organisation(self) -> None:
        wing = self.open(slug="")
        browser = open_browser(self.router)
        browser.start()
        self.assertEqual(wing.peer.take()[-1]["org_role"], "")

    def test_the_only_wing_of_several_organisations_is_not_the_only_one(self) -> None:
        self.open()
        open_wing(self.router, OTHER_WING_ID, "bob")
        self.assertIsNone(self.router.wings.only("bob"))
        self.assertIsNotNone(self.router.wings.only("cat"))

    def test_nobody_takes_an_id_because_they_share_an_organisation(self) -> None:
        self.open()
        thief = connect_wing(self.router, "bob")
        self.assertRaises(
            Forbidden, wing_side.register, self.router, thief.link, registration(org_slug="acme")
        )

    def test_attention_and_the_end_are_for_all_members(self) -> None:
        wing = self.open()
        self.events()
        wing.say("session.attention", session_id="s", nonce="n")
        wing.say("wing.config", wing_id=WING_ID, locked=True)
        wing.leave()
        told = ["session.attention", "wing.config", "wing.offline"]
        self.assertEqual(self.events(), dict.fromkeys(("ann", "bob", "cat"), told))


class LeavingTests(OrgWingsCase):
    def setUp(self) -> None:
        super().setUp()
        self.acme = self.open(features=[FEATURE_DETACHED])
        self.bob, self.cat = open_browser(self.router, "bob"), open_browser(self.router, "cat")
        self.own = open_wing(self.router, OTHER_WING_ID, "bob")
        self.events()

    def remove_bob(self) -> None:
        self.roster.put(org(ann="member", cat="admin"))

    def assert_ended(self, browser: FakeBrowser, *session_ids: str) -> None:
        told = browser.peer.take()
        self.assertEqual([message["type"] for message in told], ["pty.exited"] * len(session_ids))
        self.assertEqual({message["session_id"] for message in told}, set(session_ids))
        for message in told:
            self.assertEqual((message["exit_code"], message["error"]), (-1, NO_ACCESS))
        self.assertIsNone(browser.peer.closed)

    def test_who_is_removed_loses_the_terminals_there_and_no_others(self) -> None:
        theirs, others = self.opened(self.bob, self.acme), self.opened(self.cat, self.acme)
        at_home = self.opened(self.bob, self.own)
        self.remove_bob()
        self.assert_ended(self.bob, theirs)
        self.assertEqual((self.cat.peer.take(), self.acme.peer.take()), ([], []), "the terminal goes on")
        self.bob.say("pty.input", session_id=theirs, data="eA==")
        self.bob.say("pty.kill", session_id=theirs)
        self.assertEqual(self.acme.peer.take(), [])
        self.acme.say("pty.output", session_id=theirs, data="c2VjcmV0")
        self.assertEqual(self.bob.peer.take(), [])
        for session_id, wing, browser in ((others, self.acme, self.cat), (at_home, self.own, self.bob)):
            browser.say("pty.input", session_id=session_id, data="eA==")
            self.assertEqual(wing.peer.take_types(), ["pty.input"])

    def test_and_cannot_come_back_on_the_same_connection(self) -> None:
        session_id = self.opened(self.bob, self.acme)
        self.remove_bob()
        self.bob.peer.take()
        self.bob.attach(session_id, wing_id=WING_ID)
        self.bob.attach(session_id, wing_id=WING_ID, spectate=True)
        self.bob.ask("r1")
        self.bob.start(wing_id=WING_ID)
        self.assertEqual(self.bob.peer.take_types(), ["error"] * 4)
        self.assertEqual(self.acme.peer.take(), [])

    def test_who_watches_sees_no_more_and_the_wing_is_told(self) -> None:
        session_id = self.opened(self.cat, self.acme)
        self.bob.attach(session_id, wing_id=WING_ID, spectate=True)
        viewer_id = self.acme.peer.take()[-1]["viewer_id"]
        self.remove_bob()
        self.assert_ended(self.bob, session_id)
        (left,) = self.acme.peer.take()
        self.assertEqual((left["type"], left["viewer_id"]), ("pty.detached", viewer_id))
        self.acme.say("pty.output", session_id=session_id, data="eA==", viewer_id=viewer_id)
        self.assertEqual(self.bob.peer.take(), [])

    def test_who_waits_to_be_let_in_is_not(self) -> None:
        session_id = self.opened(self.cat, self.acme)
        self.bob.attach(session_id, wing_id=WING_ID)
        self.acme.peer.take()
        self.remove_bob()
        self.assert_ended(self.bob, session_id)
        self.acme.let_in(session_id)
        self.acme.say("pty.output", session_id=session_id, data="eA==")
        self.assertEqual(self.bob.peer.take(), [])

    def test_requests_are_answered_by_nobody(self) -> None:
        self.bob.ask("r1")
        self.bob.ask("r2", OTHER_WING_ID)
        self.remove_bob()
        (told,) = self.bob.peer.take()
        self.assertEqual((told["type"], told["request_id"], told["message"]), ("error", "r1", NO_ACCESS))
        self.acme.say("tunnel.res", request_id="r1", payload="eA==")
        self.own.say("tunnel.res", request_id="r2", payload="eA==")
        self.assertEqual([message["request_id"] for message in self.bob.peer.take()], ["r2"])

    def test_the_owner_who_leaves_takes_the_wing_along(self) -> None:
        theirs, own = self.opened(self.bob, self.acme), open_browser(self.router)
        mine = self.opened(own, self.acme)
        self.roster.put(org(bob="member", cat="admin"))
        self.assert_ended(self.bob, theirs)
        own.say("pty.input", session_id=mine, data="eA==")
        self.assertEqual(self.acme.peer.take_types(), ["pty.input"])
        told = ["org.changed", "wing.offline"]
        self.assertEqual(self.events(), {"ann": ["org.changed"], "bob": told, "cat": told})
        self.assertEqual(self.router.wings.reachable("ann")[0].org_id, "")
        self.roster.put(org(ann="admin", bob="member", cat="admin"))
        told = ["org.changed", "wing.online"]
        self.assertEqual(self.events(), {"ann": ["org.changed"], "bob": told, "cat": told})

    def test_an_organisation_that_is_deleted(self) -> None:
        theirs = self.opened(self.bob, self.acme)
        self.roster.drop("org_1")
        self.assert_ended(self.bob, theirs)
        self.assertEqual(self.router.wings.reachable("bob")[0].wing_id, OTHER_WING_ID)
        self.assertEqual(self.events()["cat"], ["org.changed", "wing.offline"])

    def test_who_hears_what_of_a_removal_and_an_invitation(self) -> None:
        self.remove_bob()
        told = {"ann": ["org.changed"], "cat": ["org.changed"], "bob": ["org.changed", "wing.offline"]}
        self.assertEqual(self.events(), told)
        self.roster.put(org(ann="member", cat="admin", eve="member"))
        told = {"ann": ["org.changed"], "cat": ["org.changed"], "eve": ["org.changed", "wing.online"]}
        self.assertEqual(self.events(), told)
        self.roster.put(org(ann="admin", cat="admin", eve="member"))
        self.assertEqual(set(self.events()), {"ann", "cat", "eve"}, "a role")

    def test_a_terminal_of_a_wing_that_is_offline(self) -> None:
        session_id = self.opened(self.bob, self.acme)
        self.acme.leave()
        self.bob.peer.take()
        self.remove_bob()
        self.assert_ended(self.bob, session_id)

    def test_a_wing_that_comes_back_without_its_organisation(self) -> None:
        theirs, own = self.opened(self.bob, self.acme), open_browser(self.router)
        mine = self.opened(own, self.acme)
        self.bob.ask("r1")
        self.open(slug="")
        told = self.bob.peer.take()
        self.assertEqual([message["type"] for message in told], ["pty.exited", "error"])
        self.assertEqual(told[0]["session_id"], theirs)
        self.assertEqual(own.peer.take(), [])
        self.assertIn(mine, own.viewer.controls)
        self.assertEqual(
            self.events(), {"ann": ["wing.online"], "bob": ["wing.offline"], "cat": ["wing.offline"]}
        )

    def test_nothing_is_left_in_the_tables(self) -> None:
        self.opened(self.bob, self.acme)
        self.bob.attach(self.opened(self.cat, self.acme), wing_id=WING_ID, spectate=True)
        self.bob.ask("r1")
        self.remove_bob()
        viewer = self.bob.viewer
        self.assertEqual((viewer.controls, viewer.watches, viewer.attaching, viewer.pending), ({},) * 4)
        for user_id, peer in self.heard.items():
            self.router.dashboard_gone(identity(user_id), peer)
        for end in (self.acme, self.own, self.bob, self.cat):
            end.leave()
        self.assert_empty(self.bob, self.cat)

    def test_a_browser_that_was_held_is_read_again(self) -> None:
        session_id = self.opened(self.bob, self.acme)
        self.acme.peer.full = True
        self.bob.say("pty.input", session_id=session_id, data="eA==")
        self.assertFalse(self.bob.peer.reading)
        self.remove_bob()
        self.acme.peer.full = False
        self.router.wing_has_room(self.acme.link)
        self.assertTrue(self.bob.peer.reading)

    @given(
        st.lists(
            st.dictionaries(st.sampled_from(["ann", "bob", "cat"]), st.sampled_from(["owner", "member"]))
        )
    )
    def test_nobody_ever_has_open_what_they_may_not_reach(self, rosters: list[dict[str, str]]) -> None:
        router = new_router()
        router.roster.put(org(ann="owner", bob="member", cat="member"))
        wing = open_wing(router, org_slug="acme")
        browsers = [open_browser(router, user_id) for user_id in ("ann", "bob", "cat")]
        for members in rosters:
            for browser in browsers:
                browser.start(wing_id=WING_ID)
                browser.ask(f"{browser.viewer.identity.user_id}")
            wing.peer.take()
            router.roster.put(org(**members))
            for browser in browsers:
                user_id = browser.viewer.identity.user_id
                allowed = user_id == "ann" or ("ann" in members and user_id in members)
                if not allowed:
                    self.assertEqual((browser.viewer.controls, browser.viewer.pending), ({}, {}))
                self.assertEqual(router.wings.find(WING_ID, user_id) is not None, allowed)
