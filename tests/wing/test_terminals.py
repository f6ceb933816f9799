from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.wing.test_egg_home import some_meta
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.names import EGGS_DIR
from wingthing.wing import egg_home, terminals
from wingthing.wing.egg_wire import (
    AcknowledgeAttention,
    AcknowledgeExit,
    Attention,
    Exited,
    Frame,
    Kill,
    Output,
    Ready,
    RecordingStopped,
    Replaced,
    Resize,
    Title,
    ToWing,
)
from wingthing.wing.terminals import TerminalInfo, Terminals, TerminalSpec
from wingthing.wire.limits import MAX_COLS
from wingthing.wire.wing_limits import MAX_TERMINALS


class Link:
    """An EggLink without an egg."""

    def __init__(self) -> None:
        self.session_id = ""
        self.sent: list[Frame] = []
        self.typed = b""
        self.closed = False
        self.paused = False
        self.transport = self

    def begin(self, session_id: str, events: Any) -> None:
        self.session_id, self.events = session_id, events

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    def type(self, data: bytes) -> None:
        self.typed += data

    def snapshot(self) -> Deferred[bytes]:
        self.asked: Deferred[bytes] = Deferred()
        return self.asked

    def close(self) -> None:
        self.closed = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def say(self, frame: ToWing) -> None:
        self.events.egg_frame(self, frame)


class Events:
    """What a link of a wing to its node is told."""

    congested = False

    def __init__(self) -> None:
        self.told: list[object] = []

    def output(self, session_id: str, data: bytes) -> None:
        self.told.append(data)

    def exited(self, session_id: str, exit_code: int, error: str | None) -> None:
        self.told.append((exit_code, error))

    def attention(self, session_id: str, nonce: str) -> None:
        self.told.append(nonce)

    def paused(self) -> bool:
        return self.congested


class TerminalsTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.home = Path(self.mktemp()).absolute()
        self.events = Events()
        self.links: list[Link] = []
        self.patch(terminals, "start_egg", self.start_egg)
        self.patch(terminals, "connect_egg", self.connect_egg)
        self.audit = False
        self.idle_timeout: float | None = None
        self.terminals = self.make(lambda: [Path("/")])
        self.terminals.events = self.events
        self.terminals.startService()
        self.addCleanup(self.terminals.stopService)

    def make(self, allowed_paths: Callable[[], list[Path]]) -> Terminals:
        return Terminals(
            object(),
            self.home,
            self.clock,
            audit=lambda: self.audit,
            idle_timeout=lambda: self.idle_timeout,
            allowed_paths=allowed_paths,
        )

    async def start_egg(self, reactor: object, directory: Path, environment: object, lock: int) -> None:
        self.started_with = (environment, egg_home.read_meta(directory))

    async def connect_egg(self, reactor: object, directory: Path) -> tuple[Link, Ready]:
        self.links.append(Link())
        return self.links[-1], Ready(1, 80, 24, "")

    def start(self, number: int = 1) -> TerminalInfo:
        return self.successResultOf(self.starting(number))

    def starting(self, number: int) -> Deferred[TerminalInfo]:
        spec = TerminalSpec(
            session_id=f"{number:08x}", agent="shell", cols=80, rows=24, user_id="u", email="e"
        )
        return Deferred.fromCoroutine(self.terminals.start_terminal(spec))

    def test_start(self) -> None:
        info = self.start()
        self.assertEqual((info.cwd, info.user_id, info.email, info.agent), ("/", "u", "e", "shell"))
        meta = self.started_with[1]
        self.assertEqual((meta.cwd, meta.cols, meta.arguments[0][0]), ("/", 80, "-"))
        self.assertEqual(self.terminals.get(info.session_id), info)
        directory = self.home / EGGS_DIR / info.session_id
        self.assertFalse(egg_home.is_alive(directory), "only the egg keeps the lock")

    def test_no_event_before_start_has_returned(self) -> None:
        self.start()
        self.assertEqual(self.links[0].session_id, "")
        self.clock.advance(0)
        self.assertEqual(self.links[0].session_id, "00000001")

    def test_too_many(self) -> None:
        for number in range(MAX_TERMINALS):
            self.start(number)
        self.failureResultOf(self.starting(MAX_TERMINALS), TemporarilyUnavailable)

    def running(self) -> Link:
        self.start()
        self.clock.advance(0)
        return self.links[-1]

    def test_orders(self) -> None:
        link = self.running()
        self.terminals.write("00000001", b"ls")
        self.terminals.resize("00000001", 10**6, 0)
        self.terminals.kill("00000001")
        self.assertEqual(link.typed, b"ls")
        self.assertEqual(link.sent, [Resize(MAX_COLS, 1), Kill()])
        for order in (self.terminals.kill, self.terminals.attention_ack):
            order("ffffffff")

    def test_events(self) -> None:
        link = self.running()
        link.say(Output(b"out"))
        link.say(Title("vim"))
        link.say(Attention("nonce"))
        link.say(RecordingStopped("disk full"))
        info = self.terminals.get("00000001")
        assert info is not None
        self.assertEqual((info.title, info.needs_attention, info.recording_error), ("vim", True, "disk full"))
        self.terminals.attention_ack("00000001")
        self.assertEqual(link.sent, [AcknowledgeAttention()])
        self.assertEqual(self.events.told, [b"out", "nonce"])
        self.flushLoggedErrors()

    def test_the_end(self) -> None:
        link = self.running()
        link.say(Exited(3))
        link.say(Output(b"after the end"))
        self.assertEqual(self.events.told, [(3, None)])
        self.assertEqual(link.sent, [AcknowledgeExit()])
        self.assertTrue(link.closed)
        self.assertEqual(self.terminals.list(), [])
        self.assertEqual(self.terminals.history.page(0, 1)[1], 1)

    def test_taken_over(self) -> None:
        link = self.running()
        link.say(Replaced())
        self.assertTrue(link.closed)
        self.assertEqual(self.terminals.list(), [])
        self.assertTrue((self.home / EGGS_DIR / "00000001").is_dir(), "it lives, with another wing")

    def test_a_dead_egg(self) -> None:
        link = self.running()
        link.events.egg_lost(link)
        self.clock.advance(1)
        self.assertEqual(self.events.told, [(-1, "the terminal's process was lost")])
        self.assertEqual(self.terminals.history.page(0, 1)[1], 1)

    def test_a_broken_connection(self) -> None:
        link = self.running()
        lock = egg_home.lock(self.home / EGGS_DIR / "00000001")
        link.events.egg_lost(link)
        self.clock.advance(1)
        self.assertEqual(len(self.links), 2)
        self.assertEqual(len(self.terminals.list()), 1)
        self.links[1].say(Output(b"again"))
        self.assertEqual(self.events.told, [b"again"])
        assert lock is not None
        egg_home.os.close(lock)

    def test_pausing(self) -> None:
        link = self.running()
        self.terminals.pause_output()
        self.assertTrue(link.paused)
        self.start(2)
        self.assertTrue(self.links[1].paused, "one that comes later too")
        self.terminals.resume_output()
        self.assertFalse(link.paused or self.links[1].paused)
        self.events.congested = True
        self.start(3)
        self.assertTrue(self.links[2].paused)

    def test_snapshot(self) -> None:
        link = self.running()
        answer = Deferred.fromCoroutine(self.terminals.snapshot("00000001"))
        link.asked.callback(b"replay")
        self.assertEqual(self.successResultOf(answer), b"replay")
        self.failureResultOf(Deferred.fromCoroutine(self.terminals.snapshot("ffffffff")), NotFound)

    def test_settings_hold_for_the_next_terminal(self) -> None:
        for number, settings in enumerate(((False, None), (True, 60.0), (False, None)), 1):
            self.audit, self.idle_timeout = settings
            self.start(number)
            meta = self.started_with[1]
            self.assertEqual((meta.audit, meta.idle_timeout), settings)

    def test_a_recording_that_stopped_is_in_the_history(self) -> None:
        link = self.running()
        link.say(RecordingStopped("the recording has stopped: No space left on device"))
        # The disk is full: its own file says nothing of all this.
        link.say(Exited(3, None))
        (entry,) = self.terminals.history.page(0, 9)[0]
        self.assertEqual(entry.exit_code, 3)
        self.assertIn("No space left", str(entry.recording_error))

    def test_taking_over(self) -> None:
        for number in (1, 2):
            directory = self.home / EGGS_DIR / f"{number:08x}"
            egg_home.make_directory(directory)
            egg_home.write_meta(directory, some_meta(directory.name))
        lock = egg_home.lock(directory)
        assert lock is not None
        self.addCleanup(egg_home.os.close, lock)
        other = self.make(list)
        other.events = self.events
        waiting = other.when_ready()
        self.assertNoResult(waiting)
        other.startService()
        self.successResultOf(waiting)
        self.successResultOf(other.when_ready())
        self.assertEqual([info.session_id for info in other.list()], ["00000002"])
        self.assertEqual([entry.session_id for entry in other.history.page(0, 9)[0]], ["00000001"])
        other.stopService()
        self.assertTrue(self.links[-1].closed)
        self.assertTrue(directory.is_dir())
