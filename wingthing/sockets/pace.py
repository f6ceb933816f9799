"""The rate: so much a user's browsers at one node may be sent, and may send, in the long run. It delays.

A user has two lanes, one each way, which all their sockets share. A lane lends: whatever finds something left
may go, however long it is, and what it took too much is waited for. So no message is cut or takes a timer of
its own; while sockets wait, one timer a user wakes them, RATE_TICK_SECONDS after it has something again.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from wingthing.wire.limits import RATE_BURST_BYTES, RATE_TICK_SECONDS

BITS_A_BYTE = 8


class Waiter(Protocol):
    """What waits for a lane."""

    def go_on(self) -> None:
        """There is something left. It may `wait` anew."""


class Delayed:
    """How many bytes of a node's browsers had to wait, each way."""

    def __init__(self) -> None:
        self.to_browser = 0
        self.from_browser = 0


class Lane:
    """What one user may send one way: `rate` bytes a second, and `burst` bytes at once."""

    def __init__(self, clock: IReactorTime, rate: float, burst: int = RATE_BURST_BYTES) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._as_of = clock.seconds()
        self._waiting: deque[Waiter] = deque()
        self._due: IDelayedCall | None = None
        self._granting = False

    def take(self, size: int) -> bool:
        """Count that many bytes, if there is anything left and nobody waits; whether they may go."""
        if (self._waiting and not self._granting) or self.left <= 0:
            return False
        self._left -= size
        return True

    def charge(self, size: int) -> bool:
        """Count what has come already; whether more may come at once."""
        left = self.left - size
        self._left = left
        return left > 0

    def wait(self, waiter: Waiter) -> None:
        """Wake `waiter` in its turn."""
        self._waiting.append(waiter)
        if self._due is None and not self._granting:
            self._schedule()

    def leave(self, waiter: Waiter) -> None:
        """It does not wait any more, if it did."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if not self._waiting:
            self.stop()

    @property
    def left(self) -> float:
        """How many bytes may go now; less than nothing while the lane has lent."""
        now = self._clock.seconds()
        self._left = min(float(self._burst), self._left + (now - self._as_of) * self._rate)
        self._as_of = now
        return self._left

    @property
    def full(self) -> bool:
        """Whether a new lane would be the same."""
        return not self._waiting and self.left >= self._burst

    def set_rate(self, rate: float) -> None:
        """Another rate from now on."""
        self._left = self.left
        self._rate = rate

    def stop(self) -> None:
        """Wake nobody."""
        self._waiting.clear()
        due, self._due = self._due, None
        if due is not None:
            due.cancel()

    def _schedule(self) -> None:
        pause = max(0.0, -self.left) / self._rate + RATE_TICK_SECONDS
        self._due = self._clock.callLater(pause, self._grant)

    def _grant(self) -> None:
        self._due = None
        self._granting = True
        try:
            # Each once: who is not done comes last the next time.
            for _ in range(len(self._waiting)):
                if self.left <= 0 or not self._waiting:
                    break
                self._waiting.popleft().go_on()
        finally:
            self._granting = False
            if self._waiting:
                self._schedule()


class Paced(Protocol):
    """A socket that keeps the rate."""

    def set_lanes(self, lanes: Lanes | None) -> None:
        """Keep to these from now on; None: at full speed."""


class Lanes:
    """Both lanes of one user."""

    def __init__(self, clock: IReactorTime, rate: float, delayed: Delayed) -> None:
        self.out = Lane(clock, rate)
        self.back = Lane(clock, rate)
        self.delayed = delayed


class Paces:
    """The lanes of a node's users. Until a rate is set, everybody goes at full speed."""

    def __init__(self, clock: IReactorTime) -> None:
        self.delayed = Delayed()
        self._clock = clock
        self._rate: float | None = None
        self._lanes: dict[str, Lanes] = {}
        self._sockets: dict[str, set[Paced]] = {}
        self._idle: dict[str, None] = {}
        """Users without a socket, who left first comes first. A new socket must not bring a new burst."""

    def __len__(self) -> int:
        return len(self._lanes)

    def set_rate(self, bits: int | None) -> None:
        """Bits per second; None: none."""
        rate = bits / BITS_A_BYTE if bits else None
        if rate == self._rate:
            return
        self._rate = rate
        if rate is None:
            self._lanes.clear()
            self._idle.clear()
        for lanes in self._lanes.values():
            if rate is not None:
                lanes.out.set_rate(rate)
                lanes.back.set_rate(rate)
        for user_id, sockets in self._sockets.items():
            for socket in sockets:
                socket.set_lanes(self._lanes_of(user_id))

    def opened(self, user_id: str, socket: Paced) -> None:
        """A browser has come."""
        self._sockets.setdefault(user_id, set()).add(socket)
        self._idle.pop(user_id, None)
        socket.set_lanes(self._lanes_of(user_id))

    def closed(self, user_id: str, socket: Paced) -> None:
        """It has gone."""
        sockets = self._sockets.get(user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._sockets.pop(user_id, None)
            self._idle.pop(user_id, None)
            if user_id in self._lanes:
                self._idle[user_id] = None
        self._forget_full()

    def _lanes_of(self, user_id: str) -> Lanes | None:
        if self._rate is None:
            return None
        lanes = self._lanes.get(user_id)
        if lanes is None:
            lanes = self._lanes[user_id] = Lanes(self._clock, self._rate, self.delayed)
        return lanes

    def _forget_full(self) -> None:
        """Drop the lanes of users who have gone and would find the same in new ones."""
        for user_id in list(self._idle):
            lanes = self._lanes[user_id]
            if not (lanes.out.full and lanes.back.full):
                break
            del self._lanes[user_id], self._idle[user_id]
