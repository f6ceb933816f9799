"""Who answers a program's queries to its terminal: the browser while somebody looks, else the egg.

A program that asks (where is the cursor, what are you) waits for an answer. The browser's emulator gives
it, in the input stream. When nothing at all comes back within QUERY_ANSWER_SECONDS nobody is there, and
the egg answers from its own screen, at once from then on until there is input again. An answer of a
browser that comes after the egg's own is dropped, so that a program never sees two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from wingthing.wire.wing_limits import LATE_ANSWER_SECONDS, QUERY_ANSWER_SECONDS

MAX_WAITING: Final = 64
"""Answers kept back at a time; a program that asks more often reads none of them."""

REPORTS: Final[dict[str, str]] = {
    "primary attributes": r"\x1b\[\?[\d;]*c",
    "secondary attributes": r"\x1b\[>[\d;]*c",
    "tertiary attributes": r"\x1bP!\|[^\x1b]*\x1b\\",
    "status": r"\x1b\[\d+n",
    "cursor position": r"\x1b\[\d+;\d+R",
    "cursor position, DEC": r"\x1b\[\?[\d;]+R",
    "mode": r"\x1b\[\??[\d;]+\$y",
    "version": r"\x1bP>\|[^\x1b]*\x1b\\",
    "setting": r"\x1bP[01]\$r[^\x1b]*\x1b\\",
    "colour": r"\x1b\](?:4|1[0-2]);[^\x1b\x07]*(?:\x07|\x1b\\)",
    "window size": r"\x1b\[[468];\d+;\d+t",
}
"""Kind -> what such an answer looks like (xterm's control sequences)."""

_any_report = re.compile("|".join(f"({shape})" for shape in REPORTS.values()).encode("latin-1"))

AS_A_BROWSER: Final = {
    "primary attributes": b"\x1b[?1;2c",
    "secondary attributes": b"\x1b[>0;276;0c",
}
"""The egg says it is what a browser's emulator says it is: one will be attached later."""


class QueryAnswers:
    """Decides between the two. `answer(bytes)` writes to the program."""

    def __init__(self, clock: IReactorTime, answer: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._answer = answer
        self._attended = True
        self._waiting: list[bytes] = []
        self._timer: IDelayedCall | None = None
        self._answered: Counter[str] = Counter()
        self._answered_at = 0.0

    def asked(self, reply: bytes) -> None:
        """The screen would answer `reply`. Kinds that a browser does not know are never answered."""
        found = _any_report.fullmatch(reply)
        if found is None:
            return
        if not self._attended:
            self._give(reply)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(reply)
            if self._timer is None:
                self._timer = self._clock.callLater(QUERY_ANSWER_SECONDS, self._nobody_there)

    def _give(self, reply: bytes) -> None:
        kind = _kind(reply)
        self._answered[kind] += 1
        self._answered_at = self._clock.seconds()
        self._answer(AS_A_BROWSER.get(kind, reply))

    def _nobody_there(self) -> None:
        self._timer = None
        self._attended = False
        waiting, self._waiting = self._waiting, []
        for reply in waiting:
            self._give(reply)

    def received(self, data: bytes) -> bytes:
        """Input from the browser; gives what of it the program is to have."""
        self.attend()
        if not self._answered:
            return data
        if self._clock.seconds() - self._answered_at > LATE_ANSWER_SECONDS:
            self._answered.clear()
            return data

        def keep(found: re.Match[bytes]) -> bytes:
            kind = _kind(found.group())
            if not self._answered[kind]:
                return found.group()
            self._answered[kind] -= 1
            return b""

        return _any_report.sub(keep, data)

    def attend(self) -> None:
        """Somebody is there: a browser has attached, or sent something."""
        self._attended = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self) -> None:
        """Nobody can be there: no wing is connected."""
        if self._timer is not None:
            self._timer.cancel()
        self._nobody_there()


def _kind(report: bytes) -> str:
    found = _any_report.match(report)
    assert found is not None and found.lastindex is not None
    return list(REPORTS)[found.lastindex - 1]


def is_report(data: bytes) -> bool:
    """Whether input is nothing but answers to queries: not typed by anybody."""
    return bool(data) and not _any_report.sub(b"", data)
