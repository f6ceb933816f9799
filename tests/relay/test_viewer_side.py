"""What a browser may say, and what it would like to say (protocol.md section 4)."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.relay.case import RelayTestCase
from wingthing.relay.peers import FEATURE_DETACHED, Viewer
from wingthing.testing import (
    OTHER_WING_ID,
    PUBLIC_KEY,
    WING_ID,
    FakeBrowser,
    FakePeer,
    identity,
    open_browser,
    open_wing,
)
from wingthing.wire.limits import (
    MAX_COLS,
    MAX_PENDING_REQUESTS_PER_VIEWER,
    MAX_SESSIONS_PER_VIEWER,
    MAX_SPECTATORS_PER_SESSION,
)
from wingthing.wire.messages import MESSAGES, From

CONTROL = ("pty.input", "pty.resize", "pty.kill", "pty.attention_ack", "pty.migrate", "passkey.response")


def in_all_spellings(name: str) -> list[str]:
    """Other spellings that a JSON reader which ignores case (Go's) takes for the same field."""
    spellings = {name.upper(), name.title(), name.replace("s", "\u017f"), name.replace("k", "\u212a")}
    return sorted(spellings - {name})


class SaidByNode(RelayTestCase):
    """Reads forwarded messages as careless wings do: any spelling of a field, the last or the first wins."""

    def as_a_careless_wing_reads(self, message: bytes) -> dict[str, Any]:
        pairs: list[tuple[str, Any]] = json.loads(message, object_pairs_hook=list)
        return {name.casefold(): value for name, value in pairs}

    def as_a_wing_that_takes_the_first(self, message: bytes) -> dict[str, Any]:
        pairs: list[tuple[str, Any]] = json.loads(message, object_pairs_hook=list)
        return {name.casefold(): value for name, value in reversed(pairs)}


class StartTests(SaidByNode):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)

    def test_the_node_gives_the_session_and_says_who_it_is(self) -> None:
        peer = FakePeer()
        user = identity("ann", passkeys=("a2V5",))
        browser = FakeBrowser(self.router, Viewer(user, peer), peer)
        browser.start(cwd="/home/ann", auth_token="t", passkey_credential_id="c", new_field={"x": [1]})
        self.assertEqual(
            self.laptop.peer.take(),
            [
                {
                    "type": "pty.start",
                    "agent": "shell",
                    "cols": 80,
                    "rows": 24,
                    "public_key": PUBLIC_KEY,
                    "cwd": "/home/ann",
                    "auth_token": "t",
                    "passkey_credential_id": "c",
                    "new_field": {"x": [1]},
                    "session_id": "00000001",
                    "user_id": "ann",
                    "email": "ann@example.org",
                    "display_name": "Ann",
                    "org_role": "",
                    "passkeys": ["a2V5"],
                }
            ],
        )

    def test_identity_is_overwritten_whatever_the_browser_says(self) -> None:
        claimed: dict[str, Any] = {
            "user_id": "root",
            "email": "root@example.org",
            "display_name": "Root",
            "org_role": "owner",
            "passkeys": ["bWluZQ=="],
            "session_id": "ffffffff",
            "viewer_id": "ffffffff",
        }
        browser = open_browser(self.router)
        browser.start(**claimed)
        browser.attach("00000001", wing_id=WING_ID, **{k: v for k, v in claimed.items() if k != "session_id"})
        browser.attach(
            "00000001",
            wing_id=WING_ID,
            spectate=True,
            **{k: v for k, v in claimed.items() if k != "session_id"},
        )
        started, attached, watched = self.laptop.peer.take()
        self.assertEqual(started["session_id"], "00000001")
        self.assertEqual((started["user_id"], started["email"]), ("ann", "ann@example.org"))
        self.assertEqual((started["display_name"], started["org_role"]), ("Ann", ""))
        self.assertEqual(started["passkeys"], [])
        self.assertNotIn("viewer_id", started)
        self.assertEqual(attached["user_id"], "ann")
        for said in (attached, watched):
            # An extension: the list of a locked wing names people by their address, too.
            self.assertEqual((said["email"], said["passkeys"]), ("ann@example.org", []))
        for name in ("viewer_id", "org_role", "display_name"):
            self.assertNotIn(name, attached)
        self.assertEqual((watched["user_id"], watched["email"]), ("ann", "ann@example.org"))
        self.assertEqual(watched["viewer_id"], "00000002")
        self.assertNotIn("org_role", watched)

    def test_identity_cannot_be_smuggled_in_another_spelling(self) -> None:
        """Wings in the field are written in languages whose JSON readers ignore the case of names."""
        names = ("user_id", "email", "display_name", "org_role", "passkeys", "session_id")
        for name in names:
            for spelling in in_all_spellings(name):
                browser = open_browser(self.router)
                browser.start(**{spelling: ["root"] if name == "passkeys" else "root"})
                message = self.laptop.peer.sent.pop()
                for read in (self.as_a_careless_wing_reads, self.as_a_wing_that_takes_the_first):
                    said = read(message)
                    self.assertEqual(said["user_id"], "ann", spelling)
                    self.assertEqual(said["email"], "ann@example.org", spelling)
                    self.assertEqual((said["org_role"], said["passkeys"]), ("", []), spelling)
                    self.assertNotEqual(said["session_id"], "root", spelling)

    def test_neither_the_sender_of_a_request(self) -> None:
        for name in ("sender_user_id", "sender_email", "sender_org_role", "sender_passkeys"):
            claim = ["root"] if name == "sender_passkeys" else "root"
            for spelling in [name, *in_all_spellings(name)]:
                browser = open_browser(self.router)
                browser.ask("r1", **{name: claim, spelling: claim})
                message = self.laptop.peer.sent.pop()
                for read in (self.as_a_careless_wing_reads, self.as_a_wing_that_takes_the_first):
                    said = read(message)
                    self.assertEqual(said["sender_user_id"], "ann", spelling)
                    self.assertEqual(said["sender_email"], "ann@example.org", spelling)
                    self.assertEqual((said["sender_org_role"], said["sender_passkeys"]), ("", []), spelling)
                browser.leave()

    def test_neither_who_attaches_nor_whether_only_to_watch(self) -> None:
        session_id = self.opened(open_browser(self.router), self.laptop)
        for name in ("user_id", "viewer_id", "email", "org_role"):
            for spelling in in_all_spellings(name):
                browser = open_browser(self.router)
                browser.attach(session_id, wing_id=WING_ID, **{spelling: "root"})
                said = self.as_a_careless_wing_reads(self.laptop.peer.sent.pop())
                self.assertEqual(said["user_id"], "ann")
                self.assertNotIn("root", said.values())
                browser.attach(session_id, wing_id=WING_ID, spectate=True, **{spelling: "root"})
                said = self.as_a_careless_wing_reads(self.laptop.peer.sent.pop())
                self.assertNotIn("root", said.values())
        for spelling, value in itertools.product(in_all_spellings("spectate"), (True, False)):
            browser = open_browser(self.router)
            browser.attach(session_id, wing_id=WING_ID, spectate=not value, **{spelling: value})
            said = self.as_a_careless_wing_reads(self.laptop.peer.sent.pop())
            self.assertEqual(said["spectate"], not value, spelling)

    def test_a_session_is_bound_to_who_started_it(self) -> None:
        browser, friend = open_browser(self.router), open_browser(self.router)
        session_id = self.opened(browser, self.laptop)
        self.laptop.say("pty.started", session_id=session_id, agent="shell", public_key=PUBLIC_KEY)
        self.assertEqual(browser.peer.take_types(), ["pty.started"])
        self.assertEqual(friend.peer.take(), [])

    def test_a_session_id_is_never_given_twice(self) -> None:
        ids = iter(["aaaaaaaa", "aaaaaaaa", "aaaaaaaa", "bbbbbbbb", "bbbbbbbb", "cccccccc"])
        self.router.new_session_id = lambda: next(ids)
        other = open_wing(self.router, OTHER_WING_ID)
        browser = open_browser(self.router)
        browser.start(wing_id=WING_ID)
        browser.start(wing_id=WING_ID)
        browser.start(wing_id=OTHER_WING_ID)
        self.assertEqual([m["session_id"] for m in self.laptop.peer.take()], ["aaaaaaaa", "bbbbbbbb"])
        self.assertEqual([m["session_id"] for m in other.peer.take()], ["cccccccc"])

    def test_a_failed_start_ends_with_the_wings_word(self) -> None:
        browser = open_browser(self.router)
        session_id = self.opened(browser, self.laptop)
        self.laptop.say("pty.exited", session_id=session_id, exit_code=1, error="agent not found: claude")
        self.assertEqual(browser.peer.take()[0]["error"], "agent not found: claude")
        self.assertEqual(self.router.route_count, 0)

    def test_fields_that_are_missing_or_of_the_wrong_type(self) -> None:
        browser = open_browser(self.router)
        wrong: list[dict[str, Any]] = [
            {"cols": 0},
            {"rows": MAX_COLS + 1},
            {"cols": "80"},
            {"agent": None},
            {"agent": "x" * 257},
            {"public_key": 5},
            {"cwd": ["/"]},
            {"wing_id": 5},
        ]
        for fields in wrong:
            browser.start(**fields)
            said = browser.peer.take()
            self.assertEqual([message["type"] for message in said], ["error"], fields)
            self.assertIn(next(iter(fields)), said[0]["message"])
        browser.say("pty.start", cols=80, rows=24)
        self.assertEqual(browser.peer.take_types(), ["error"])
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.router.route_count, 0)

    def test_no_more_terminals_than_a_connection_may_have(self) -> None:
        browser = open_browser(self.router)
        for _ in range(MAX_SESSIONS_PER_VIEWER):
            browser.start()
        self.assertEqual(browser.peer.take(), [])
        browser.start()
        browser.attach("ffffffff", wing_id=WING_ID)
        browser.attach("ffffffff", wing_id=WING_ID, spectate=True)
        self.assertEqual(browser.peer.take_types(), ["error"] * 3)
        self.assertEqual(len(self.wing(self.laptop).terminals), MAX_SESSIONS_PER_VIEWER)
        browser.attach("00000001", wing_id=WING_ID)
        browser.say("pty.detach", session_id="00000001")
        browser.start()
        self.assertEqual(browser.peer.take(), [])


