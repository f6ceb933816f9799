"""What one browser has seen of a terminal that prints `n1.`, `n2.`, `n3.` ..., and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import attrs

NUMBER = re.compile(rb"n(\d+)\.")
LONGEST = 16
"""Bytes of the longest number; the end of what was fed may be the beginning of one."""


class Sight:
    """Takes output, cut anywhere, and the times at which it came.

    Numbers must follow each other, live and within a replay and from the one to the other. A replay may begin
    anywhere: what has left the scrollback is not in it.
    """

    def __init__(self) -> None:
        self.highest = 0
        self.times: list[float] = []
        """When something new came."""

        self.wrong: list[str] = []
        """What was missing, came twice or in another order."""

        self._last: int | None = None
        self._rest = b""

    def repaint(self) -> None:
        """The terminal begins anew with an empty screen, as a browser's does before a replay."""
        self._last = None
        self._rest = b""

    def feed(self, data: bytes, now: float) -> None:
        """Output that has come at `now`."""
        text = self._rest + data
        end, before = 0, self.highest
        for found in NUMBER.finditer(text):
            number, end = int(found.group(1)), found.end()
            if self._last is not None and number != self._last + 1:
                self.wrong.append(f"{number} follows {self._last}")
            self._last = number
            self.highest = max(self.highest, number)
        self._rest = text[end:][-LONGEST:]
        if self.highest > before:
            self.times.append(now)


@attrs.frozen
class Freeze:
    """A stretch of time in which nothing new came."""

    began: float
    seconds: float


def longest_freeze(times: Sequence[float], begin: float, end: float) -> Freeze:
    """The longest stretch without anything new that touches the time from `begin` to `end`.

    `times` are in order. A stretch that began before counts from its beginning, and the last one up to `end`;
    a terminal that never said anything has been frozen all that time.
    """
    first = max((time for time in times if time <= begin), default=begin)
    worst, since = Freeze(first, 0.0), first
    for time in [*(time for time in times if begin < time < end), end]:
        if time - since > worst.seconds:
            worst = Freeze(since, time - since)
        since = time
    return worst


def numbers_in(data: bytes) -> list[int]:
    """All numbers, in order."""
    return [int(found) for found in NUMBER.findall(data)]


def difference(seen: bytes, true: bytes) -> str:
    """What is wrong with what a browser has, in a sentence; empty when it has exactly what is true."""
    if seen == true:
        return ""
    have, want = numbers_in(seen), numbers_in(true)
    missing = sorted(set(want) - set(have))
    if missing:
        return f"{len(missing)} of {len(want)} lines are missing, the first is {missing[0]}"
    if len(have) > len(want):
        return f"{len(have)} lines instead of {len(want)}"
    at = next(
        (n for n, (a, b) in enumerate(zip(seen, true, strict=False)) if a != b), min(len(seen), len(true))
    )
    return f"the text differs from byte {at} on"


def gaps(numbers: Iterable[int]) -> list[str]:
    """Where numbers do not follow each other, in words."""
    found = []
    last: int | None = None
    for number in numbers:
        if last is not None and number != last + 1:
            found.append(f"{number} follows {last}")
        last = number
    return found
