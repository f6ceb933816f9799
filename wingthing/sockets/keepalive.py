"""Pings for all sockets of a node on one timer.

A socket is pinged PING_SECONDS after it has opened or has answered, and dropped when neither the answer nor a
message has come PING_TIMEOUT_SECONDS later. So do Autobahn's automatic pings, which take a timer and its
objects for each socket each time. Here a socket lies in a slot of a wheel that one timer turns once a second.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from wingthing.wire.limits import PING_SECONDS, PING_TIMEOUT_SECONDS

TICK_SECONDS: Final = 1.0
SLOTS: Final = math.ceil(max(PING_SECONDS, PING_TIMEOUT_SECONDS) / TICK_SECONDS) + 2
NOWHERE: Final = -1


class Kept(Protocol):
    """A socket that is pinged."""

    slot: int
    """Where it lies on the wheel; NOWHERE to begin with."""

    pinged: bytes
    """What the ping said that is not answered; empty while there is none."""

    def ping(self, payload: bytes) -> None:
        """Send a ping."""

    def lost(self) -> None:
        """The peer does not answer any more."""


class Keepalive:
    """The wheel."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._began = clock.seconds()
        self._slots: list[set[Kept]] = [set() for _ in range(SLOTS)]
        self._count = 0
        self._tick = 0
        """How far the wheel has turned, in ticks since it began."""

        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        return self._count

    def opened(self, socket: Kept) -> None:
        """Ping it from now on."""
        if not self._count:
            self._tick = self._now()
            self._call = self._clock.callLater(TICK_SECONDS, self._turn)
        self._count += 1
        self._put(socket, PING_SECONDS)

    def heard(self, socket: Kept) -> None:
        """A socket that was pinged lives."""
        socket.pinged = b""
        if socket.slot != NOWHERE:
            self._slots[socket.slot].discard(socket)
            self._put(socket, PING_SECONDS)

    def closed(self, socket: Kept) -> None:
        """Ping it no more, if it was."""
        if socket.slot == NOWHERE:
            return
        self._slots[socket.slot].discard(socket)
        socket.slot = NOWHERE
        self._count -= 1
        if not self._count and self._call is not None:
            self._call.cancel()
            self._call = None

    def _now(self) -> int:
        return math.floor((self._clock.seconds() - self._began) / TICK_SECONDS)

    def _put(self, socket: Kept, seconds: float) -> None:
        due = math.ceil((self._clock.seconds() - self._began + seconds) / TICK_SECONDS)
        socket.slot = due % SLOTS
        self._slots[socket.slot].add(socket)

    def _turn(self) -> None:
        self._call = self._clock.callLater(TICK_SECONDS, self._turn)
        now = self._now()
        # However late this is, one turn of the wheel sees every slot.
        slots = range(max(self._tick, now - SLOTS) + 1, now + 1)
        self._tick = now
        # Whoever is put back while this goes on has its time still ahead.
        due = [(slot % SLOTS, socket) for slot in slots for socket in self._slots[slot % SLOTS]]
        payload = b"%d" % now
        for slot, socket in due:
            if socket.slot != slot:
                continue
            if socket.pinged:
                socket.lost()
                continue
            self._slots[slot].discard(socket)
            socket.pinged = payload
            self._put(socket, PING_TIMEOUT_SECONDS)
            socket.ping(payload)
