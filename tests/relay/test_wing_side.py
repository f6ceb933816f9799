"""What a wing may say: registration, output, answers, attention (protocol.md section 3)."""

from __future__ import annotations

import json
from typing import Any

from tests.relay.case import RelayTestCase
from wingthing.errors import Forbidden, InvalidMessage, PeerError
from wingthing.relay import wing_side
from wingthing.testing import (
    OTHER_WING_ID,
    PUBLIC_KEY,
    WING_ID,
    FakeBrowser,
    FakePeer,
    FakeWing,
    connect_wing,
    identity,
    new_router,
    open_browser,
    open_wing,
    registration,
)
from wingthing.wire import codec
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER
from wingthing.wire.messages import MESSAGES, From
from wingthing.wire.node_messages import Error


class RegistrationTests(RelayTestCase):
    def refused(self, wing: FakeWing, message: bytes, kind: type[PeerError] = PeerError) -> str:
        why = self.assertRaises(kind, wing_side.register, self.router, wing.link, message)
        self.assertIsNone(wing.link.wing)
        self.assertEqual(wing.peer.take(), [])
        return str(why)

    def test_the_ack_is_the_connection_id_and_the_key_of_the_node(self) -> None:
        wing = connect_wing(self.router)
        wing_side.register(self.router, wing.link, registration())
        self.assertEqual(
            wing.peer.take(),
            [
                {
                    "type": "registered",
                    "wing_id": "connection-1",
                    "relay_pub_key": "c3BraQ==",
                    "features": ["error"],
                }
            ],
        )

    def test_two_connections_have_different_ids(self) -> None:
        first, second = open_wing(self.router), open_wing(self.router)
        self.assertNotEqual(first.link.connection_id, second.link.connection_id)
        self.assertEqual(self.router.wings.reachable("ann")[0].connection_id, second.link.connection_id)

    def test_the_key_of_the_token_wins(self) -> None:
        wing = connect_wing(self.router, token_pub="ZnJvbSB0aGUgdG9rZW4=")
        wing_side.register(self.router, wing.link, registration(public_key="ZnJvbSB0aGUgd2luZw=="))
        self.assertEqual(self.router.wings.reachable("ann")[0].public_key, "ZnJvbSB0aGUgdG9rZW4=")

    def test_without_one_it_is_what_the_wing_says(self) -> None:
        open_wing(self.router, public_key="ZnJvbSB0aGUgd2luZw==")
        self.assertEqual(self.router.wings.reachable("ann")[0].public_key, "ZnJvbSB0aGUgd2luZw==")

    def test_a_token_registers_the_wing_that_it_was_made_for(self) -> None:
        wing = connect_wing(self.router, token_wing=WING_ID)
        self.assertIn("wt login", self.refused(wing, registration(OTHER_WING_ID)))
        wing_side.register(self.router, wing.link, registration(WING_ID))
        self.assertEqual(len(self.router.wings), 1)

    def test_an_organisation_that_the_user_is_not_in(self) -> None:
        self.refused(connect_wing(self.router), registration(org_slug="acme"))
        self.assertEqual(len(self.router.wings), 0)
        open_wing(self.router, org_slug="")
        open_wing(self.router, org_slug=None)

    def test_a_wing_id_that_another_account_has_connected(self) -> None:
        owner = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, owner)
        thief = connect_wing(self.router, "eve")
        self.refused(thief, registration(), Forbidden)
        thief.leave()
        self.assertEqual([record.user_id for record in self.router.wings.reachable("ann")], ["ann"])
        self.assertEqual(self.router.wings.reachable("eve"), [])
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(owner.peer.take_types(), ["pty.input"])

    def test_an_offline_wing_id_of_another_account_brings_none_of_its_routes(self) -> None:
        owner = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, owner)
        browser.ask("r1")
        owner.leave()
        browser.peer.take()
        other = open_wing(self.router, user_id="eve")
        browser.say("pty.input", session_id=session_id, data="c2VjcmV0")
        other.say("pty.output", session_id=session_id, data="eA==")
        other.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual((other.peer.take(), browser.peer.take()), ([], []))
        self.assertEqual(self.router.route_count, 0)
        other.leave()
        browser.leave()
        self.assert_empty(browser)

    def test_the_first_message_must_be_a_registration(self) -> None:
        for kind in [*sorted(MESSAGES), "no.such.type"]:
            if kind != "wing.register":
                message = json.dumps({"type": kind, "wing_id": WING_ID}).encode()
                self.assertIn("wing.register", self.refused(connect_wing(self.router), message))
        for message in (b"", b"{", b"[]", b"{}", b"\xff\xff"):
            self.refused(connect_wing(self.router), message, InvalidMessage)

    def test_fields_that_are_missing_or_of_the_wrong_type(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"wing_id": None},
            {"wing_id": "short"},
            {"agents": "shell"},
            {"labels": [1]},
            {"locked": "no"},
            {"allowed_count": "3"},
            {"public_key": 5},
            {"projects": "all"},
            {"hostname": []},
        ]
        for fields in wrong:
            message = json.dumps({**json.loads(registration()), **fields}).encode()
            self.assertIn(
                next(iter(fields)), self.refused(connect_wing(self.router), message, InvalidMessage)
            )
        self.refused(connect_wing(self.router), b'{"type":"wing.register"}', InvalidMessage)
        self.assertEqual(len(self.router.wings), 0)

    def test_a_second_registration_is_answered_with_an_error(self) -> None:
        wing = open_wing(self.router)
        wing.say(registration(OTHER_WING_ID))
        self.assertEqual(wing.peer.take_types(), ["error"])
        self.assertEqual([record.wing_id for record in self.router.wings.reachable("ann")], [WING_ID])

    def test_nothing_else_of_a_registration_is_kept(self) -> None:
        wing = open_wing(self.router, hostname="laptop-of-ann", projects=[{"name": "secret-project"}])
        known = repr(self.wing(wing).record)
        self.assertNotIn("laptop", known)
        self.assertNotIn("secret", known)

    def test_messages_before_the_registration_are_refused(self) -> None:
        wing = connect_wing(self.router)
        wing.say("pty.output", session_id="00000001", data="eA==")
        self.assertEqual(wing.peer.take_types(), ["error"])

    def test_a_wing_of_another_user_is_out_of_reach(self) -> None:
        open_wing(self.router)
        self.assertEqual(self.router.wings.reachable("eve"), [])
        self.assertIsNone(self.router.wings.find(WING_ID, "eve"))
        self.assertIsNone(self.router.wings.only("eve"))


