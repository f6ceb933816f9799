"""The wings and browsers of a drill do what those in the field do, as far as that shows without sockets."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.trial.unittest import TestCase

from drills.browser import COLS, Browser, Painted, Transcript, WingName, backoff
from drills.rolling import Seen, wrong_with
from drills.wing import LightTerminal, LightWing

WING_ID = "00112233445566778899aabb"


class FakeLine:
    """Keeps what is said."""

    machine = "m"

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def say(self, kind: str, **fields: Any) -> None:
        self.said.append({"type": kind, **fields})

    def take(self) -> list[dict[str, Any]]:
        said, self.said = self.said, []
        return said


class TalkTests(TestCase):
    """A light wing and a browser, joined by hand."""

    def setUp(self) -> None:
        self.wing = LightWing("ws://nowhere", "token")
        self.to_browser, self.to_wing = FakeLine(), FakeLine()
        self.browser = self.new_browser()

    def new_browser(self, session_id: str = "") -> Browser:
        name = WingName(self.wing.wing_id, self.wing.public_key)
        browser = Browser("ws://nowhere", "cookie", name, Transcript(), session_id=session_id)
        browser._line = self.to_wing  # type: ignore[assignment]
        return browser

    def relay(self, browser: Browser) -> None:
        """As a node does it, which gives the session its id."""
        for message in self.to_wing.take():
            self.wing._admit(self.to_browser, message["type"], {"session_id": "0a1b2c3d", **message})  # type: ignore[arg-type]
        for message in self.to_browser.take():
            browser._received(message)

    def begin(self, browser: Browser) -> None:
        browser._begin()
        self.relay(browser)

    def tick(self, times: int = 1) -> None:
        self.wing._line = self.to_browser  # type: ignore[assignment]
        for _ in range(times):
            self.wing.tick()

    def test_start_output_and_attach(self) -> None:
        self.begin(self.browser)
        self.assertTrue(self.browser.live.is_set())
        self.assertEqual(self.browser.session_id, "0a1b2c3d")
        self.tick(3)
        self.relay(self.browser)
        terminal = self.wing.terminals["0a1b2c3d"]
        self.assertEqual(self.browser.canvas.content, terminal.content)  # type: ignore[attr-defined]
        terminal.box = None
        self.tick(2)
        self.assertEqual(self.to_browser.take(), [], "nobody looks")
        self.begin(self.browser)
        self.tick()
        self.relay(self.browser)
        self.assertEqual(self.browser.canvas.content, terminal.content)  # type: ignore[attr-defined]
        self.assertEqual((self.browser.sight.highest, self.browser.sight.wrong), (6, []))
        self.assertEqual(len(self.browser.attached), 2)

    def test_an_attach_to_nothing_is_for_the_person(self) -> None:
        browser = self.new_browser("ffffffff")
        self.begin(browser)
        self.assertEqual(browser.by_hand, "the terminal has ended: no such session")

    def test_another_key_is_for_the_person(self) -> None:
        self.browser.wing = WingName(WING_ID, "another")
        self.begin(self.browser)
        self.assertEqual(self.browser.by_hand, "the wing has another key")

    def test_output_between_an_attach_and_its_answer_is_passed_over(self) -> None:
        self.begin(self.browser)
        self.browser._begin()
        self.tick()
        for message in self.to_browser.take():
            self.browser._received(message)
        self.assertEqual(self.browser.sight.highest, 0)
        self.relay(self.browser)
        self.assertEqual((self.browser.sight.highest, self.browser.by_hand), (1, ""))

    def test_a_wing_that_goes_is_asked_for_again(self) -> None:
        async def talk() -> None:
            self.begin(self.browser)
            self.browser._received({"type": "wing.offline"})
            self.assertFalse(self.browser.live.is_set())
            self.assertFalse(self.browser.type(b"x"))
            assert self.browser._poll is not None
            self.browser._poll.cancel()
            self.begin(self.browser)
            self.assertTrue(self.browser.live.is_set())
            self.assertTrue(self.browser.type(b"x"))
            self.browser._begin()
            self.browser._received({"type": "error", "message": "wing not found"})
            self.assertIsNotNone(self.browser._poll)
            self.browser._stop_polling()

        # In a thread: where the browser tests have run, this one has an event loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, talk()).result()
        self.assertEqual(self.browser.by_hand, "")


class BackoffTests(TestCase):
    def test_a_second_doubling_up_to_ten(self) -> None:
        random.seed(1)
        for attempt, most in enumerate((1, 2, 4, 8, 10, 10)):
            for _ in range(50):
                self.assertTrue(0.75 * most <= backoff(attempt) <= most)


class ScreenTests(TestCase):
    """The comparison of a rolling deploy."""

    def seen(self, *outputs: bytes) -> Seen:
        painted = Painted()
        for output in outputs:
            painted.write(output)
        self.addCleanup(painted.screen.close)
        return Seen.of(painted)

    def test_the_screen_and_its_scrollback(self) -> None:
        terminal = LightTerminal("s")
        for _ in range(100):
            terminal.print()
        seen = self.seen(bytes(terminal.content))
        self.assertEqual(seen.numbers, list(range(1, 101)))
        self.assertIn("n100.", seen.text)
        self.assertEqual(wrong_with(seen, seen, 100), [])

    def test_what_is_wrong(self) -> None:
        whole = b"".join(b"n%d.\r\n" % number for number in range(1, 41))
        true = self.seen(whole)
        self.assertEqual(
            wrong_with(self.seen(whole.replace(b"n30.\r\n", b"")), true, 40),
            ["row 0 is 'n17.', and 'n18.' after a fresh attach", "browser: 31 follows 29"],
        )
        self.assertEqual(
            wrong_with(true, true, 41),
            ["browser: ends at [40] instead of 41", "fresh attach: ends at [40] instead of 41"],
        )
        late = self.seen(whole[whole.index(b"n5.") :])
        self.assertEqual(wrong_with(late, true, 40), ["browser: begins with [5]"])

    def test_a_repaint_forgets(self) -> None:
        painted = Painted()
        self.addCleanup(painted.screen.close)
        painted.write(b"x" * COLS)
        painted.repaint()
        self.assertEqual(painted.screen.text().strip(), "")
