"""Writing at once, on the transport that it is for: nothing overtakes, nothing is lost."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.sockets.streams import REQUEST, Quick, on_a_clock, raw_frame, server_frames
from wingthing.sockets.fastpath import FastFactory
from wingthing.wire.limits import WRITE_BYTES


class FakeReactor(Clock):
    """Knows who wants to read and to write; `write_all` lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: list[Any] = []
        self.asked = 0

    def addReader(self, reader: Any) -> None:
        """Nothing is read here."""

    removeReader = addReader

    def addWriter(self, writer: Any) -> None:
        self.asked += 1
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)


class DirectTests(TestCase):
    def setUp(self) -> None:
        on_a_clock(self)
        self.reactor = FakeReactor()
        ours, self.theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.theirs.close)
        self.theirs.setblocking(False)
        self.quick = Quick()
        self.quick.heard = []
        self.quick.factory = FastFactory(self.reactor)
        make: Callable[..., tcp.Server] = tcp.Server
        self.transport = make(ours, self.quick, ("127.0.0.1", 1), None, 1, self.reactor)
        # A pair of sockets has no such options.
        self.patch(self.transport, "setTcpNoDelay", lambda on: None)
        self.patch(self.transport, "getPeer", lambda: None)
        self.quick.makeConnection(self.transport)
        self.quick.dataReceived(REQUEST)
        self.assertIn(b" 101 ", self.theirs.recv(4096))
        self.reactor.asked = 0

    def read(self) -> bytes:
        """What has arrived, until there is nothing more and nothing waits."""
        data = b""
        while True:
            try:
                data += self.theirs.recv(1 << 20)
            except BlockingIOError:
                if not self.reactor.writers:
                    return data
                for writer in list(self.reactor.writers):
                    writer.doWrite()

    def test_what_the_kernel_takes_goes_without_the_reactor(self) -> None:
        self.quick.dataReceived(raw_frame(b"a") * 3)
        self.assertEqual([payload for _, payload in server_frames(self.theirs.recv(100))], [b"a"] * 3)
        self.assertEqual((self.reactor.asked, self.reactor.writers), (0, []))

    def test_what_it_does_not_take_waits_and_nothing_overtakes_it(self) -> None:
        sent = [bytes([65 + number]) * 60_000 for number in range(20)]
        for message in sent:
            self.quick.send_message(message)
        self.assertGreater(self.reactor.asked, 0)
        self.quick.dataReceived(raw_frame(b"ping", 0x89))
        self.quick.send_message(b"last")
        frames = list(server_frames(self.read()))
        self.assertEqual([payload for _, payload in frames], [*sent, b"ping", b"last"])
        self.assertEqual(frames[-2][0], 0x8A)

    def test_the_producer_is_asked_to_pause_as_ever(self) -> None:
        paused: list[bool] = []

        class Producer:
            def pauseProducing(self) -> None:
                paused.append(True)

            def resumeProducing(self) -> None:
                paused.append(False)

        self.transport.registerProducer(Producer(), True)  # type: ignore[arg-type]
        count = 0
        while not paused:
            self.quick.send_message(b"x" * 60_000)
            count += 1
            self.assertLess(count, 1000)
        self.assertLessEqual(len(self.transport.dataBuffer) + self.transport._tempDataLen, 3 * WRITE_BYTES)
        self.assertEqual(len(list(server_frames(self.read()))), count)
        self.assertEqual(paused[-1], False)

    def test_a_broken_line_is_the_transports_to_find(self) -> None:
        self.theirs.close()
        self.quick.send_message(b"a")
        self.assertEqual(self.reactor.writers, [self.transport])
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_nothing_is_written_to_a_line_that_was_dropped(self) -> None:
        self.quick.factory.turn = []
        self.quick.send_message(b"never")
        self.quick.dropConnection(abort=True)
        self.quick.flush()
        self.assertEqual(self.read(), b"")

    def test_another_transport_is_asked_to_write(self) -> None:
        """TLS, for one, would be passed by."""
        self.quick._direct = False
        self.quick.send_message(b"a")
        self.assertEqual(self.reactor.writers, [self.transport])
        self.assertEqual([payload for _, payload in server_frames(self.read())], [b"a"])