class WingChoiceTests(RelayTestCase):
    def start(self, browser: FakeBrowser, **fields: Any) -> list[str]:
        """Who was sent the start: the names of the wings."""
        browser.start(**fields)
        return [name for name, wing in self.fakes.items() if wing.peer.take()]

    def setUp(self) -> None:
        super().setUp()
        self.fakes = {"laptop": open_wing(self.router), "theirs": open_wing(self.router, "e" * 24, "eve")}

    def test_the_message_then_the_address_then_the_only_one(self) -> None:
        self.assertEqual(self.start(open_browser(self.router)), ["laptop"])
        self.fakes["desk"] = open_wing(self.router, OTHER_WING_ID)
        self.assertEqual(self.start(open_browser(self.router), wing_id=OTHER_WING_ID), ["desk"])
        addressed = open_browser(self.router, wing_id=WING_ID)
        self.assertEqual(self.start(addressed), ["laptop"])
        self.assertEqual(self.start(addressed, wing_id=""), ["laptop"])
        self.assertEqual(self.start(addressed, wing_id=None), ["laptop"])
        self.assertEqual(self.start(addressed, wing_id=OTHER_WING_ID), ["desk"])

    def test_with_two_wings_and_none_named_there_is_no_choice(self) -> None:
        open_wing(self.router, OTHER_WING_ID)
        browser = open_browser(self.router)
        self.assertEqual(self.start(browser), [])
        self.assertEqual(browser.peer.take(), [{"type": "error", "message": "no wing connected"}])

    def test_no_wing_or_none_of_that_name_or_one_of_somebody_else(self) -> None:
        browser, stranger = open_browser(self.router), open_browser(self.router, "bob")
        self.assertEqual(self.start(stranger), [])
        self.assertEqual(self.start(stranger, wing_id=WING_ID), [])
        self.assertEqual(self.start(browser, wing_id="f" * 24), [])
        self.assertEqual(self.start(browser, wing_id="e" * 24), [])
        self.assertEqual(self.start(open_browser(self.router, wing_id="e" * 24)), [])
        for peer in (stranger.peer, browser.peer):
            self.assertEqual(peer.take(), [{"type": "error", "message": "no wing connected"}] * 2)
        self.assertEqual(self.router.route_count, 0)

    def test_a_named_wing_that_is_away_is_not_replaced_by_the_only_one(self) -> None:
        browser = open_browser(self.router, wing_id=OTHER_WING_ID)
        self.assertEqual(self.start(browser), [])
        self.assertEqual(browser.peer.take_types(), ["error"])


class AttachTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)

    def hears_output(self, *browsers: FakeBrowser) -> list[bool]:
        for browser in browsers:
            browser.peer.take()
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==")
        return [browser.peer.take_types() == ["pty.output"] for browser in browsers]

    def test_who_is_let_in_takes_the_session_over(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID, cols=40, rows=20)
        said = self.laptop.peer.take()
        self.assertEqual([(m["type"], m["user_id"], m["cols"]) for m in said], [("pty.attach", "ann", 40)])
        self.assertEqual(self.hears_output(self.browser, phone), [True, False], "it is under the old key")
        self.laptop.let_in(self.session_id)
        self.assertEqual(phone.peer.take_types(), ["pty.started"])
        self.assertEqual(self.hears_output(self.browser, phone), [False, True])
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.browser.peer.take(), [])
        phone.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])

    def test_who_is_refused_takes_nothing(self) -> None:
        friend, phone = open_browser(self.router), open_browser(self.router)
        friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        viewer_id = self.laptop.peer.take()[0]["viewer_id"]
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.peer.take()
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=-1, error="not yours")
        self.assertEqual([m["error"] for m in phone.peer.take()], ["not yours"])
        self.assertEqual((self.browser.peer.take(), friend.peer.take()), ([], []))
        self.assertEqual(self.hears_output(self.browser, phone), [True, False])
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])
        self.laptop.say("pty.output", session_id=self.session_id, data="", viewer_id=viewer_id)
        self.assertEqual(friend.peer.take_types(), ["pty.output"])

    def test_a_terminal_that_ends_while_somebody_attaches_ends_for_all(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual(self.browser.peer.take_types(), ["pty.exited"])
        self.assertEqual(phone.peer.take_types(), ["pty.exited"])
        self.assertEqual(self.router.route_count, 0)

    def test_what_it_says_before_it_is_let_in_comes_after(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.resize", session_id=self.session_id, cols=40, rows=20)
        phone.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertEqual(phone.peer.take(), [])
        self.laptop.let_in(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.resize", "pty.input"])

    def test_a_passkey_is_asked_of_who_attaches(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.peer.take()
        self.laptop.say("passkey.challenge", session_id=self.session_id, challenge="eA==")
        self.assertEqual(phone.peer.take_types(), ["passkey.challenge"])
        self.assertEqual(self.browser.peer.take(), [])
        phone.say("passkey.response", session_id=self.session_id, signature="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["passkey.response"])

    def test_nor_may_who_is_asked_end_it(self) -> None:
        """Where nobody has the terminal open, who attaches is bound to it before the wing has answered."""
        self.browser.say("pty.detach", session_id=self.session_id)
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.kill", session_id=self.session_id)
        self.laptop.say("passkey.challenge", session_id=self.session_id, challenge="eA==")
        phone.say("passkey.response", session_id=self.session_id, signature="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach", "passkey.response"])
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=-1, error="not_allowed")
        self.assertEqual(self.laptop.peer.take(), [], "not even afterwards")
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.kill", session_id=self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.laptop.let_in(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.kill"])

    def test_the_wing_goes_before_it_has_answered(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.leave()
        self.assertEqual(phone.peer.take_types(), ["wing.offline"])
        again = open_wing(self.router)
        again.let_in(self.session_id)
        self.assertEqual(phone.peer.take(), [], "nobody has asked this connection")
        phone.leave()
        self.assertEqual(self.router.route_count, 1)

    def test_a_new_connection_of_the_wing_has_not_been_asked(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        open_wing(self.router)
        self.assertEqual(phone.peer.take_types(), ["wing.offline"])
        self.assertEqual(self.browser.peer.take(), [])

    def test_the_one_it_was_taken_from_is_told_if_it_asked_for_that(self) -> None:
        features = frozenset({FEATURE_DETACHED})
        first, second = open_browser(self.router, features=features), open_browser(self.router)
        for browser in (first, second):
            browser.attach(self.session_id, wing_id=WING_ID)
            self.laptop.let_in(self.session_id)
        self.assertEqual(self.browser.peer.take(), [])
        said = first.peer.take()
        self.assertEqual([m["type"] for m in said], ["pty.started", "pty.detached"])
        self.assertEqual(said[1]["session_id"], self.session_id)

    def test_the_end_of_the_displaced_connection_changes_nothing(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.let_in(self.session_id)
        self.browser.leave()
        self.assertEqual(self.hears_output(phone), [True])

    def test_attaching_again_is_no_takeover(self) -> None:
        features = frozenset({FEATURE_DETACHED})
        browser = open_browser(self.router, features=features)
        for _ in range(2):
            browser.attach(self.session_id, wing_id=WING_ID)
            self.laptop.let_in(self.session_id)
        self.assertEqual(browser.peer.take_types(), ["pty.started"] * 2)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"] * 2)
        self.assertEqual(self.router.route_count, 1)

    def test_names_that_some_readers_take_for_others(self) -> None:
        for kind in ("pty.kill", "pty.resize", "pty.attention_ack"):
            self.browser.say(kind, session_id=self.session_id, Session_ID="ffffffff", cols=9, rows=9)
            said = self.browser.peer.take()
            self.assertEqual([m["type"] for m in said], ["error"], kind)
            self.assertIn("lower case", said[0]["message"])
        self.assertEqual(self.laptop.peer.take(), [])

    def test_a_session_that_no_browser_has_open_is_found_by_its_wing(self) -> None:
        self.browser.leave()
        phone = open_browser(self.router, wing_id=WING_ID)
        phone.attach(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertEqual(self.hears_output(phone), [True])

    def test_an_open_session_is_found_without_naming_its_wing(self) -> None:
        open_wing(self.router, OTHER_WING_ID)
        phone, stranger = open_browser(self.router), open_browser(self.router, "eve")
        phone.attach(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        stranger.attach(self.session_id)
        phone.attach("ffffffff")
        for browser in (stranger, phone):
            said = browser.peer.take()
            self.assertEqual([m["message"] for m in said], ["wing not found"])

    def test_another_users_attach_finds_no_wing(self) -> None:
        """The same answer as for a wing that does not exist: nothing can be learnt from it."""
        eve = open_browser(self.router, "eve")
        for spectate, wing_id in itertools.product((False, True), (WING_ID, "f" * 24, OTHER_WING_ID)):
            eve.attach(self.session_id, wing_id=wing_id, spectate=spectate)
            self.assertEqual(
                eve.peer.take(),
                [{"type": "error", "message": "wing not found", "session_id": self.session_id}],
            )
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.hears_output(self.browser, eve), [True, False])

    def test_the_same_session_id_on_another_wing_is_another_session(self) -> None:
        theirs = open_wing(self.router, OTHER_WING_ID, "eve")
        eve = open_browser(self.router, "eve")
        eve.attach(self.session_id, wing_id=OTHER_WING_ID)
        self.assertEqual(theirs.peer.take_types(), ["pty.attach"])
        theirs.let_in(self.session_id)
        eve.say("pty.input", session_id=self.session_id, data="eA==")
        eve.say("pty.kill", session_id=self.session_id)
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(theirs.peer.take_types(), ["pty.input", "pty.kill"])
        self.assertEqual(self.hears_output(self.browser, eve), [True, False])
        theirs.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual(self.browser.peer.take(), [])
        self.assertEqual(self.hears_output(self.browser), [True])

    def test_one_connection_cannot_hold_the_same_id_on_two_wings(self) -> None:
        desk = open_wing(self.router, OTHER_WING_ID)
        for spectate in (False, True):
            self.browser.attach(self.session_id, wing_id=OTHER_WING_ID, spectate=spectate)
            self.assertEqual(self.browser.peer.take_types(), ["error"])
        self.assertEqual(desk.peer.take(), [])
        self.assertEqual(self.wing(desk).terminals, {})
        self.assertEqual(self.hears_output(self.browser), [True])

    def test_detach_forgets_the_binding_and_says_nothing_to_the_wing(self) -> None:
        self.browser.say("pty.detach", session_id=self.session_id)
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))
        self.assertEqual(self.hears_output(self.browser), [False])
        self.assertEqual(self.router.route_count, 0)
        self.browser.say("pty.detach", session_id=self.session_id)
        self.browser.say("pty.detach", session_id="ffffffff")
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))

    def test_a_detach_of_somebody_elses_session_does_nothing(self) -> None:
        other = open_browser(self.router)
        other.say("pty.detach", session_id=self.session_id)
        self.assertEqual(self.hears_output(self.browser, other), [True, False])


class SpectatorTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser, self.friend = open_browser(self.router), open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.attached = self.laptop.peer.take()[0]

    def test_the_node_adds_a_viewer_id_and_who_it_is(self) -> None:
        self.assertEqual(
            (self.attached["viewer_id"], self.attached["user_id"], self.attached["email"]),
            ("00000002", "ann", "ann@example.org"),
        )
        self.assertTrue(self.attached["spectate"])

    def test_a_spectator_can_only_watch(self) -> None:
        for kind in CONTROL:
            self.friend.say(kind, session_id=self.session_id, data="eA==", cols=80, rows=24)
            said = self.friend.peer.take()
            self.assertEqual([m["message"] for m in said], ["a spectator can only watch"], kind)
        self.assertEqual(self.laptop.peer.take(), [])

    def test_these_are_all_ways_to_act_on_a_session(self) -> None:
        self.assertEqual(set(CONTROL), {name for name, row in MESSAGES.items() if row.controller_only})

    def test_the_controller_stays_the_controller(self) -> None:
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])

    def test_watching_again_replaces_the_old_view(self) -> None:
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        new_id = self.laptop.peer.take()[0]["viewer_id"]
        self.assertNotEqual(new_id, self.attached["viewer_id"])
        terminal = self.wing(self.laptop).terminals[self.session_id]
        self.assertEqual(list(terminal.spectators), [new_id])
        self.laptop.say(
            "pty.output", session_id=self.session_id, data="", viewer_id=self.attached["viewer_id"]
        )
        self.assertEqual(self.friend.peer.take(), [])

    def test_a_spectator_may_become_the_controller_and_back(self) -> None:
        self.friend.attach(self.session_id, wing_id=WING_ID)
        self.laptop.let_in(self.session_id)
        self.friend.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach", "pty.input"])
        terminal = self.wing(self.laptop).terminals[self.session_id]
        self.assertEqual((terminal.controller, terminal.spectators), (self.friend.viewer, {}))
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.friend.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertIsNone(terminal.controller)
        self.assertEqual(list(terminal.spectators.values()), [self.friend.viewer])

    def test_detach_of_a_spectator(self) -> None:
        self.friend.say("pty.detach", session_id=self.session_id)
        self.assertEqual(self.friend.viewer.watches, {})
        self.assertEqual(self.wing(self.laptop).terminals[self.session_id].spectators, {})

    def test_no_more_spectators_than_a_session_may_have(self) -> None:
        others = [open_browser(self.router) for _ in range(MAX_SPECTATORS_PER_SESSION)]
        for browser in others:
            browser.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.assertEqual([len(browser.peer.take()) for browser in others], [0] * (len(others) - 1) + [1])
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.assertEqual(self.friend.peer.take(), [])


