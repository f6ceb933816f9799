"""Limits how often somebody may be wrong: a code that people can type is short enough to be guessed."""

from __future__ import annotations

from collections.abc import Callable

from wingthing.errors import PeerError

MAX_KEYS = 10_000
"""How many are remembered at a time; the oldest are forgotten first."""


class Throttle:
    """Counts failures by key, at most `most` within `window` seconds. `seconds` tells the time."""

    def __init__(self, seconds: Callable[[], float], *, most: int, window: float) -> None:
        self._seconds = seconds
        self._most = most
        self._window = window
        self._failures: dict[str, list[float]] = {}

    def check(self, key: str) -> None:
        """Raises PeerError (429) when `key` has failed too often and has to wait."""
        recent = self._recent(key)
        if len(recent) >= self._most:
            wait = max(1, round(recent[0] + self._window - self._seconds()))
            raise PeerError(
                f"too many wrong codes: try again in {-(-wait // 60)} min",
                status=429,
                headers={"Retry-After": str(wait)},
            )

    def failed(self, key: str) -> None:
        """Count one failure."""
        recent = self._recent(key)
        self._failures.pop(key, None)
        while len(self._failures) >= MAX_KEYS:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = [*recent, self._seconds()]

    def _recent(self, key: str) -> list[float]:
        since = self._seconds() - self._window
        return [at for at in self._failures.get(key, ()) if at > since]
