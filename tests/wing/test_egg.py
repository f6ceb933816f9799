from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.error import ConnectionDone, ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.wing.test_egg_home import some_meta
from tests.wing.test_egg_reader import Transport
from wingthing.names import EGG_SOCKET_FILE, KEY_RECORDING_FILE, PTY_RECORDING_FILE
from wingthing.wing import program
from wingthing.wing.egg import Egg
from wingthing.wing.egg_home import read_meta
from wingthing.wing.egg_reader import EggReader
from wingthing.wing.egg_wire import (
    AcknowledgeAttention,
    AcknowledgeExit,
    Attention,
    Exited,
    Frame,
    FrameReader,
    Hello,
    Input,
    Kill,
    Output,
    Ready,
    Replaced,
    Replay,
    Resize,
    Snapshot,
    Title,
    ToWing,
    encode,
)
from wingthing.wing.screen import Screen
from wingthing.wire.limits import MAX_COLS
from wingthing.wire.wing_limits import (
    EGG_HOME_SECONDS,
    EXIT_LINGER_SECONDS,
    KILL_GRACE_SECONDS,
    MAX_PENDING_INPUT_BYTES,
    QUERY_ANSWER_SECONDS,
)

PID = 4242
Connected = tuple[Callable[[Frame], None], Callable[[], list[object]], EggReader, Transport]


class Process:
    """What spawnProcess gives with a PTY, as far as an egg uses it."""

    pid = PID
    connected = True

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.written = b""
        self.paused = False
        self.producer: Any = None

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def write(self, data: bytes) -> None:
        self.written += data

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def fileno(self) -> int:
        return self.fd

    def connectionLost(self, reason: Failure) -> None:
        self.connected = False


class Reactor(Clock):
    """A clock that also starts processes."""

    fails = False

    def spawnProcess(self, protocol: Any, executable: str, args: list[bytes], **how: Any) -> Process:
        master, slave, _name = how["usePTY"]
        if self.fails:
            raise OSError(12, "Cannot allocate memory")
        self.window = os.get_terminal_size(slave)
        os.close(slave)
        self.how, self.protocol = how, protocol
        self.process = Process(master)
        protocol.makeConnection(self.process)
        return self.process


class EggTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.reactor = Reactor()
        self.finished = 0
        self.session: set[int] = set()
        self.signals: list[tuple[int, int]] = []
        self.patch(program, "session_processes", lambda leader: sorted(self.session))
        self.patch(os, "kill", self.kill)

    def kill(self, pid: int, number: int) -> None:
        self.signals.append((pid, number))
        if number == signal.SIGKILL:
            self.session.discard(pid)

    def egg(self, **fields: object) -> Egg:
        def finished() -> None:
            self.finished += 1

        egg = Egg(self.reactor, self.directory, some_meta(**fields), {"TERM": "x"}, finished)
        self.addCleanup(egg.close)
        return egg

    def connect(self, egg: Egg) -> Connected:
        reader, transport = egg.door.buildProtocol(None), Transport()
        reader.makeConnection(transport)
        reader.dataReceived(encode(Hello()))
        frames: FrameReader[object] = FrameReader(ToWing)

        def received() -> list[object]:
            data = transport.value()
            transport.clear()
            return frames.feed(data)

        if self.reactor.__dict__.get("process") is not None:
            self.addCleanup(self.close_pty, self.reactor.process)
        return lambda frame: reader.dataReceived(encode(frame)), received, reader, transport

    def close_pty(self, process: Process) -> None:
        if process.fd >= 0:
            os.close(process.fd)
            process.fd = -1

    def say(self, data: bytes) -> None:
        self.reactor.protocol.childDataReceived(1, data)

    def exit(self, reason: Exception | None = None) -> None:
        failure = Failure(reason or ProcessDone(0))
        self.reactor.protocol.processExited(failure)
        self.reactor.protocol.processEnded(failure)

    # -- start and end

    def test_the_first_reader_starts_the_program(self) -> None:
        egg = self.egg(cols=91, rows=17)
        self.assertNotIn("process", self.reactor.__dict__)
        _, received, _, _ = self.connect(egg)
        self.assertEqual(received(), [Ready(1, 91, 17, "")])
        self.assertEqual(self.reactor.window, (91, 17))
        self.assertEqual(read_meta(self.directory).pid, PID)
        process = self.reactor.process
        self.connect(egg)
        self.assertIs(self.reactor.process, process, "the second reader finds it running")

    def test_a_program_that_cannot_be_started(self) -> None:
        self.reactor.fails = True
        _, received, _, _ = self.connect(self.egg())
        error = "/bin/sh could not be started: Cannot allocate memory"
        self.assertEqual(received()[1:], [Exited(-1, error)])

    def test_exit_codes(self) -> None:
        for reason, code in (
            (ProcessDone(0), 0),
            (ProcessTerminated(3), 3),
            (ProcessTerminated(None, signal.SIGKILL), 137),
        ):
            _, received, _, _ = self.connect(self.egg())
            self.say(b"last words")
            self.exit(reason)
            self.assertEqual(received()[1:], [Output(b"last words"), Exited(code)])
            self.assertEqual(read_meta(self.directory).exit_code, code)
            self.reactor.process.connected = False

    def test_it_goes_once_the_end_is_known(self) -> None:
        send, _, _, _ = self.connect(self.egg())
        send(AcknowledgeExit())
        self.assertEqual(self.finished, 0, "not before the end")
        self.exit()
        self.reactor.advance(EXIT_LINGER_SECONDS * 10)
        self.assertEqual(self.finished, 0, "a reader that is slow to hear of it is waited for")
        send(AcknowledgeExit())
        self.assertEqual(self.finished, 1)

    def test_it_waits_for_the_next_wing(self) -> None:
        egg = self.egg()
        _, _, reader, _ = self.connect(egg)
        reader.connectionLost()
        self.exit(ProcessTerminated(3))
        self.reactor.advance(EXIT_LINGER_SECONDS - 1)
        _, received, reader, _ = self.connect(egg)
        self.assertEqual(received()[1:], [Exited(3)])
        reader.connectionLost()
        self.reactor.advance(EXIT_LINGER_SECONDS - 1)
        self.assertEqual(self.finished, 0)
        self.reactor.advance(1)
        self.assertEqual(self.finished, 1)

    def test_it_does_not_wait_for_a_wing_that_never_came(self) -> None:
        self.egg()
        self.reactor.advance(EXIT_LINGER_SECONDS)
        self.assertEqual(self.finished, 1)

    def test_told_to_end(self) -> None:
        egg = self.egg(audit=True)
        self.connect(egg)
        self.say(b"x")
        egg.close()
        meta = read_meta(self.directory)
        self.assertEqual(meta.exit_code, -1)
        self.assertIn(b'"x"', (self.directory / PTY_RECORDING_FILE).read_bytes())

    # -- kill and idling

    def test_kill(self) -> None:
        self.session = {PID, 5000}
        send, received, _, _ = self.connect(self.egg())
        send(Kill())
        send(Kill())
        expected = [(pid, number) for number in (signal.SIGHUP, signal.SIGCONT) for pid in (PID, 5000)]
        self.assertEqual(self.signals, expected)
        self.session.discard(PID)
        self.exit(ProcessTerminated(None, signal.SIGHUP))
        self.assertEqual(received()[-1], Exited(129))
        send(AcknowledgeExit())
        self.assertEqual(self.finished, 0, "the rest of the session is still there")
        self.reactor.pump([0.1] * int(KILL_GRACE_SECONDS / 0.1 + 3))
        self.assertEqual(self.signals[len(expected) :], [(5000, signal.SIGKILL)])
        self.assertEqual(self.finished, 1)

    def test_idle_timeout(self) -> None:
        self.session = {PID}
        send, received, _, _ = self.connect(self.egg(idle_timeout=60.0))
        self.reactor.advance(59)
        send(Input(b"x"))
        self.reactor.advance(59)
        self.say(b"y")
        self.reactor.advance(59)
        self.assertEqual(self.signals, [])
        self.reactor.advance(1)
        self.assertIn((PID, signal.SIGHUP), self.signals)
        self.exit(ProcessTerminated(None, signal.SIGHUP))
        self.assertEqual(received()[-1], Exited(129, "ended after 60 seconds without input or output"))

    def test_a_folder_that_is_removed_ends_it_when_nobody_reads(self) -> None:
        self.session = {PID}
        socket = self.directory / EGG_SOCKET_FILE
        socket.touch()
        _, _, reader, _ = self.connect(self.egg())
        self.reactor.advance(EGG_HOME_SECONDS)
        socket.unlink()
        self.reactor.advance(EGG_HOME_SECONDS)
        self.assertEqual(self.signals, [], "a wing is connected")
        reader.connectionLost(Failure(ConnectionDone()))
        socket.touch()
        self.reactor.advance(EGG_HOME_SECONDS)
        self.assertEqual(self.signals, [], "a wing can find it")
        socket.unlink()
        self.reactor.advance(EGG_HOME_SECONDS)
        self.assertIn((PID, signal.SIGHUP), self.signals)

    # -- output

    def test_output_is_whole(self) -> None:
        _, received, _, _ = self.connect(self.egg())
        received()
        for byte in "é漢".encode() + b"\x1b[31mx":
            self.say(bytes([byte]))
            self.reactor.advance(1)
        whole = ["é".encode(), "漢".encode(), b"\x1b[31m", b"x"]
        self.assertEqual(received(), [Output(data) for data in whole])

    def test_what_was_held_back_is_not_lost(self) -> None:
        _, received, _, _ = self.connect(self.egg())
        self.say(b"\xe6\xbc")
        self.exit()
        self.assertEqual(received()[1:], [Output(b"\xe6\xbc"), Exited(0)])

    def test_snapshot_stands_in_the_stream(self) -> None:
        egg = self.egg()
        send, received, _, _ = self.connect(egg)
        self.say(b"one ")
        self.say(b"two ")
        self.say(b"\x1b[3")
        send(Snapshot(1))
        self.say(b"1mthree")
        self.reactor.pump([1, 1])
        _, one, two, replay, three = received()
        self.assertEqual((one, two), (Output(b"one "), Output(b"two ")))
        assert isinstance(replay, Replay) and isinstance(three, Output)
        viewer, true = Screen(80, 24), Screen(80, 24)
        viewer.feed(replay.data + three.data)
        true.feed(b"one two \x1b[31mthree")
        self.assertEqual(viewer.replay().replace(b"\x1b(B", b""), true.replay().replace(b"\x1b(B", b""))

    def test_snapshot_within_a_long_sequence(self) -> None:
        send, received, _, _ = self.connect(self.egg())
        self.say(b"text\x1b]2;" + b"t" * 6000)
        send(Snapshot(1))
        self.say(b"\x07more")
        self.reactor.pump([1, 1])
        *_, replay, rest = received()
        assert isinstance(replay, Replay) and isinstance(rest, Output)
        viewer = Screen(80, 24)
        viewer.feed(replay.data + rest.data)
        self.assertEqual(viewer.text(), "textmore")

    def test_a_reader_that_does_not_read_makes_the_program_wait(self) -> None:
        egg = self.egg()
        _, _, reader, _ = self.connect(egg)
        reader.pauseProducing()
        self.assertTrue(self.reactor.process.paused)
        reader.resumeProducing()
        self.assertFalse(self.reactor.process.paused)
        reader.pauseProducing()
        reader.connectionLost()
        self.assertFalse(self.reactor.process.paused, "without a reader at full speed")

    def test_the_next_reader_does_not_inherit_the_pause(self) -> None:
        egg = self.egg()
        _, first, reader, _ = self.connect(egg)
        reader.pauseProducing()
        _, second, _, _ = self.connect(egg)
        self.assertFalse(self.reactor.process.paused)
        self.say(b"x")
        self.assertEqual(first()[-1], Replaced())
        self.assertEqual(second()[-1], Output(b"x"))

    # -- input

    def test_input(self) -> None:
        send, _, _, _ = self.connect(self.egg())
        send(Input(b"ls\r"))
        self.assertEqual(self.reactor.process.written, b"ls\r")

    def test_input_is_bounded(self) -> None:
        send, _, _, _ = self.connect(self.egg())
        self.reactor.process.producer.pauseProducing()
        for _ in range(20):
            send(Input(b"x" * (MAX_PENDING_INPUT_BYTES // 10)))
        self.assertEqual(self.reactor.process.written, b"")
        self.reactor.process.producer.resumeProducing()
        written = len(self.reactor.process.written)
        self.assertGreater(written, MAX_PENDING_INPUT_BYTES * 0.8)
        self.assertLessEqual(written, MAX_PENDING_INPUT_BYTES)

    def test_resize(self) -> None:
        egg = self.egg()
        send, _, _, _ = self.connect(egg)
        send(Resize(100, 30))
        self.assertEqual(os.get_terminal_size(self.reactor.process.fd), (100, 30))
        send(Resize(10**9, -5))
        self.assertEqual(os.get_terminal_size(self.reactor.process.fd), (MAX_COLS, 1))
        _, received, _, _ = self.connect(egg)
        self.assertEqual(received()[0], Ready(1, MAX_COLS, 1, ""))

    # -- bells, titles, queries

    def test_attention(self) -> None:
        egg = self.egg()
        _, received, _, _ = self.connect(egg)
        received()
        self.say(b"\x07")
        self.say(b"\x07")
        attention = next(frame for frame in received() if isinstance(frame, Attention))
        self.assertTrue(attention.nonce)
        _, received, _, _ = self.connect(egg)
        ready = received()[0]
        assert isinstance(ready, Ready)
        self.assertEqual(ready.attention, attention.nonce, "the next wing learns of it")

    def test_attention_is_armed_again(self) -> None:
        send, received, _, _ = self.connect(self.egg())
        for answer, rings in ((Input(b"\x1b[1;1R"), 0), (Input(b"x"), 1), (AcknowledgeAttention(), 1)):
            self.say(b"\x07\x07")
            received()
            send(answer)
            self.say(b"\x07\x07")
            self.assertEqual(len([f for f in received() if isinstance(f, Attention)]), rings, answer)

    def test_title(self) -> None:
        egg = self.egg()
        _, received, _, _ = self.connect(egg)
        self.say(b"\x1b]0;vim\x07\x1b]0;vim\x07")
        self.assertEqual([f for f in received() if isinstance(f, Title)], [Title("vim")])
        _, received, _, _ = self.connect(egg)
        self.assertEqual(received()[0], Ready(1, 80, 24, "vim"))

    def test_queries(self) -> None:
        egg = self.egg()
        send, _, reader, _ = self.connect(egg)
        self.say(b"ab\x1b[6n")
        self.assertEqual(self.reactor.process.written, b"", "the browser is waited for")
        send(Input(b"\x1b[1;3R"))
        self.reactor.advance(QUERY_ANSWER_SECONDS * 2)
        self.assertEqual(self.reactor.process.written, b"\x1b[1;3R")
        reader.connectionLost()
        self.say(b"\x1b[6n")
        self.assertEqual(self.reactor.process.written, b"\x1b[1;3R" * 2, "nobody is there")

    # -- recordings

    def test_recording(self) -> None:
        send, _, _, _ = self.connect(self.egg(audit=True))
        self.say("$ é".encode())
        send(Input(b"ls\r"))
        send(Resize(90, 20))
        self.exit()
        output = (self.directory / PTY_RECORDING_FILE).read_text()
        self.assertIn('"o","$ é"]', output)
        self.assertIn('"r","90x20"]', output)
        self.assertIn('"i","ls\\r"]', (self.directory / KEY_RECORDING_FILE).read_text())

    def test_a_recording_that_fails_does_not_stop_the_terminal(self) -> None:
        (self.directory / PTY_RECORDING_FILE).symlink_to("/dev/full")
        egg = self.egg(audit=True)
        _, received, _, _ = self.connect(egg)
        self.say(b"goes on")
        reason = "the recording could not be begun: No space left on device"
        self.assertIn(reason, [getattr(frame, "reason", None) for frame in received()])
        self.assertEqual(read_meta(self.directory).recording_error, reason)

    def test_without_audit_nothing_is_recorded(self) -> None:
        self.connect(self.egg())
        self.say(b"x")
        self.assertFalse((self.directory / PTY_RECORDING_FILE).exists())

    def test_a_full_disk_does_not_stop_the_terminal(self) -> None:
        _, received, _, _ = self.connect(self.egg())
        with mock.patch("wingthing.wing.egg.write_meta", side_effect=OSError(28, "No space left on device")):
            self.exit()
        self.assertEqual(received()[-1], Exited(0))
