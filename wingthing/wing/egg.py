"""The egg: the process that one terminal lives in, apart from the wing's so that it outlives it.

    program <-> PTY -> screen -> coalescer -> recording
                                          -> reader (the wing), if one is connected

Nothing here waits for the wing. Without one the screen goes on at full speed; with one that does not read,
the program is made to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from wingthing.names import EGG_SOCKET_FILE
from wingthing.wing.answers import QueryAnswers, is_report
from wingthing.wing.attention import AttentionWatch
from wingthing.wing.egg_home import EggMeta, write_meta
from wingthing.wing.egg_reader import EggReader, ReaderDoor
from wingthing.wing.egg_wire import (
    EGG_VERSION,
    AcknowledgeAttention,
    AcknowledgeExit,
    Attention,
    Exited,
    Frame,
    Input,
    Kill,
    Output,
    Ready,
    RecordingStopped,
    Replay,
    Resize,
    Title,
    ToEgg,
)
from wingthing.wing.output import Coalescer, cut
from wingthing.wing.program import KILL_POLL_SECONDS, Program
from wingthing.wing.recording import Recorder
from wingthing.wing.screen import Screen
from wingthing.wire.limits import MAX_COLS, MAX_ROWS
from wingthing.wire.wing_limits import EGG_HOME_SECONDS, EXIT_LINGER_SECONDS


class Egg:
    """One terminal, described by `meta`, with its files in `directory`.

    `reactor` provides time and processes; `environment` is the program's; `finished()` is called when the
    process has nothing left to do. The program starts when the first reader says Hello, so that its very
    first output is read.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        meta: EggMeta,
        environment: Mapping[str, str],
        finished: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._directory = directory
        self._meta = meta
        self._environment = environment
        self._finished = finished
        self.door = ReaderDoor(self)
        self._screen = Screen(
            meta.cols, meta.rows, on_reply=self._asked, on_bell=self._bell, on_title=self._titled
        )
        self._held = b""
        self._output = Coalescer(reactor, self._emit)
        self._answers = QueryAnswers(reactor, self._answer)
        self._attention = AttentionWatch(reactor, lambda nonce: self._send(Attention(nonce)))
        self._program = Program(reactor, self._program_output, self._program_exited)
        self._recorder: Recorder | None = None
        self._active_at = reactor.seconds()
        self._idle: IDelayedCall | None = None
        self._home: IDelayedCall | None = None
        self._linger: IDelayedCall | None = reactor.callLater(EXIT_LINGER_SECONDS, self._finish)
        self._killed_because: str | None = None
        self._acknowledged = False

    # -- the reader ------------------------------------------------------------------------------------------

    def _send(self, frame: Frame) -> None:
        if self.door.current is not None:
            self.door.current.send(frame)

    def reader_hello(self, reader: EggReader) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._program.resume()
        meta = self._meta
        ready = Ready(
            EGG_VERSION, meta.cols, meta.rows, meta.title, self._attention.nonce, meta.recording_error
        )
        reader.send(ready)
        if meta.exit_code is not None:
            reader.send(Exited(meta.exit_code, meta.error))
        elif self._program.pid is None:
            self._start()

    def reader_frame(self, frame: ToEgg) -> None:
        match frame:
            case Input(data):
                self._typed(data)
            case Resize(cols, rows):
                self._resize(min(max(cols, 1), MAX_COLS), min(max(rows, 1), MAX_ROWS))
            case Kill():
                self._kill(None)
            case AcknowledgeAttention():
                self._attention.acknowledge()
            case AcknowledgeExit() if self._meta.exit_code is not None:
                self._acknowledged = True
                self._finish()

    def reader_wants_snapshot(self, number: int) -> None:
        self._answers.attend()
        self._output.flush()
        # What is held back follows as output. What was too long to hold back is out, and must be in.
        begun = (
            self._screen.unfinished().removesuffix(self._held) if self._held else self._screen.unfinished()
        )
        self._send(Replay(number, self._screen.replay() + begun))

    def reader_full(self) -> None:
        self._program.pause()

    def reader_drained(self) -> None:
        self._program.resume()

    def reader_gone(self) -> None:
        self._program.resume()
        self._answers.leave()
        if self._meta.exit_code is not None or self._program.pid is None:
            self._linger = self._reactor.callLater(EXIT_LINGER_SECONDS, self._finish)

    # -- the program -----------------------------------------------------------------------------------------

    def _start(self) -> None:
        meta = self._meta
        if meta.audit:
            self._recorder = Recorder(
                self._directory,
                self._reactor,
                cols=meta.cols,
                rows=meta.rows,
                title=meta.agent,
                stopped=self._recording_stopped,
            )
        try:
            self._program.spawn(
                meta.executable, meta.arguments, self._environment, Path(meta.cwd), meta.cols, meta.rows
            )
        except OSError as why:
            self._over(-1, f"{meta.executable} could not be started: {why.strerror}")
            return
        self._update(pid=self._program.pid)
        self._watch_idle()
        self._home = self._reactor.callLater(EGG_HOME_SECONDS, self._watch_home)

    def _program_output(self, data: bytes) -> None:
        self._active_at = self._reactor.seconds()
        self._screen.feed(data)
        data = self._held + data
        end = cut(data, self._screen.unfinished())
        self._held = data[end:]
        self._output.add(data[:end])

    def _emit(self, data: bytes) -> None:
        if self._recorder is not None:
            self._recorder.output(data)
        self._send(Output(data))

    def _program_exited(self, code: int) -> None:
        self._output.add(self._held)
        self._held = b""
        self._over(code, self._killed_because)

    def _over(self, code: int, error: str | None) -> None:
        self._output.close()
        if self._recorder is not None:
            self._recorder.close()
        for watch in (self._idle, self._home):
            if watch is not None and watch.active():
                watch.cancel()
        self._update(exit_code=code, error=error, ended_at=self._reactor.seconds(), pid=None)
        if self.door.current is None:
            self._linger = self._reactor.callLater(EXIT_LINGER_SECONDS, self._finish)
        self._send(Exited(code, error))

    def _typed(self, data: bytes) -> None:
        data = self._answers.received(data)
        if not data:
            return
        self._active_at = self._reactor.seconds()
        if not is_report(data):
            self._attention.acknowledge()
        if self._recorder is not None:
            self._recorder.input(data)
        self._program.write(data)

    def _resize(self, cols: int, rows: int) -> None:
        if (cols, rows) == (self._meta.cols, self._meta.rows):
            return
        self._output.flush()
        self._screen.resize(cols, rows)
        self._program.resize(cols, rows)
        if self._recorder is not None:
            self._recorder.resize(cols, rows)
        self._update(cols=cols, rows=rows)

    def _kill(self, because: str | None) -> None:
        if self._program.pid is None and self._meta.exit_code is None:
            self._over(-1, because)
            return
        self._killed_because = because
        self._program.resume()
        self._program.kill()

    def _watch_idle(self) -> None:
        limit = self._meta.idle_timeout
        if limit is None:
            return
        left = self._active_at + limit - self._reactor.seconds()
        if left > 0:
            self._idle = self._reactor.callLater(left, self._watch_idle)
        else:
            self._kill(f"ended after {limit:g} seconds without input or output")

    def _watch_home(self) -> None:
        """Without its socket no wing can ever find this terminal again: somebody has removed the folder."""
        if self.door.current is None and not (self._directory / EGG_SOCKET_FILE).exists():
            self._kill("the folder of this terminal was removed")
        else:
            self._home = self._reactor.callLater(EGG_HOME_SECONDS, self._watch_home)

    # -- the screen's events ---------------------------------------------------------------------------------

    def _asked(self, reply: bytes) -> None:
        self._answers.asked(reply)

    def _answer(self, data: bytes) -> None:
        self._program.write(data)

    def _bell(self) -> None:
        self._attention.bell()

    def _titled(self, title: str) -> None:
        if title != self._meta.title:
            self._meta = msgspec.structs.replace(self._meta, title=title)
            self._send(Title(title))

    # -- the end ---------------------------------------------------------------------------------------------

    def _recording_stopped(self, reason: str) -> None:
        self._update(recording_error=reason)
        self._send(RecordingStopped(reason))

    def _update(self, **changes: Any) -> None:
        self._meta = msgspec.structs.replace(self._meta, **changes)
        try:
            write_meta(self._directory, self._meta)
        except OSError as why:
            self._log.error("the terminal's file cannot be written: {why}", why=why)

    def _finish(self) -> None:
        """Go, once a kill under way is through."""
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        if self._program.killing:
            self._linger = self._reactor.callLater(KILL_POLL_SECONDS, self._finish)
            return
        self._linger = None
        self._finished()

    def close(self) -> None:
        """The process ends, told from outside or by itself: leave whole files behind."""
        if self._meta.exit_code is None:
            self._output.close()
            if self._recorder is not None:
                self._recorder.close()
            self._update(
                exit_code=-1, error="the terminal's process was told to end", ended_at=self._reactor.seconds()
            )
        self._screen.close()
