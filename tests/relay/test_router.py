"""The life of connections: what each side hears when the other comes and goes, and what is left behind."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.relay.case import RelayTestCase
from wingthing.errors import NotFound
from wingthing.relay.peers import FEATURE_DETACHED, Viewer, WingLink
from wingthing.relay.router import refusal
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakeBrowser,
    FakePeer,
    connect_wing,
    identity,
    open_browser,
    open_wing,
)
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import Revoked, RevokedKind

DETACHED = frozenset({FEATURE_DETACHED})


def revoked(kind: RevokedKind, subject: str, at: float = 100.0) -> Revoked:
    return Revoked(kind=kind, subject=subject, at=at, until=at + 1000)


class WingGoneTests(RelayTestCase):
    def test_each_browser_hears_wing_offline_once(self) -> None:
        wing = open_wing(self.router)
        controller, spectator = open_browser(self.router), open_browser(self.router)
        first, second = self.opened(controller, wing), self.opened(controller, wing)
        for session_id in (first, second):
            spectator.attach(session_id, wing_id=WING_ID, spectate=True)
        wing.leave()
        for browser in (controller, spectator):
            self.assertEqual(browser.peer.take(), [{"type": "wing.offline", "wing_id": WING_ID}])

    def test_a_browser_of_another_wing_hears_nothing(self) -> None:
        wing, other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID)
        browser = open_browser(self.router)
        self.opened(browser, other)
        wing.leave()
        self.assertEqual(browser.peer.take(), [])

    def test_who_waits_for_an_answer_is_told_which_request_is_lost(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        browser.ask("r1")
        browser.ask("r2")
        wing.leave()
        said = browser.peer.take()
        self.assertEqual([message["type"] for message in said], ["error", "error"])
        self.assertEqual({message["request_id"] for message in said}, {"r1", "r2"})
        self.assertEqual(self.router.route_count, 0)

    def test_a_wing_that_nobody_uses_leaves_nothing(self) -> None:
        open_wing(self.router).leave()
        connect_wing(self.router).leave()
        self.assert_empty()

    def test_routes_survive_until_the_wing_is_back(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, wing)
        wing.leave()
        browser.peer.take()
        again = open_wing(self.router)
        again.say("pty.output", session_id=session_id, data="eA==")
        self.assertEqual(browser.peer.take_types(), ["pty.output"])
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(again.peer.take_types(), ["pty.input"])

    def test_input_meanwhile_is_answered_with_wing_offline(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, wing)
        wing.leave()
        browser.peer.take()
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(browser.peer.take_types(), ["wing.offline"])
        self.assertEqual(wing.peer.take(), [])

    def test_an_offline_wing_is_forgotten_with_its_last_browser(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        self.opened(browser, wing)
        wing.leave()
        self.assertEqual(len(self.router.wings), 0)
        browser.leave()
        self.assert_empty(browser)

    def test_no_start_and_no_attach_on_a_wing_that_is_offline(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, wing)
        wing.leave()
        browser.peer.take()
        browser.start(wing_id=WING_ID)
        browser.attach(session_id, wing_id=WING_ID)
        browser.ask("r1")
        self.assertEqual(
            [message["message"] for message in browser.peer.take()],
            ["no wing connected", "wing not found", "wing not found"],
        )


class NewestConnectionTests(RelayTestCase):
    def test_the_newest_connection_is_the_wing(self) -> None:
        old = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, old)
        new = open_wing(self.router)
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual((old.peer.take_types(), new.peer.take_types()), ([], ["pty.input"]))
        self.assertEqual(len(self.router.wings), 1)

    def test_the_end_of_the_old_one_does_not_take_it_offline(self) -> None:
        old = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, old)
        dashboard = FakePeer()
        self.router.dashboard_connected(identity(), dashboard)
        new = open_wing(self.router)
        dashboard.take()
        old.leave()
        self.assertEqual(browser.peer.take(), [])
        self.assertEqual(dashboard.take(), [])
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(new.peer.take_types(), ["pty.input"])
        new.leave()
        self.assertEqual(browser.peer.take_types(), ["wing.offline"])
        self.assertEqual(dashboard.take_types(), ["wing.offline"])

    def test_the_old_one_can_no_longer_speak_for_the_wing(self) -> None:
        """Two writers would mix frames of two keys."""
        old = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, old)
        open_wing(self.router)
        old.say("pty.output", session_id=session_id, data="eA==")
        old.say("pty.exited", session_id=session_id, exit_code=0)
        old.say("wing.config", wing_id=WING_ID, locked=True, allowed_count=1)
        self.assertEqual(browser.peer.take(), [])
        self.assertEqual(self.router.route_count, 1)
        self.assertFalse(self.router.wings.reachable("ann")[0].locked)

    def test_answers_that_the_old_one_still_owes_arrive(self) -> None:
        old = open_wing(self.router)
        browser = open_browser(self.router)
        browser.ask("r1")
        open_wing(self.router)
        old.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual(browser.peer.take_types(), ["tunnel.res"])
        self.assertEqual(self.router.route_count, 0)

    def test_browsers_that_the_old_one_held_are_read_again(self) -> None:
        """A wing comes back because its old line is dead, and with it the outbox that was full."""
        old = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, old)
        old.peer.full = True
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertFalse(browser.peer.reading)
        new = open_wing(self.router)
        self.assertTrue(browser.peer.reading)
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(new.peer.take_types(), ["pty.input"])
        self.assertTrue(browser.peer.reading)
        old.leave()
        new.leave()
        browser.leave()
        self.assert_empty(browser)


class ViewerGoneTests(RelayTestCase):
    def test_it_leaves_nothing_behind(self) -> None:
        wing, other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID)
        browser, friend = open_browser(self.router), open_browser(self.router)
        self.opened(browser, wing)
        self.opened(browser, other)
        watched = self.opened(friend, wing)
        browser.attach(watched, wing_id=WING_ID, spectate=True)
        browser.ask("r1")
        browser.ask("r2", OTHER_WING_ID)
        wing.peer.full = other.peer.full = True
        browser.ask("r3")
        browser.ask("r4", OTHER_WING_ID)
        browser.leave()
        friend.leave()
        for fake in (wing, other):
            entry = self.wing(fake)
            self.assertEqual((entry.terminals, entry.pending, entry.held), ({}, {}, set()))
            fake.leave()
        self.assert_empty(browser, friend)

    def test_the_terminal_goes_on_and_its_output_is_dropped(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, wing)
        browser.leave()
        self.assertEqual(wing.peer.take(), [])
        wing.say("pty.output", session_id=session_id, data="eA==")
        self.assertEqual((wing.peer.take(), browser.peer.take()), ([], []))
        back = open_browser(self.router)
        back.attach(session_id, wing_id=WING_ID)
        wing.say("pty.output", session_id=session_id, data="eA==")
        self.assertEqual(back.peer.take_types(), ["pty.output"])

    def test_late_answers_go_nowhere(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        browser.ask("r1")
        browser.leave()
        wing.peer.take()
        wing.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual((browser.peer.take(), wing.peer.take()), ([], []))

    def test_a_wing_that_asked_for_it_hears_that_a_spectator_has_left(self) -> None:
        wing = open_wing(self.router, features=["pty.detached"])
        browser, friend = open_browser(self.router), open_browser(self.router)
        session_id = self.opened(browser, wing)
        friend.attach(session_id, wing_id=WING_ID, spectate=True)
        viewer_id = wing.peer.take()[0]["viewer_id"]
        friend.leave()
        said = wing.peer.take()
        self.assertEqual(len(said), 1)
        self.assertEqual((said[0]["type"], said[0]["viewer_id"]), ("pty.detached", viewer_id))

    def test_other_wings_do_not(self) -> None:
        wing = open_wing(self.router)
        browser, friend = open_browser(self.router), open_browser(self.router)
        session_id = self.opened(browser, wing)
        friend.attach(session_id, wing_id=WING_ID, spectate=True)
        wing.peer.take()
        friend.leave()
        self.assertEqual(wing.peer.take(), [])


class HeldTests(RelayTestCase):
    """A wing that does not read pauses those who write to it, and nobody else."""

    def setUp(self) -> None:
        super().setUp()
        self.slow, self.quick = open_wing(self.router), open_wing(self.router, OTHER_WING_ID)
        self.typist, self.onlooker = open_browser(self.router), open_browser(self.router)
        self.session_id = self.opened(self.typist, self.slow)
        self.elsewhere = self.opened(self.typist, self.quick)
        self.opened(self.onlooker, self.slow)

    def type(self, browser: FakeBrowser) -> None:
        browser.say("pty.input", session_id=self.session_id, data="eA==")

    def test_who_fills_the_outbox_is_not_read_until_there_is_room(self) -> None:
        self.slow.peer.full = True
        self.type(self.typist)
        self.assertFalse(self.typist.peer.reading)
        self.assertTrue(self.onlooker.peer.reading)
        self.assertEqual(self.slow.peer.take_types(), ["pty.input"])
        self.slow.peer.full = False
        self.router.wing_has_room(self.slow.link)
        self.assertTrue(self.typist.peer.reading)
        self.assertEqual(self.wing(self.slow).held, set())
        self.assertEqual(self.typist.viewer.held_by, set())

    def test_what_was_read_already_is_still_delivered(self) -> None:
        self.slow.peer.full = True
        for _ in range(3):
            self.type(self.typist)
        self.assertEqual(self.slow.peer.take_types(), ["pty.input"] * 3)

    def test_output_still_comes(self) -> None:
        self.slow.peer.full = True
        self.type(self.typist)
        self.slow.say("pty.output", session_id=self.session_id, data="eA==")
        self.assertEqual(self.typist.peer.take_types(), ["pty.output"])

    def test_a_wing_that_goes_releases_them(self) -> None:
        self.slow.peer.full = True
        self.type(self.typist)
        self.slow.leave()
        self.assertTrue(self.typist.peer.reading)

    def test_held_by_two_wings_until_both_have_room(self) -> None:
        self.slow.peer.full = self.quick.peer.full = True
        self.type(self.typist)
        self.typist.say("pty.input", session_id=self.elsewhere, data="eA==")
        self.router.wing_has_room(self.slow.link)
        self.assertFalse(self.typist.peer.reading)
        self.router.wing_has_room(self.quick.link)
        self.assertTrue(self.typist.peer.reading)

    def test_room_on_a_connection_that_was_replaced_changes_nothing(self) -> None:
        new = open_wing(self.router)
        new.peer.full = True
        self.type(self.typist)
        self.router.wing_has_room(self.slow.link)
        self.assertFalse(self.typist.peer.reading)
        self.router.wing_has_room(new.link)
        self.assertTrue(self.typist.peer.reading)

    def test_a_browser_that_leaves_while_held_is_forgotten(self) -> None:
        self.slow.peer.full = True
        self.type(self.typist)
        self.typist.leave()
        self.typist.peer.reading = False
        self.router.wing_has_room(self.slow.link)
        self.assertFalse(self.typist.peer.reading)


class EndTests(RelayTestCase):
    def test_everybody_hears_relay_restart(self) -> None:
        wing, unregistered = open_wing(self.router), connect_wing(self.router)
        browser, dashboard = open_browser(self.router), FakePeer()
        self.router.dashboard_connected(identity(), dashboard)
        dashboard.take()
        self.router.announce_restart()
        for peer in (wing.peer, unregistered.peer, browser.peer, dashboard):
            self.assertEqual(peer.take(), [{"type": "relay.restart"}])
            self.assertIsNone(peer.closed)

    def test_who_stays_is_closed(self) -> None:
        wing, browser, dashboard = open_wing(self.router), open_browser(self.router), FakePeer()
        self.router.dashboard_connected(identity(), dashboard)
        self.assertEqual(self.router.open_sockets, 3)
        self.router.close_all()
        for peer in (wing.peer, browser.peer, dashboard):
            self.assertEqual(peer.closed, (CloseCode.GOING_AWAY, "the server is shutting down"))
        wing.leave()
        browser.leave()
        self.router.dashboard_gone(identity(), dashboard)
        self.assertEqual(self.router.open_sockets, 0)


class RemovedUserTests(RelayTestCase):
    def test_every_socket_of_that_user_ends_and_no_other(self) -> None:
        theirs, unregistered = open_wing(self.router, user_id="eve"), connect_wing(self.router, "eve")
        browser, dashboard = open_browser(self.router, "eve"), FakePeer()
        self.router.dashboard_connected(identity("eve"), dashboard)
        mine, window = open_wing(self.router, OTHER_WING_ID), open_browser(self.router)
        self.router.revoke(revoked(RevokedKind.USER, "eve"))
        for peer in (theirs.peer, unregistered.peer, browser.peer, dashboard):
            assert peer.closed is not None
            self.assertEqual(peer.closed[0], CloseCode.LOGIN_ENDED)
        self.assertEqual((mine.peer.closed, window.peer.closed), (None, None))
        self.router.revoke(revoked(RevokedKind.USER, "nobody"))
        self.assertEqual((mine.peer.closed, window.peer.closed), (None, None))


class RevokedTests(RelayTestCase):
    """Sockets of one user that stand on different things: a login session, two tokens, one without a name."""

    def setUp(self) -> None:
        super().setUp()
        self.peers: dict[str, FakePeer] = {}
        for name, who in (
            ("browser", identity(login="digest")),
            ("other browser", identity(login="another")),
            ("with token", identity(token="j", token_issued_at=100)),
        ):
            self.router.viewer_connected(Viewer(who, self.peer(name)))
        for name, who in (
            ("wing", identity(token="j", token_issued_at=100)),
            ("old wing", identity(token="", token_issued_at=50)),
        ):
            self.router.wing_connected(WingLink(who, self.peer(name)))
        self.router.dashboard_connected(identity(login="digest"), self.peer("dashboard"))
        self.router.dashboard_connected(identity("eve", login="hers"), self.peer("hers"))

    def peer(self, name: str) -> FakePeer:
        self.peers[name] = FakePeer()
        return self.peers[name]

    def closed_by(self, kind: RevokedKind, subject: str, at: float = 100.0) -> set[str]:
        self.router.revoke(revoked(kind, subject, at))
        closed = {name for name, peer in self.peers.items() if peer.closed is not None}
        for name in closed:
            self.assertEqual((self.peers[name].closed or (0,))[0], CloseCode.LOGIN_ENDED)
        return closed

    def test_a_login_session(self) -> None:
        self.assertEqual(self.closed_by(RevokedKind.LOGIN, "digest"), {"browser", "dashboard"})

    def test_a_token(self) -> None:
        self.assertEqual(self.closed_by(RevokedKind.TOKEN, "j"), {"with token", "wing"})

    def test_all_tokens_until_a_moment(self) -> None:
        self.assertEqual(self.closed_by(RevokedKind.TOKENS, "ann", 99.0), {"old wing"})
        self.assertEqual(self.closed_by(RevokedKind.TOKENS, "ann"), {"old wing", "with token", "wing"})

    def test_a_user(self) -> None:
        self.assertEqual(self.closed_by(RevokedKind.USER, "ann"), set(self.peers) - {"hers"})

    def test_nobody(self) -> None:
        for kind in RevokedKind:
            self.assertEqual(self.closed_by(kind, "nobody"), set())


class MovedTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.fake, self.other = open_wing(self.router), open_wing(self.router, OTHER_WING_ID)
        self.typist, self.watcher = open_browser(self.router), open_browser(self.router)
        self.session = self.opened(self.typist, self.fake)
        self.watcher.attach(self.session, wing_id=WING_ID, spectate=True)
        self.bystander = open_browser(self.router, wing_id=OTHER_WING_ID)

    def test_browsers_of_that_wing_have_to_come_in_anew_and_no_other(self) -> None:
        self.router.moved_away(WING_ID)
        for browser in (self.typist, self.watcher):
            self.assertEqual((browser.peer.closed or (0,))[0], CloseCode.MOVED)
        self.assertEqual((self.bystander.peer.closed, self.fake.peer.closed), (None, None))

    def test_also_when_its_connection_here_has_ended_before(self) -> None:
        self.fake.leave()
        self.router.moved_away(WING_ID)
        self.assertEqual((self.typist.peer.closed or (0,))[0], CloseCode.MOVED)

    def test_whoever_comes_all_the_same_finds_no_wing(self) -> None:
        self.router.moved_away(WING_ID)
        late = open_browser(self.router)
        late.start(wing_id=WING_ID)
        late.attach(self.session, wing_id=WING_ID)
        late.ask("r")
        self.assertEqual(late.peer.take_types(), ["error"] * 3)

    def test_it_is_the_wing_again_when_the_newer_one_ends_first(self) -> None:
        self.router.moved_away(WING_ID)
        self.router.moved_back(WING_ID)
        late = open_browser(self.router)
        late.start(wing_id=WING_ID)
        self.assertEqual(self.fake.peer.take_types()[-1], "pty.start")

    def test_nothing_is_left_when_everybody_has_gone(self) -> None:
        self.router.moved_away(WING_ID)
        for fake in (self.fake, self.other, self.typist, self.watcher, self.bystander):
            fake.leave()
        self.assert_empty(self.typist, self.watcher, self.bystander)
        self.assertEqual(self.router.wings._superseded, set())

    def test_counts(self) -> None:
        self.assertEqual((self.router.browser_count, self.router.terminal_count), (3, 1))


class RefusalTests(TestCase):
    def test_it_names_what_it_is_about(self) -> None:
        self.assertEqual(
            refusal(b'{"type":"pty.input","session_id":"s","request_id":"r"}', NotFound("no")),
            b'{"type":"error","message":"no","session_id":"s","request_id":"r"}',
        )

    def test_what_cannot_be_read_gets_the_sentence_alone(self) -> None:
        for message in (b"", b"\xff", b"[]", b'{"type":5,"session_id":"s"}'):
            self.assertEqual(refusal(message, NotFound("no")), b'{"type":"error","message":"no"}')
