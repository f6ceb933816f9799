"""One machine: a process that is started, stopped and killed, with what Fly gives it around it."""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from wingthing import files
from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE, FLEET_PORT
from wingthing.rehearsal import child
from wingthing.rehearsal.facts import KILL_TIMEOUT_SECONDS, LAST_SECONDS

LAST_WORDS_BYTES = 4096


class State(enum.StrEnum):
    """What the process of a machine is doing. Fly calls the first two `started`."""

    STARTING = "starting"
    """It lives; its port has not been seen open yet."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@attrs.frozen
class Place:
    """Which machine this is, and where. It stays the same across restarts."""

    number: int
    """Counted from 1; login is 1."""

    id: str
    region: str
    group: str
    """The process group, which is the role: `login` or `edge`."""

    address: str
    port: int = FLEET_PORT


class Machine:
    """`changed(machine)` is called whenever the process has started or ended.

    `command` gets `--addr ADDRESS:PORT` appended. `environment` is all that the process sees, but for `HOME`:
    `folder` is its home and working directory, emptied at each start as the disk of a Fly machine is.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        place: Place,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        changed: Callable[[Machine], None],
    ) -> None:
        self._reactor = reactor
        self.place = place
        self._command = [*command, "--addr", f"{place.address}:{place.port}"]
        self._environment = dict(environment)
        self._folder = folder
        self.log_path = folder.with_suffix(".log")
        self._changed = changed
        self._process: Any = None
        self._waiting: list[Deferred[None]] = []
        self._log_begin = 0
        self.state = State.STOPPED
        self.healthy = False
        """Whether it belongs into rotation; wingthing.rehearsal.health says so."""

        self.passing = False
        """Whether its last health check was answered with 200."""

        self.started_at = 0.0
        self.starts = 0
        self.expected = True
        """Whether the last end was asked for."""

        self.last_exit = ""
        """How the process ended the last time, in words."""

    @property
    def alive(self) -> bool:
        """Whether there is a process: what Fly's DNS goes by."""
        return self._process is not None

    @property
    def ready(self) -> bool:
        """Whether the public proxy may send it requests."""
        return self.healthy and self.state is State.RUNNING

    @property
    def pid(self) -> int | None:
        """The process id; None when none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process. Raises OperatorError when it runs already, or a folder cannot be made."""
        if self.alive:
            raise OperatorError(f"Machine {self.place.id} runs already: 'wt fleet restart' restarts it.")
        shutil.rmtree(self._folder, ignore_errors=True)
        files.make_directory(self._folder)
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._log_begin = os.fstat(log).st_size
            self._process = self._reactor.spawnProcess(
                _Watcher(self._ended),
                sys.executable,
                # Isolated and without site-packages: half of the time of a start.
                [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), *self._command],
                env={**self._environment, "HOME": str(self._folder)},
                path=str(self._folder),
                childFDs={0: null, 1: log, 2: log},
            )
        finally:
            os.close(log)
            os.close(null)
        self.state, self.healthy = State.STARTING, False
        self.passing = False
        self.started_at = self._reactor.seconds()
        self.starts += 1
        self.log.info("{place.id} ({place.group}, {place.region}) starts", place=self.place)
        self._changed(self)

    async def stop(self) -> None:
        """SIGINT, after a while SIGTERM, after another SIGKILL; back when the process has ended.

        Raises OperatorError when none runs.
        """
        self._must_live()
        self.state = State.STOPPING
        for number, seconds in (
            (signal.SIGINT, KILL_TIMEOUT_SECONDS),
            (signal.SIGTERM, LAST_SECONDS),
        ):
            self._signal(number)
            if await self._ends_within(seconds):
                return
            self.log.warn("{place.id} did not end on signal {number}", place=self.place, number=int(number))
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL; back when the process has ended. Raises OperatorError when none runs."""
        self._must_live()
        self.state = State.STOPPING
        ended = self._until_ended()
        self._signal(signal.SIGKILL)
        await ended

    def last_words(self) -> str:
        """What the process printed last, for a sentence about why it ended."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(min(self._log_begin, size), size - LAST_WORDS_BYTES))
            lines = stream.read().decode("utf-8", "replace").strip().splitlines()
            ours = [line.removeprefix("wt: ") for line in lines if line.startswith("wt: ")]
            return (ours or lines or [""])[-1]
        return ""

    def _must_live(self) -> None:
        if not self.alive:
            raise OperatorError(f"Machine {self.place.id} does not run: 'wt fleet start' starts it.")

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessExitedAlready):
                self._process.signalProcess(int(number))

    def _until_ended(self) -> Deferred[None]:
        ended: Deferred[None] = Deferred(self._waiting.remove)
        if self.alive:
            self._waiting.append(ended)
        else:
            ended.callback(None)
        return ended

    async def _ends_within(self, seconds: float) -> bool:
        try:
            await self._until_ended().addTimeout(seconds, self._reactor)
        except DeferredTimeout:
            return False
        return True

    def _ended(self, reason: Failure) -> None:
        self._process = None
        self.last_exit = _exit_words(reason)
        self.expected = self.state is State.STOPPING
        self.state, self.healthy = State.STOPPED, False
        self.passing = False
        report = self.log.info if self.expected else self.log.warn
        report(
            "{place.id} ({place.group}, {place.region}) ended: {how}", place=self.place, how=self.last_exit
        )
        waiting, self._waiting = self._waiting, []
        self._changed(self)
        for ended in waiting:
            ended.callback(None)


class _Watcher(ProcessProtocol):
    def __init__(self, ended: Callable[[Failure], None]) -> None:
        self._report = ended

    def processEnded(self, reason: Failure) -> None:
        self._report(reason)


def _exit_words(reason: Failure) -> str:
    number = getattr(reason.value, "signal", None)
    if number:
        return f"killed by {signal.Signals(number).name}"
    return f"exit code {getattr(reason.value, 'exitCode', None) or 0}"