class OutputTests(RelayTestCase):
    FORWARDED = (
        "pty.started",
        "pty.output",
        "pty.exited",
        "pty.preview",
        "pty.browser_open",
        "pty.migrated",
        "pty.fallback",
        "passkey.challenge",
    )

    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser, self.friend = open_browser(self.router), open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.viewer_id = self.laptop.peer.take()[0]["viewer_id"]

    def test_the_table_has_these_types(self) -> None:
        self.assertEqual(
            set(self.FORWARDED),
            {name for name, row in MESSAGES.items() if From.WING in row.sender and name.startswith("pty.")}
            | {"passkey.challenge"},
        )

    def test_bytes_pass_unchanged_and_uncopied(self) -> None:
        for kind in self.FORWARDED:
            session_id = self.opened(self.browser, self.laptop)
            message = b"".join(
                (
                    b'{ "data" : "\\u0065A==", "unknown":[1.50, {"a" : null}],\n\t',
                    f'"type":"{kind}","session_id":"{session_id}" }}'.encode(),
                )
            )
            self.laptop.say(message)
            self.assertEqual(len(self.browser.peer.sent), 1, kind)
            self.assertIs(self.browser.peer.sent.pop(), message)

    def test_output_goes_to_the_controller_alone(self) -> None:
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==")
        self.assertEqual(
            (self.browser.peer.take_types(), self.friend.peer.take_types()), (["pty.output"], [])
        )

    def test_with_a_viewer_id_it_goes_to_that_spectator_alone(self) -> None:
        third = open_browser(self.router)
        third.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==", viewer_id=self.viewer_id)
        self.assertEqual(
            [browser.peer.take_types() for browser in (self.browser, self.friend, third)],
            [[], ["pty.output"], []],
        )

    def test_an_unknown_viewer_id_goes_nowhere(self) -> None:
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==", viewer_id="ffffffff")
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0, viewer_id="ffffffff")
        self.assertEqual((self.browser.peer.take(), self.friend.peer.take()), ([], []))
        self.assertEqual(self.router.route_count, 2)

    def test_exited_goes_to_all_and_ends_the_route(self) -> None:
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=3)
        for browser in (self.browser, self.friend):
            said = browser.peer.take()
            self.assertEqual([(m["type"], m["exit_code"]) for m in said], [("pty.exited", 3)])
        self.assertEqual(self.router.route_count, 0)
        self.assertEqual(self.wing(self.laptop).terminals, {})
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==")
        self.assertEqual((self.browser.peer.take(), self.friend.peer.take()), ([], []))

    def test_keystrokes_on_their_way_are_no_fault(self) -> None:
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.browser.peer.take()
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.browser.say("pty.resize", session_id=self.session_id, cols=80, rows=24)
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))

    def test_exited_of_one_spectator_ends_that_view_only(self) -> None:
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0, viewer_id=self.viewer_id)
        self.assertEqual(self.friend.peer.take_types(), ["pty.exited"])
        self.assertEqual(self.browser.peer.take(), [])
        self.assertEqual(self.friend.viewer.watches, {})
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==")
        self.assertEqual(self.browser.peer.take_types(), ["pty.output"])

    def test_spectators_hear_the_end_when_the_controller_has_gone(self) -> None:
        self.browser.leave()
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual(self.friend.peer.take_types(), ["pty.exited"])
        self.assertEqual(self.router.route_count, 0)

    def test_another_wing_cannot_speak_in_this_session(self) -> None:
        """Neither one of the same user nor one of somebody else, though it names the right session."""
        mine, theirs = open_wing(self.router, OTHER_WING_ID), open_wing(self.router, "e" * 24, "eve")
        for wing in (mine, theirs):
            wing.say("pty.output", session_id=self.session_id, data="eA==")
            wing.say("pty.output", session_id=self.session_id, data="eA==", viewer_id=self.viewer_id)
            wing.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual((self.browser.peer.take(), self.friend.peer.take()), ([], []))
        self.assertEqual(self.router.route_count, 2)

    def test_ten_thousand_unknown_sessions_grow_no_table(self) -> None:
        for number in range(10_000):
            self.laptop.say("pty.output", session_id=f"f{number:07x}", data="eA==")
            self.laptop.say("pty.exited", session_id=f"f{number:07x}", exit_code=0)
            self.laptop.say("tunnel.res", request_id=f"f{number:07x}", payload="eA==")
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(len(self.wing(self.laptop).terminals), 1)
        self.assertEqual(self.wing(self.laptop).pending, {})
        self.assertEqual(self.router.route_count, 2)


