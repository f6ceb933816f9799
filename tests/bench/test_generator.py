"""The load generator counts what it says it counts, and its figures are what they are called."""

from __future__ import annotations

import json
import socket
from typing import cast

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from bench import frames
from bench.client import Pair, close_all, open_direct
from bench.figures import figure, percentile, spread
from bench.frames import Inflow, Output
from bench.generator import ALL_WINDOWS_BYTES, Generator, Lane, window
from bench.relay import PAIRS, SIZES
from wingthing.wire.limits import MAX_MESSAGE_BYTES, OUTBOX_BYTES

LENGTHS = (0, 1, 125, 126, 127, 65535, 65536)


def received_by_autobahn(data: bytes) -> list[bytes]:
    """What a server that shares no code with the generator makes of a client's frames."""
    messages: list[bytes] = []

    class Server(WebSocketServerProtocol):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            assert not isBinary
            messages.append(payload)

    server = Server()
    server.factory = WebSocketServerFactory()
    server.factory.setProtocolOptions(openHandshakeTimeout=0)
    server.makeConnection(StringTransport())
    server.dataReceived(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    server.dataReceived(data)
    server.connectionLost()
    return messages


class FrameTests(TestCase):
    """Encoding of frames."""

    def test_autobahn_reads_client_frames(self) -> None:
        payloads = [b"x" * length for length in LENGTHS]
        data = b"".join(frames.client_frame(payload) for payload in payloads)
        self.assertEqual(received_by_autobahn(data), payloads)

    def test_mask_in_two_parts(self) -> None:
        payload = bytes(range(256))
        for cut in range(9):
            parts = frames.masked(payload[:cut]) + frames.masked(payload[cut:], cut)
            self.assertEqual(parts, frames.masked(payload))

    def test_split_gives_back_server_frames(self) -> None:
        for length in LENGTHS:
            payload = b"y" * length
            data = frames.header(length, masked=False) + payload
            self.assertEqual(frames.split(data + b"rest"), (frames.TEXT, payload, b"rest"))
            self.assertIsNone(frames.split(data[:-1]))

    def test_outputs_are_as_long_as_said(self) -> None:
        for size in SIZES:
            output = Output.of_size(size)
            frame = output.head("0123abcd") + output.tail
            self.assertEqual(len(frame), output.sent_bytes)
            (message,) = received_by_autobahn(frame)
            self.assertEqual(len(message), size)
            self.assertEqual(output.received_bytes, len(frames.header(size, masked=False)) + size)
            fields = json.loads(message)
            self.assertEqual((fields["type"], fields["session_id"]), ("pty.output", "0123abcd"))
            self.assertLessEqual(size, MAX_MESSAGE_BYTES)

    def test_an_output_too_short(self) -> None:
        with self.assertRaises(ValueError):
            Output.of_size(20)


class InflowTests(TestCase):
    """Counting frames without reading them."""

    def setUp(self) -> None:
        self.pings: list[bytes] = []

    def feed(self, inflow: Inflow, data: bytes, step: int) -> None:
        for begin in range(0, len(data), step):
            part = data[begin : begin + step]
            # A used buffer is longer than what was received, and full of what came before.
            inflow.feed(bytearray(part + b"\x81" * 64), len(part))

    def test_counts_and_finds_pings_however_it_is_cut(self) -> None:
        frame = frames.header(150, masked=False) + b"z" * 150
        pings = [frames.header(len(text), masked=False, first=frames.PING) + text for text in (b"one", b"")]
        data = frame * 3 + pings[0] + frame + pings[1] + pings[0] + frame * 2
        for step in (1, 2, 3, 7, 151, 152, 153, 460, len(data)):
            self.pings.clear()
            inflow = Inflow(len(frame), self.pings.append)
            self.feed(inflow, data, step)
            self.assertEqual(inflow.received, 6 * len(frame), f"in pieces of {step}")
            self.assertEqual(self.pings, [b"one", b"", b"one"])

    def test_refuses_what_is_no_output(self) -> None:
        inflow = Inflow(152, self.pings.append)
        with self.assertRaisesRegex(ValueError, "0x88"):
            self.feed(inflow, frames.header(2, masked=False, first=frames.CLOSE) + b"\x03\xe9", 4)

    def test_a_wing_hears_of_no_error_silently(self) -> None:
        said = b'{"type":"error","message":"too much"}'
        with self.assertRaisesRegex(ValueError, "too much"):
            self.feed(Inflow(None, self.pings.append), frames.header(len(said), masked=False) + said, 64)


class LaneTests(TestCase):
    """What one pair sends."""

    def test_frames_stay_whole_when_the_kernel_takes_odd_pieces(self) -> None:
        class Sender:
            """Takes 997 bytes at a time."""

            def __init__(self) -> None:
                self.taken = b""

            def sendmsg(self, vectors: list[memoryview]) -> int:
                data = b"".join(vectors)[:997]
                self.taken += data
                return len(data)

            def send(self, data: bytes) -> int:
                self.taken += data
                return len(data)

        for size in (150, 4096):
            sender = Sender()
            lane = Lane(
                Pair(cast(socket.socket, sender), cast(socket.socket, None), "0123abcd"),
                Output.of_size(size),
                5,
            )
            lane.refill()
            lane.push()
            lane.limit += 7 * lane.frame_out
            lane.push()
            messages = received_by_autobahn(sender.taken)
            self.assertEqual([len(message) for message in messages], [size] * 12)
            self.assertEqual(len(set(messages)), 1)

    def test_windows_fit_into_an_outbox(self) -> None:
        for size in SIZES:
            for pairs in PAIRS:
                flight = window(size, pairs) * size
                self.assertLess(flight, OUTBOX_BYTES)
                self.assertTrue(flight * pairs <= ALL_WINDOWS_BYTES or window(size, pairs) == 1)


class GeneratorTests(TestCase):
    """Whole runs without a relay."""

    def setUp(self) -> None:
        self.pairs = open_direct(3)
        self.addCleanup(close_all, self.pairs)

    def test_everything_sent_arrives(self) -> None:
        for size in (150, 65536):
            generator = Generator(self.pairs, size)
            self.addCleanup(generator.close)
            moved = generator.flood(0.02)
            self.assertGreater(moved.messages, 3)
            self.assertGreaterEqual(moved.seconds, 0.02)
            self.assertAlmostEqual(moved.rate, moved.messages / moved.seconds)

    def test_every_message_has_a_latency(self) -> None:
        generator = Generator(self.pairs, 150)
        self.addCleanup(generator.close)
        samples = generator.latencies(1000, 0.02, spin=True)
        self.assertEqual(len(samples), 20)
        self.assertTrue(all(0 < sample < 1 for sample in samples))

    def test_a_line_that_is_cut_is_an_error(self) -> None:
        generator = Generator(self.pairs, 150)
        self.addCleanup(generator.close)
        self.pairs[1].sender.shutdown(socket.SHUT_RDWR)
        with self.assertRaises(OSError):
            generator.flood(5)


class FigureTests(TestCase):
    """The arithmetic of the tables."""

    def test_percentile(self) -> None:
        values = [float(value) for value in range(100, 0, -1)]
        self.assertEqual(
            [percentile(values, part) for part in (0, 1, 50, 99, 99.5, 100)], [1, 1, 50, 99, 100, 100]
        )
        self.assertEqual(percentile([7.0], 99), 7.0)
        for wrong in (([], 50), ([1.0], 101), ([1.0], -1)):
            with self.assertRaises(ValueError):
                percentile(*wrong)

    def test_spread(self) -> None:
        self.assertEqual(spread([8.0, 10.0, 15.0]), 0.5)
        self.assertEqual(spread([10.0, 10.0]), 0.0)
        with self.assertRaises(ValueError):
            spread([])

    def test_figure(self) -> None:
        self.assertEqual(
            [figure(value) for value in (1234567.8, 99.96, 12.34, 1.234)],
            ["1,234,568", "100.0", "12.3", "1.23"],
        )
