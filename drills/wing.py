"""A light wing: many of them in one process, each with terminals that do nothing but count.

It does what the protocol asks of a wing and what ours does beyond it: it comes back with a jittered backoff,
at a random moment within a second when the node has said that it restarts, and repaints who attaches.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import Any

import attrs

from drills.line import Line, NotOpened
from wingthing.crypto.box import PTY, Box, compress
from wingthing.crypto.keys import new_wing_key, public_text
from wingthing.wing.backoff import Backoff
from wingthing.wire.limits import HEARTBEAT_SECONDS, MAX_CHUNK_BYTES
from wingthing.wire.wing_limits import RESTART_SPREAD_SECONDS

LINE_WIDTH = 60


@attrs.define(eq=False)
class LightTerminal:
    """Counts, whether somebody looks or not, and remembers all that it has said."""

    session_id: str
    content: bytearray = attrs.field(factory=bytearray)
    count: int = 0
    box: Box | None = None
    """The key of the browser that looks; None while the wing knows of none."""

    def print(self) -> bytes:
        """The next line."""
        self.count += 1
        line = f"n{self.count}.".ljust(LINE_WIDTH).encode() + b"\r\n"
        self.content += line
        return line


@attrs.frozen
class Registration:
    """The wing is online."""

    at: float
    machine: str


class LightWing:
    """Enters the fleet at `url` (ws://...). `run()` lasts until cancelled; `tick()` is one more line."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self.wing_id = secrets.token_hex(12)
        self._key = new_wing_key()
        self.public_key = public_text(self._key)
        self.terminals: dict[str, LightTerminal] = {}
        self.registrations: list[Registration] = []
        self.machine = ""
        """Where it is online; empty while it is not."""

        self.refused = ""
        """Why it will not come back by itself."""

        self._line: Line | None = None

    async def run(self) -> None:
        """Connect, and come back, for ever."""
        backoff = Backoff(random.random)
        while not self.refused:
            restarting = False
            try:
                self._line = await Line.open(f"{self.url}/ws/wing", self._headers)
            except NotOpened as why:
                if why.status == 401:
                    self.refused = "the token is not accepted"
            else:
                try:
                    restarting = await self._serve(self._line, backoff)
                finally:
                    line, self._line, self.machine = self._line, None, ""
                    for terminal in self.terminals.values():
                        terminal.box = None
                    await line.leave(1001 if restarting else 1000)
            spread = random.random() * RESTART_SPREAD_SECONDS
            await asyncio.sleep(spread if restarting else backoff.seconds())

    def tick(self) -> None:
        """One more line in each terminal; who looks sees it."""
        for terminal in self.terminals.values():
            line = terminal.print()
            if self._line is not None and terminal.box is not None:
                self._line.say("pty.output", session_id=terminal.session_id, data=terminal.box.seal(line))

    def cut(self) -> None:
        """Lose the connection without a word."""
        if self._line is not None:
            self._line.cut()

    async def _serve(self, line: Line, backoff: Backoff) -> bool:
        """One connection; whether it has ended because the node restarts."""
        line.say(
            "wing.register",
            wing_id=self.wing_id,
            agents=[],
            skills=[],
            labels=[],
            identities=[],
            public_key=self.public_key,
            locked=False,
        )
        beats = asyncio.create_task(self._beat(line))
        try:
            while (message := await line.hear()) is not None:
                kind = message["type"]
                if kind == "registered":
                    self.machine = line.machine
                    self.registrations.append(Registration(time.monotonic(), self.machine))
                    backoff.reset()
                elif kind == "error" and not self.machine:
                    self.refused = str(message.get("message"))
                    return False
                elif kind == "relay.restart":
                    return True
                elif kind in ("pty.start", "pty.attach"):
                    self._admit(line, kind, message)
        finally:
            beats.cancel()
        return False

    def _admit(self, line: Line, kind: str, message: dict[str, Any]) -> None:
        session_id = message["session_id"]
        terminal = self.terminals.get(session_id)
        if terminal is None:
            if kind == "pty.attach":
                line.say("pty.exited", session_id=session_id, exit_code=1, error="no such session")
                return
            terminal = self.terminals[session_id] = LightTerminal(session_id)
        terminal.box = Box.between(self._key, message["public_key"], PTY)
        line.say("pty.started", session_id=session_id, agent="shell", public_key=self.public_key)
        for begin in range(0, len(terminal.content), MAX_CHUNK_BYTES):
            chunk = bytes(terminal.content[begin : begin + MAX_CHUNK_BYTES])
            data = terminal.box.seal(compress(chunk))
            line.say("pty.output", session_id=session_id, data=data, compressed=True)

    async def _beat(self, line: Line) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            line.say("wing.heartbeat", wing_id=self.wing_id)