class UnknownMessageTests(RelayTestCase):
    def test_types_that_a_wing_may_not_send(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        session_id = self.opened(browser, wing)
        for kind in [
            "no.such.type",
            "",
            *(name for name, row in MESSAGES.items() if From.WING not in row.sender),
        ]:
            wing.say(kind, session_id=session_id, wing_id=WING_ID, request_id="r")
            said = wing.peer.take()
            self.assertEqual([message["type"] for message in said], ["error"], kind)
            self.assertEqual(said[0]["session_id"], session_id)
        self.assertEqual(browser.peer.take(), [])

    def test_what_is_no_message(self) -> None:
        wing = open_wing(self.router)
        for message in (
            b"",
            b"not json",
            b"[]",
            b"{}",
            b'{"type":1}',
            b'{"type":"pty.output","session_id":1}',
        ):
            wing.say(message)
            self.assertEqual(wing.peer.take_types(), ["error"], message)
        self.assertEqual(len(self.router.wings), 1)

    def test_the_error_does_not_repeat_all_of_a_long_type(self) -> None:
        wing = open_wing(self.router)
        wing.say("x" * 100_000)
        self.assertLess(len(wing.peer.sent[0]), 300)


class ConfigTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.dashboard, self.stranger = FakePeer(), FakePeer()
        self.router.dashboard_connected(identity(), self.dashboard)
        self.router.dashboard_connected(identity("eve"), self.stranger)

    def test_the_owner_sees_a_wing_come_change_and_go(self) -> None:
        wing = open_wing(self.router, public_key=PUBLIC_KEY, locked=True, allowed_count=2)
        described = {
            "wing_id": WING_ID,
            "public_key": PUBLIC_KEY,
            "locked": True,
            "allowed_count": 2,
            "user_id": "ann",
            "owner": "Ann",
            "org_id": "",
        }
        self.assertEqual(self.dashboard.take(), [{"type": "wing.online", **described}])
        wing.say("wing.config", wing_id=WING_ID, locked=False, allowed_count=0)
        changed = {**described, "locked": False, "allowed_count": 0}
        self.assertEqual(self.dashboard.take(), [{"type": "wing.config", **changed}])
        self.assertFalse(self.router.wings.reachable("ann")[0].locked)
        wing.leave()
        self.assertEqual(self.dashboard.take(), [{"type": "wing.offline", "wing_id": WING_ID}])
        self.assertEqual(self.stranger.take(), [])

    def test_a_wing_speaks_of_itself_alone(self) -> None:
        wing = open_wing(self.router)
        open_wing(self.router, OTHER_WING_ID)
        self.dashboard.take()
        wing.say("wing.config", wing_id=OTHER_WING_ID, locked=True, allowed_count=0)
        wing.say("wing.heartbeat", wing_id=OTHER_WING_ID)
        self.assertEqual(wing.peer.take_types(), ["error", "error"])
        self.assertEqual(self.dashboard.take(), [])
        self.assertFalse(any(record.locked for record in self.router.wings.reachable("ann")))

    def test_a_heartbeat_is_not_answered(self) -> None:
        wing = open_wing(self.router)
        wing.say("wing.heartbeat", wing_id=WING_ID)
        self.assertEqual(wing.peer.take(), [])

    def test_a_heartbeat_without_an_id_and_a_lock_of_the_wrong_type(self) -> None:
        wing = open_wing(self.router)
        wing.say("wing.heartbeat")
        wing.say("wing.config", wing_id=WING_ID, locked="yes", allowed_count=0)
        wing.say("wing.config", wing_id=WING_ID, allowed_count=0)
        self.assertEqual(wing.peer.take_types(), ["error"] * 3)


class AttentionTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.dashboard, self.stranger = FakePeer(), FakePeer()
        self.router.dashboard_connected(identity(), self.dashboard)
        self.router.dashboard_connected(identity("eve"), self.stranger)

    def attention(self, session_id: str = "00000001", **fields: str) -> int:
        """How many events the owner's dashboard was sent."""
        self.laptop.say("session.attention", session_id=session_id, agent="claude", cwd="/secret", **fields)
        said = self.dashboard.take()
        for event in said:
            expected = {"type": "session.attention", "wing_id": WING_ID, "session_id": session_id}
            self.assertEqual(event, expected)
        self.assertEqual(self.stranger.take(), [])
        return len(said)

    def test_an_episode_is_announced_once(self) -> None:
        self.assertEqual([self.attention(nonce="a") for _ in range(3)], [1, 0, 0])
        self.assertEqual([self.attention(nonce="b") for _ in range(3)], [1, 0, 0])

    def test_the_same_nonce_in_another_session_is_another_episode(self) -> None:
        self.assertEqual(self.attention(nonce="a"), 1)
        self.assertEqual(self.attention("00000002", nonce="a"), 1)

    def test_without_a_nonce_each_is_announced(self) -> None:
        self.assertEqual([self.attention() for _ in range(2)], [1, 1])
        self.assertEqual([self.attention(nonce="") for _ in range(2)], [1, 1])

    def test_an_episode_survives_the_wings_reconnection(self) -> None:
        browser = open_browser(self.router)
        session_id = self.opened(browser, self.laptop)
        self.assertEqual(self.attention(session_id, nonce="a"), 1)
        self.laptop.leave()
        self.laptop = open_wing(self.router)
        self.dashboard.take()
        self.assertEqual(self.attention(session_id, nonce="a"), 0)

    def test_the_table_of_episodes_does_not_grow(self) -> None:
        for number in range(MAX_SESSIONS_PER_VIEWER * 3):
            self.attention(f"{number:08x}", nonce="a")
        self.assertLessEqual(len(self.wing(self.laptop).episodes), MAX_SESSIONS_PER_VIEWER)
        newest = f"{MAX_SESSIONS_PER_VIEWER * 3 - 1:08x}"
        self.assertEqual(self.attention(newest, nonce="a"), 0)

    def test_the_end_of_a_session_forgets_its_episode(self) -> None:
        browser = open_browser(self.router)
        session_id = self.opened(browser, self.laptop)
        self.attention(session_id, nonce="a")
        self.laptop.say("pty.exited", session_id=session_id, exit_code=0)
        self.assertEqual(self.wing(self.laptop).episodes, {})

    def test_fields_of_the_wrong_type(self) -> None:
        for fields in ({}, {"session_id": ""}, {"session_id": "s" * 65}, {"session_id": "s", "nonce": 5}):
            self.laptop.say("session.attention", **fields)
            self.assertEqual(self.laptop.peer.take_types(), ["error"])
        self.assertEqual(self.dashboard.take(), [])


class AnswerTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)

    def ask(self, browser: FakeBrowser, request_id: str) -> None:
        browser.ask(request_id)
        self.assertEqual(self.laptop.peer.take()[0]["request_id"], request_id)

    def test_an_answer_goes_to_who_asked_unchanged_and_ends_the_request(self) -> None:
        other = open_browser(self.router)
        self.ask(self.browser, "r1")
        self.ask(other, "r2")
        message = b'{ "payload":"\\u0065A==", "type":"tunnel.res","request_id":"r1","new":1.0 }'
        self.laptop.say(message)
        self.assertIs(self.browser.peer.sent.pop(), message)
        self.assertEqual(other.peer.take(), [])
        self.laptop.say(message)
        self.assertEqual(self.browser.peer.take(), [])
        self.assertEqual(self.router.route_count, 1)

    def test_a_stream_ends_with_done(self) -> None:
        self.ask(self.browser, "r1")
        for done in ({}, {"done": False}, {"done": None}, {"done": True}, {"done": True}, {}):
            self.laptop.say("tunnel.stream", request_id="r1", payload="eA==", **done)
        self.assertEqual(self.browser.peer.take_types(), ["tunnel.stream"] * 4)
        self.assertEqual(self.router.route_count, 0)

    def test_another_wing_cannot_answer(self) -> None:
        other = open_wing(self.router, OTHER_WING_ID)
        self.ask(self.browser, "r1")
        other.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual(self.browser.peer.take(), [])
        self.assertEqual(self.router.route_count, 1)

    def test_answers_that_nobody_waits_for_are_no_fault(self) -> None:
        self.laptop.say("tunnel.res", payload="eA==", request_id="r9")
        self.assertEqual(self.laptop.peer.take(), [])

    def test_an_answer_to_no_request_is_told(self) -> None:
        for fields in ({"request_id": ""}, {}, {"request_id": None}):
            self.laptop.say("tunnel.res", payload="eA==", **fields)
            self.assertEqual(
                [m["message"] for m in self.laptop.peer.take()],
                ["invalid message: `request_id` is missing"],
            )

    def test_what_the_wing_cannot_take_is_told_to_who_asked(self) -> None:
        self.browser.ask("r1")
        self.laptop.peer.take()
        self.laptop.say(codec.write(Error(message="the request was ignored", request_id="r1")))
        self.assertEqual(
            self.browser.peer.take(),
            [{"type": "error", "message": "the request was ignored", "request_id": "r1"}],
        )
        self.assertEqual(self.router.route_count, 0)
        for fields in ({"request_id": "r1"}, {"session_id": "ffffffff"}, {}):
            self.laptop.say(codec.write(Error(message="to nobody", **fields)))
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))


class PredictableIdsTests(RelayTestCase):
    """The relay takes its ids from whoever builds it."""

    def test_ids_come_from_the_makers(self) -> None:
        router = new_router()
        wing, browser = open_wing(router), open_browser(router)
        browser.start()
        browser.start()
        self.assertEqual([m["session_id"] for m in wing.peer.take()], ["00000001", "00000002"])
        self.assertEqual(wing.link.connection_id, "connection-1")
