"""How the commands put times, counts and lists into words."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

MINUTE, HOUR, DAY = 60, 3600, 86400


def ago(seconds: float) -> str:
    """A span as people say it: `40 seconds`, `5 minutes`, `3 hours`, `12 days`."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            return count(int(seconds // size), name)
    return count(max(0, int(seconds)), "second")


def day(unix_seconds: float) -> str:
    """A date on this machine's calendar."""
    return datetime.datetime.fromtimestamp(unix_seconds).astimezone().strftime("%Y-%m-%d")


def count(number: int, name: str) -> str:
    """`1 terminal`, `2 terminals`, `0 terminals`."""
    return f"{number} {name}" + ("" if number == 1 else "s")


def size(number: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def split(words: Iterable[str]) -> list[str]:
    """The parts of an option that may be repeated and may hold commas."""
    return [part.strip() for word in words for part in word.split(",") if part.strip()]