class GuessTests(RelayTestCase):
    """A browser may name only a session that is bound to it."""

    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.owner = open_browser(self.router)
        self.session_id = self.opened(self.owner, self.laptop)

    def test_a_guessed_session_goes_nowhere(self) -> None:
        for user_id in ("ann", "eve"):
            other = open_browser(self.router, user_id, WING_ID)
            for kind, named in itertools.product(CONTROL, (self.session_id, "ffffffff")):
                other.say(kind, session_id=named, data="eA==", cols=80, rows=24)
                said = other.peer.take()
                self.assertEqual([(m["type"], m["session_id"]) for m in said], [("error", named)], kind)
        self.assertEqual(self.laptop.peer.take(), [])

    def test_a_session_that_exists_is_answered_like_one_that_does_not(self) -> None:
        other = open_browser(self.router, "eve")
        answers = set()
        for named in (self.session_id, "ffffffff"):
            other.say("pty.input", session_id=named, data="eA==")
            answers.add(other.peer.take()[0]["message"])
        self.assertEqual(len(answers), 1)

    def test_no_session_at_all(self) -> None:
        for fields in (
            {},
            {"session_id": ""},
            {"session_id": None},
            {"session_id": 5},
            {"session_id": ["x"]},
        ):
            self.owner.say("pty.input", data="eA==", **fields)
            self.assertEqual(self.owner.peer.take_types(), ["error"], fields)
        self.assertEqual(self.laptop.peer.take(), [])

    def test_ten_thousand_unknown_sessions_grow_no_table(self) -> None:
        other = open_browser(self.router)
        for number in range(10_000):
            other.say("pty.input", session_id=f"f{number:07x}", data="eA==")
            other.say("pty.detach", session_id=f"f{number:07x}")
        self.assertEqual(len(other.peer.take()), 10_000)
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.router.route_count, 1)
        self.assertEqual((other.viewer.controls, other.viewer.watches, other.viewer.ended), ({}, {}, {}))

    def test_ten_thousand_sessions_opened_and_left_grow_no_table(self) -> None:
        other = open_browser(self.router)
        for number in range(10_000):
            other.attach(f"f{number:07x}", wing_id=WING_ID, spectate=bool(number % 2))
            other.say("pty.detach", session_id=f"f{number:07x}")
        self.assertEqual(list(self.wing(self.laptop).terminals), [self.session_id])
        self.assertLessEqual(len(other.viewer.ended), MAX_SESSIONS_PER_VIEWER)

    def test_an_attach_to_what_the_wing_does_not_have_ends_with_its_word(self) -> None:
        self.owner.attach("ffffffff", wing_id=WING_ID)
        self.laptop.say("pty.exited", session_id="ffffffff", exit_code=-1, error="session not found")
        self.assertEqual(self.owner.peer.take()[0]["error"], "session not found")
        self.assertEqual(list(self.wing(self.laptop).terminals), [self.session_id])


class ForwardingTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)

    def test_bytes_pass_unchanged_and_uncopied(self) -> None:
        for kind in CONTROL:
            message = b"".join(
                (
                    b'{ "data":"\\u0065A==","cols" : 80,"rows":24, "unknown":[1.50],\n',
                    f'"type":"{kind}","session_id":"{self.session_id}" }}'.encode(),
                )
            )
            self.browser.say(message)
            self.assertIs(self.laptop.peer.sent.pop(), message, kind)
        self.assertEqual(self.browser.peer.take(), [])

    def test_absurd_sizes_do_not_reach_the_wing(self) -> None:
        for cols, rows in (
            (0, 24),
            (80, 0),
            (-1, 24),
            (MAX_COLS + 1, 24),
            (80, 2**40),
            ("80", 24),
            (80, None),
        ):
            self.browser.say("pty.resize", session_id=self.session_id, cols=cols, rows=rows)
            said = self.browser.peer.take()
            self.assertEqual([(m["type"], m["session_id"]) for m in said], [("error", self.session_id)])
        self.assertEqual(self.laptop.peer.take(), [])

    def test_types_that_a_browser_may_not_send(self) -> None:
        for kind in [
            "no.such.type",
            "",
            *(name for name, row in MESSAGES.items() if From.BROWSER not in row.sender),
        ]:
            self.browser.say(kind, session_id=self.session_id, wing_id=WING_ID, request_id="r")
            self.assertEqual(self.browser.peer.take_types(), ["error"], kind)
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.router.route_count, 1)

    def test_what_is_no_message(self) -> None:
        for message in (b"", b"not json", b"[]", b"{}", b'{"type":1}', b'{"type":"pty.start"}', b"\xff"):
            self.browser.say(message)
            self.assertEqual(self.browser.peer.take_types(), ["error"], message)
        self.assertEqual(self.laptop.peer.take(), [])

    def test_traffic_to_the_user_is_counted(self) -> None:
        before = self.router.meter.usage_bytes("ann")
        message = json.dumps({"type": "pty.output", "session_id": self.session_id, "data": "eA=="}).encode()
        self.laptop.say(message)
        self.assertEqual(self.router.meter.usage_bytes("ann") - before, len(message))
        self.browser.leave()
        self.assertEqual(self.router.meter.usage_bytes("ann") - before, len(message))


class RequestTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)

    def test_the_node_says_who_asks_and_passes_on_the_rest(self) -> None:
        self.browser.ask(
            "r1",
            sender_user_id="root",
            sender_email="root@example.org",
            sender_org_role="owner",
            sender_passkeys=["bWluZQ=="],
            new_field=[1, None],
        )
        self.assertEqual(
            self.laptop.peer.take(),
            [
                {
                    "type": "tunnel.req",
                    "wing_id": WING_ID,
                    "request_id": "r1",
                    "sender_pub": PUBLIC_KEY,
                    "payload": "c2VjcmV0",
                    "sender_user_id": "ann",
                    "sender_email": "ann@example.org",
                    "sender_org_role": "",
                    "sender_passkeys": [],
                    "new_field": [1, None],
                }
            ],
        )

    def test_a_wing_of_somebody_else_or_none(self) -> None:
        open_wing(self.router, "e" * 24, "eve")
        for wing_id in ("e" * 24, "f" * 24, "x"):
            self.browser.ask("r1", wing_id)
            said = self.browser.peer.take()
            self.assertEqual([(m["message"], m["request_id"]) for m in said], [("wing not found", "r1")])
        self.assertEqual(self.router.route_count, 0)

    def test_a_request_id_in_use_by_another_browser(self) -> None:
        other = open_browser(self.router)
        self.browser.ask("r1")
        other.ask("r1")
        self.assertEqual(other.peer.take_types(), ["error"])
        self.laptop.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual((self.browser.peer.take_types(), other.peer.take()), (["tunnel.res"], []))

    def test_the_same_id_at_two_wings_from_one_browser(self) -> None:
        desk = open_wing(self.router, OTHER_WING_ID)
        self.browser.ask("r1")
        self.browser.ask("r1", OTHER_WING_ID)
        self.assertEqual(self.browser.peer.take_types(), ["error"])
        self.assertEqual(desk.peer.take(), [])
        self.assertEqual(self.wing(desk).pending, {})

    def test_the_same_id_at_two_wings_from_two_browsers(self) -> None:
        desk = open_wing(self.router, OTHER_WING_ID)
        other = open_browser(self.router)
        self.browser.ask("r1")
        other.ask("r1", OTHER_WING_ID)
        desk.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual((self.browser.peer.take(), other.peer.take_types()), ([], ["tunnel.res"]))

    def test_a_browser_may_repeat_its_request(self) -> None:
        self.browser.ask("r1")
        self.browser.ask("r1")
        self.assertEqual(self.laptop.peer.take_types(), ["tunnel.req"] * 2)
        self.laptop.say("tunnel.res", request_id="r1", payload="eA==")
        self.laptop.say("tunnel.res", request_id="r1", payload="eA==")
        self.assertEqual(self.browser.peer.take_types(), ["tunnel.res"])

    def test_ten_thousand_requests_without_an_answer(self) -> None:
        for number in range(10_000):
            self.browser.ask(f"r{number}")
        self.assertEqual(len(self.browser.viewer.pending), MAX_PENDING_REQUESTS_PER_VIEWER)
        self.assertEqual(len(self.wing(self.laptop).pending), MAX_PENDING_REQUESTS_PER_VIEWER)
        self.browser.peer.take()
        self.laptop.say("tunnel.res", request_id="r0", payload="eA==")
        self.assertEqual(self.browser.peer.take(), [])
        self.laptop.say("tunnel.res", request_id="r9999", payload="eA==")
        self.assertEqual(self.browser.peer.take_types(), ["tunnel.res"])

    def test_fields_that_are_missing_or_of_the_wrong_type(self) -> None:
        for fields in ({"request_id": ""}, {"request_id": "r" * 65}, {"request_id": 5}, {"payload": None}):
            self.browser.say(
                "tunnel.req",
                **{"wing_id": WING_ID, "request_id": "r", "sender_pub": "", "payload": "", **fields},
            )
            self.assertEqual(self.browser.peer.take_types(), ["error"], fields)
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.router.route_count, 0)
