"""A browser with one terminal: what the browser app does, without its page.

When and how it comes back is as in webapp/src/net/{socket,backoff,close-codes}.ts and
webapp/src/terminal/session.ts, but for one thing: it has no dashboard that would tell it that its wing is
back, and asks every five seconds, as the app does when that event is lost.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Protocol

import attrs

from drills.line import ABNORMAL, Line, NotOpened
from drills.sight import Sight
from wingthing.crypto.box import PTY, Box, decompress
from wingthing.crypto.keys import new_wing_key, public_text
from wingthing.wing.screen import RESET, Screen

FIRST_SECONDS, MOST_SECONDS = 1.0, 10.0
STABLE_SECONDS = 5.0
WING_POLL_SECONDS = 5.0
COLS, ROWS = 80, 24
TAIL_BYTES = 4096
MOST_REPLAY_BYTES = 64 * 1024 * 1024
AT_ONCE = (4003, 4008)
BY_HAND = {4001: "the login has ended", 4013: "too many terminals"}


class Canvas(Protocol):
    """What output is written to."""

    def repaint(self) -> None:
        """Begin anew with an empty screen."""

    def write(self, data: bytes) -> None:
        """Output."""


class Transcript:
    """Keeps every byte since the last repaint."""

    def __init__(self) -> None:
        self.content = bytearray()

    def repaint(self) -> None:
        self.content.clear()

    def write(self, data: bytes) -> None:
        self.content += data


class Painted:
    """A terminal emulator."""

    def __init__(self) -> None:
        self.screen = Screen(COLS, ROWS)
        self.tail = b""
        """The end of what was written: to look something up there costs less than to look at the screen."""

    def repaint(self) -> None:
        self.screen.feed(RESET)

    def write(self, data: bytes) -> None:
        self.screen.feed(data)
        self.tail = (self.tail + data)[-TAIL_BYTES:]


@attrs.frozen
class WingName:
    """What a browser must know of a wing."""

    wing_id: str
    public_key: str


class Browser:
    """Enters the fleet at `url` (ws://...) and starts a terminal on a wing, or attaches to `session_id`."""

    def __init__(
        self,
        url: str,
        cookie: str,
        wing: WingName,
        canvas: Canvas,
        *,
        session_id: str = "",
        cwd: str = "",
    ) -> None:
        self.url = url
        self.wing = wing
        self.canvas = canvas
        self.sight = Sight()
        self.session_id = session_id
        self.live = asyncio.Event()
        """Set while output can come."""

        self.machine = ""
        """Which machine its socket is at; empty while it has none."""

        self.by_hand = ""
        """Why a person would have to do something now; it does nothing more by itself."""

        self.attached: list[float] = []
        """When its terminal has opened, and each time that it was attached to again."""

        self.heard_at = 0.0
        """When it was sent output for the last time."""

        self.refused: list[int] = []
        """The status of each upgrade that was not granted."""

        self.closed: list[tuple[float, int]] = []
        """When its socket was closed, and with which code."""

        self._cookie = cookie
        self._cwd = cwd
        self._phase = "connecting"
        self._key = new_wing_key()
        self._box: Box | None = None
        self._repaint = False
        self._line: Line | None = None
        self._poll: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until cancelled, or only a person could go on."""
        attempt = 0
        try:
            while not self.by_hand:
                code, opened = ABNORMAL, None
                try:
                    self._line = await Line.open(
                        f"{self.url}/ws/pty?wing_id={self.wing.wing_id}", {"Cookie": self._cookie}
                    )
                except NotOpened as why:
                    self.refused.append(why.status)
                else:
                    opened = time.monotonic()
                    self.machine = self._line.machine
                    code = await self._talk(self._line)
                now = time.monotonic()
                if opened is not None:
                    self.closed.append((now, code))
                    if now - opened >= STABLE_SECONDS:
                        attempt = 0
                if code in BY_HAND:
                    self.by_hand = BY_HAND[code]
                if self.by_hand:
                    return
                pause = 0.0 if code in AT_ONCE and attempt == 0 else backoff(attempt)
                attempt += 1
                await asyncio.sleep(pause)
        finally:
            self._down()

    def type(self, keys: bytes) -> bool:
        """Keys that a person types; whether there was a terminal to take them."""
        if self._box is None or self._line is None or self._phase != "live":
            return False
        self._line.say("pty.input", session_id=self.session_id, data=self._box.seal(keys))
        return True

    def cut(self) -> None:
        """Lose the connection without a word; it comes back by itself."""
        if self._line is not None:
            self._line.cut()

    # -- one connection --------------------------------------------------------------------------------

    async def _talk(self, line: Line) -> int:
        self._begin()
        try:
            while not self.by_hand and (message := await line.hear()) is not None:
                self._received(message)
            return line.close_code
        finally:
            if self._phase == "starting":
                self.by_hand = "the connection was lost before the terminal had started"
            self._down()
            await line.leave()

    def _down(self) -> None:
        self._stop_polling()
        self.live.clear()
        self._box = None
        self._line = None
        self.machine = ""
        self._phase = "disconnected"

    def _begin(self) -> None:
        self._stop_polling()
        if self._line is None:
            return
        self._key, self._box = new_wing_key(), None
        common: dict[str, Any] = {
            "wing_id": self.wing.wing_id,
            "public_key": public_text(self._key),
            "cols": COLS,
            "rows": ROWS,
        }
        if self.session_id:
            self._phase, self._repaint = "attaching", True
            self._line.say("pty.attach", session_id=self.session_id, **common)
        else:
            self._phase = "starting"
            self._line.say("pty.start", agent="shell", **common, **({"cwd": self._cwd} if self._cwd else {}))

    def _received(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "pty.started" and self._phase in ("starting", "attaching"):
            self.session_id = message["session_id"]
            if message["public_key"] != self.wing.public_key:
                self.by_hand = "the wing has another key"
                return
            self._box = Box.between(self._key, message["public_key"], PTY)
            self._phase = "live"
            self.live.set()
            self.attached.append(time.monotonic())
        elif kind == "pty.output":
            self._output(message)
        elif kind == "pty.exited":
            self.by_hand = f"the terminal has ended: {message.get('error') or message.get('exit_code')}"
        elif kind == "pty.detached":
            self.by_hand = "another window has the terminal"
        elif kind == "wing.offline":
            self._wing_gone()
        elif kind == "error" and self._phase in ("starting", "attaching"):
            if "wing" in str(message.get("message")):
                self._wing_gone()
            else:
                self.by_hand = str(message.get("message"))

    def _output(self, message: dict[str, Any]) -> None:
        if self._box is None or self._phase != "live":
            return
        data = self._box.open(message["data"])
        if message.get("compressed"):
            data = decompress(data, most=MOST_REPLAY_BYTES)
        if self._repaint:
            self._repaint = False
            self.canvas.repaint()
            self.sight.repaint()
        self.heard_at = time.monotonic()
        self.canvas.write(data)
        self.sight.feed(data, self.heard_at)

    def _wing_gone(self) -> None:
        self._box = None
        self.live.clear()
        if not self.session_id:
            self.by_hand = "the wing went offline before the terminal had started"
            return
        self._phase = "wing offline"
        self._stop_polling()
        self._poll = asyncio.get_running_loop().call_later(WING_POLL_SECONDS, self._begin)

    def _stop_polling(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
        self._poll = None


def backoff(attempt: int) -> float:
    """How long the app waits before attempt `attempt` (from 0) to connect again."""
    step = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt, 16))
    return step * (0.75 + 0.25 * random.random())
