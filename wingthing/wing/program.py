"""The program in a terminal: its PTY, its window size, its end and that of all it has started."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet.error import ConnectionDone, ProcessDone
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wingthing.wire.wing_limits import EXIT_DRAIN_SECONDS, KILL_GRACE_SECONDS, MAX_PENDING_INPUT_BYTES

KILL_POLL_SECONDS: Final = 0.1


@implementer(IPushProducer)
class Program(ProcessProtocol):
    """A running program. `output(bytes)` gets what it writes, `exited(code)` is called once, after the
    last of it; a program ended by signal N has the code 128 + N (as a shell counts it).

    `reactor` provides IReactorProcess and IReactorTime.
    """

    _log = Logger()
    transport: Any

    def __init__(self, reactor: Any, output: Callable[[bytes], None], exited: Callable[[int], None]) -> None:
        self._reactor = reactor
        self._output = output
        self._exited = exited
        self._code: int | None = None
        self._drain: IDelayedCall | None = None
        self._input: deque[bytes] = deque()
        self._input_size = 0
        self._input_dropped = False
        self._writable = True
        self._paused = False
        self._kill_timer: IDelayedCall | None = None
        self.pid: int | None = None
        self.killing = False
        """Whether processes of the terminal are being ended at this moment."""

    def spawn(
        self,
        executable: str,
        arguments: list[str],
        environment: Mapping[str, str],
        cwd: Path,
        cols: int,
        rows: int,
    ) -> None:
        """Start it in a window of `cols` x `rows` cells. Raises OSError."""
        master, slave = pty.openpty()
        try:
            _set_window(master, cols, rows)
            process = self._reactor.spawnProcess(
                self,
                executable,
                [os.fsencode(argument) for argument in arguments],
                env=environment,
                path=str(cwd),
                usePTY=(master, slave, os.ttyname(slave)),
            )
        except BaseException:
            os.close(master)
            os.close(slave)
            raise
        self.pid = process.pid

    @property
    def _is_open(self) -> bool:
        """Whether the PTY is there: between `spawn` and the last program's closing it."""
        return self.pid is not None and bool(self.transport.connected)

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    # -- out ---------------------------------------------------------------------------------------------

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._output(data)

    def pause(self) -> None:
        """Stop reading what it writes; it waits once the kernel's buffer is full."""
        self._paused = True
        if self._code is None and self._is_open:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused:
            self._paused = False
            if self._is_open:
                self.transport.resumeProducing()

    # -- in ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Type `data`. Over MAX_PENDING_INPUT_BYTES that the program has not read, it is dropped."""
        if not data or not self._is_open:
            return
        if self._writable:
            self.transport.write(data)
            return
        if self._input_size + len(data) > MAX_PENDING_INPUT_BYTES:
            if not self._input_dropped:
                self._input_dropped = True
                self._log.warn("input is dropped: the program does not read it")
            return
        self._input.append(data)
        self._input_size += len(data)

    def pauseProducing(self) -> None:
        self._writable = False

    def resumeProducing(self) -> None:
        self._writable = True
        self._input_dropped = False
        while self._input and self._writable:
            data = self._input.popleft()
            self._input_size -= len(data)
            self.transport.write(data)

    def stopProducing(self) -> None:
        self._input.clear()

    # -- size ----------------------------------------------------------------------------------------------

    def resize(self, cols: int, rows: int) -> None:
        """Change the window's size; the kernel tells the program (SIGWINCH)."""
        if self._is_open:
            _set_window(self.transport.fileno(), cols, rows)

    # -- end -----------------------------------------------------------------------------------------------

    def processExited(self, reason: Failure) -> None:
        value: Any = reason.value
        self._code = (
            0 if reason.check(ProcessDone) else 128 + value.signal if value.signal else value.exitCode
        )
        # What it wrote last is still in the kernel's buffer. A child that it left behind may keep the
        # terminal open for ever, so its end is not waited for.
        self._paused = False
        self.transport.resumeProducing()
        self._drain = self._reactor.callLater(EXIT_DRAIN_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        # Not loseConnection, which waits for input to be taken that nobody reads any more.
        if self._is_open:
            self.transport.connectionLost(Failure(ConnectionDone()))

    def processEnded(self, reason: Failure) -> None:
        if self._drain is not None and self._drain.active():
            self._drain.cancel()
        assert self._code is not None
        self._exited(self._code)

    def kill(self) -> None:
        """End every process of the terminal: SIGHUP now, SIGKILL to what is left after KILL_GRACE_SECONDS.

        A process that has left the terminal's session (setsid, a service) is not part of it.
        """
        if self.pid is None or self.killing:
            return
        self.killing = True
        deadline = self._reactor.seconds() + KILL_GRACE_SECONDS
        self._signal(signal.SIGHUP)
        self._signal(signal.SIGCONT)  # a stopped process takes no notice of the hang-up
        self._kill_timer = self._reactor.callLater(KILL_POLL_SECONDS, self._kill_rest, deadline)

    def _kill_rest(self, deadline: float) -> None:
        assert self.pid is not None
        if not session_processes(self.pid):
            self.killing = False
            return
        if self._reactor.seconds() >= deadline:
            self._signal(signal.SIGKILL)
        self._kill_timer = self._reactor.callLater(KILL_POLL_SECONDS, self._kill_rest, deadline)

    def _signal(self, number: signal.Signals) -> None:
        assert self.pid is not None
        for process in session_processes(self.pid):
            with suppress(ProcessLookupError):  # it has ended by itself in between
                os.kill(process, number)


def _set_window(descriptor: int, cols: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def session_processes(leader: int) -> list[int]:
    """The processes of the session that `leader` leads or has led; zombies are not counted.

    proc(5): after the name in parentheses come the state, the parent, the group and the session.
    """
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
            found.append(int(stat.parent.name))
    return found
