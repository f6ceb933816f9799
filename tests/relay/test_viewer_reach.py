"""What a browser names that is not its own, and what of its words goes on as it is."""

from __future__ import annotations

import itertools
import json

from tests.relay.case import CONTROL, RelayTestCase
from wingthing.testing import (
    WING_ID,
    open_browser,
    open_wing,
)
from wingthing.wire.limits import (
    MAX_COLS,
    MAX_SESSIONS_PER_VIEWER,
)
from wingthing.wire.messages import MESSAGES, From


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
