"""What a browser may say, and what it would like to say (protocol.md section 4)."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.relay.case import RelayTestCase
from wingthing.relay.peers import Viewer
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
)


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
