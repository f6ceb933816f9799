"""The load: one process, bare non-blocking sockets and epoll, frames made beforehand, replies only counted.

It must be much faster than any relay, so a message costs it no Python of its own: a system call sends and
receives many at once, and received frames are counted by their length. Each pair has a window of messages in
flight, so that no relay has to hold more than that for it.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Sequence

import attrs

from bench.client import Pair
from bench.frames import PONG, Inflow, Output, client_frame

WINDOW_MESSAGES = 64
WINDOW_BYTES = 256 * 1024
ALL_WINDOWS_BYTES = 32 * 1024 * 1024
"""All pairs together, as far as one message each allows."""

RECEIVE_BYTES = 1024 * 1024
SMALL_BYTES = 1024
"""Up to this size a pair's whole window is kept as one piece of memory."""

MOST_VECTORS = 512
"""Pieces of memory in one system call; Linux takes 1,024."""

STALL_SECONDS = 20.0


@attrs.frozen
class Throughput:
    """What one run has moved."""

    messages: int
    seconds: float
    cpu_seconds: float
    """Processor time of the generator itself."""

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    @property
    def generator_load(self) -> float:
        """Part of one processor that the generator used (1.0 is all of it)."""
        return self.cpu_seconds / self.seconds


def window(size: int, pairs: int) -> int:
    """Messages of `size` bytes that each of `pairs` may have in flight."""
    return max(1, min(WINDOW_MESSAGES, WINDOW_BYTES // size, ALL_WINDOWS_BYTES // (size * pairs)))


class Lane:
    """One pair under load. Positions are bytes since the run began, and frames of one length in a row."""

    __slots__ = (
        "_period",
        "_pieces",
        "_pongs",
        "frame_in",
        "frame_out",
        "inflow",
        "limit",
        "news",
        "pair",
        "sent",
        "started",
        "waiting",
        "window",
    )

    def __init__(self, pair: Pair, output: Output, window: int) -> None:
        self.pair = pair
        self.frame_out = output.sent_bytes
        self.frame_in = output.sent_bytes if pair.still_masked else output.received_bytes
        self.window = window
        self.inflow = Inflow(self.frame_in, self._answer_browser_ping)
        self.news = Inflow(None, self._answer_wing_ping)
        """What a wing gets under load: pings, nothing else."""

        head = output.head(pair.session_id)
        pieces = (head, output.tail)
        if output.size <= SMALL_BYTES:
            pieces = ((head + output.tail) * self.window, b"")
        self._pieces = [memoryview(piece) for piece in pieces if piece]
        self._period = sum(map(len, self._pieces))
        self._pongs = b""
        self.sent = 0
        self.limit = 0
        """How far `push` may send."""

        self.started: deque[float] = deque()
        """When each message that is in flight began; kept for latency only."""

        self.waiting = False
        """Whether the kernel has said that it takes no more."""

    @property
    def arrived(self) -> int:
        """Whole messages that have come out."""
        return self.inflow.received // self.frame_in

    @property
    def idle(self) -> bool:
        """Whether all that may be sent has been sent and has come out."""
        return self.sent == self.limit and self.arrived * self.frame_out == self.sent

    def refill(self) -> bool:
        """Allow what the window has room for; False while that is too little to be worth a system call."""
        limit = (self.arrived + self.window) * self.frame_out
        if limit - self.limit < max(1, self.window // 4) * self.frame_out:
            return False
        self.limit = limit
        return True

    def push(self) -> bool:
        """Send up to the limit. False when the kernel takes no more now."""
        sender = self.pair.sender
        try:
            while self.sent < self.limit or self._pongs:
                if not self._pongs:
                    self.sent += sender.sendmsg(self._vectors(self.limit - self.sent))
                elif behind := self.sent % self.frame_out:
                    self.sent += sender.sendmsg(self._vectors(self.frame_out - behind))
                else:
                    self._pongs = self._pongs[sender.send(self._pongs) :]
        except BlockingIOError:
            return False
        return True

    def pull(self, receiver: socket.socket, inflow: Inflow, buffer: bytearray) -> None:
        """Take in what there is. Raises ConnectionError at the end of the stream."""
        count = receiver.recv_into(buffer)
        if not count:
            raise ConnectionError("the relay closed a connection under load")
        inflow.feed(buffer, count)

    def _vectors(self, count: int) -> list[memoryview]:
        offset = self.sent % self._period
        vectors: list[memoryview] = []
        while count and len(vectors) < MOST_VECTORS:
            for piece in self._pieces:
                if offset >= len(piece):
                    offset -= len(piece)
                    continue
                part = piece[offset : offset + count]
                offset = 0
                count -= len(part)
                vectors.append(part)
                if not count:
                    break
        return vectors

    def _answer_browser_ping(self, payload: bytes) -> None:
        # A browser's socket has nothing else to send, so the kernel has room for it.
        self.pair.receiver.send(client_frame(payload, PONG))

    def _answer_wing_ping(self, payload: bytes) -> None:
        self._pongs += client_frame(payload, PONG)


class Generator:
    """Load of one message size on some pairs. Between runs nothing is in flight."""

    def __init__(self, pairs: Sequence[Pair], size: int) -> None:
        output = Output.of_size(size)
        self._lanes = [Lane(pair, output, window(size, len(pairs))) for pair in pairs]
        self._buffer = bytearray(RECEIVE_BYTES)
        self._epoll = select.epoll()
        self._by_sender = {lane.pair.sender.fileno(): lane for lane in self._lanes}
        self._by_receiver = {lane.pair.receiver.fileno(): lane for lane in self._lanes}
        for descriptor in (*self._by_sender, *self._by_receiver):
            self._epoll.register(descriptor, select.EPOLLIN)

    def close(self) -> None:
        """Let go of the pairs; they stay open."""
        self._epoll.close()

    def flood(self, seconds: float) -> Throughput:
        """Keep every window full for `seconds`, then wait until everything has come out.

        The figures span all of it, so that what a relay has taken in but not yet given out is no gain.
        Raises TimeoutError when the relay stands still.
        """
        before = self._messages()
        cpu, begin = time.thread_time(), time.perf_counter()
        until = begin + seconds
        for lane in self._lanes:
            if lane.refill():
                self._push(lane)
        while time.perf_counter() < until:
            for lane in self._turn(1.0):
                if lane.refill():
                    self._push(lane)
        self._drain([])
        end = time.perf_counter()
        return Throughput(self._messages() - before, end - begin, time.thread_time() - cpu)

    def latencies(self, rate: float, seconds: float, *, spin: bool) -> list[float]:
        """Seconds from the send call to the arrival of the last byte, for each of `rate` messages a second.

        The messages go to the pairs in turn and on time, whether or not earlier ones have arrived. `spin`
        watches the sockets without ever sleeping (for a generator with a processor of its own).
        Raises TimeoutError when the relay stands still.
        """
        samples: list[float] = []
        begin = time.perf_counter()
        for number in range(round(rate * seconds)):
            due = begin + number / rate
            while (left := due - time.perf_counter()) > 0:
                self._clock_arrivals(samples, 0.0 if spin else left)
            lane = self._lanes[number % len(self._lanes)]
            lane.limit += lane.frame_out
            lane.started.append(time.perf_counter())
            self._push(lane)
        self._drain(samples)
        return samples

    def _clock_arrivals(self, samples: list[float], timeout: float) -> list[Lane]:
        arrivals = self._turn(timeout)
        now = time.perf_counter()
        for lane in arrivals:
            while len(lane.started) > lane.limit // lane.frame_out - lane.arrived:
                samples.append(now - lane.started.popleft())
        return arrivals

    def _turn(self, timeout: float) -> list[Lane]:
        """Handle what the sockets have to say; the lanes on which something arrived."""
        arrivals: list[Lane] = []
        for descriptor, what in self._epoll.poll(timeout):
            lane = self._by_receiver.get(descriptor)
            if lane is not None:
                lane.pull(lane.pair.receiver, lane.inflow, self._buffer)
                arrivals.append(lane)
                continue
            lane = self._by_sender[descriptor]
            if what & ~select.EPOLLOUT:
                lane.pull(lane.pair.sender, lane.news, self._buffer)
            self._push(lane)
        return arrivals

    def _push(self, lane: Lane) -> None:
        waiting = not lane.push()
        if waiting != lane.waiting:
            lane.waiting = waiting
            events = select.EPOLLIN | select.EPOLLOUT if waiting else select.EPOLLIN
            self._epoll.modify(lane.pair.sender.fileno(), events)

    def _drain(self, samples: list[float]) -> None:
        until = time.perf_counter() + STALL_SECONDS
        missing = {lane for lane in self._lanes if not lane.idle}
        while missing:
            if time.perf_counter() > until:
                raise TimeoutError(f"messages are missing {STALL_SECONDS:g} s after they were sent")
            missing.difference_update(lane for lane in self._clock_arrivals(samples, 0.1) if lane.idle)

    def _messages(self) -> int:
        return sum(lane.arrived for lane in self._lanes)
