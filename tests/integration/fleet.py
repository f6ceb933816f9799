"""Drives a rehearsal (`wt fleet up`) from a test: a process of its own, asked over its control socket."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
import psutil

from tests.integration.program import DEADLINE_SECONDS, WT, environment, eventually
from wingthing.errors import OperatorError
from wingthing.rehearsal.call import call
from wingthing.rehearsal.folder import Folder
from wingthing.rehearsal.status import FleetStatus, MachineStatus

START_SECONDS = 90.0
"""All machines at once, on a busy machine."""


class Rehearsal:
    """`wt fleet up` in a folder of its own, on free ports; ready to be used when it has been made.

    A machine is named as on the command line: its id or the beginning of it, `login`, `edge`, or a region.
    What the rehearsal refuses is an OperatorError. To be closed, or used in a `with` statement.
    """

    def __init__(
        self,
        regions: Sequence[str] = ("ewr", "nrt", "lhr"),
        edges: int | None = None,
        *,
        command: str | None = None,
        variables: Mapping[str, str] | None = None,
        directory: Path | None = None,
        ready: bool = True,
    ) -> None:
        """`command` runs in the place of `wt serve`. A `directory` that is given is kept at the end."""
        self._own = None if directory else Path(tempfile.mkdtemp(prefix="wt-"))
        self.folder = Folder(directory or self._own)
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.output_path = self.folder.path / "up.out"
        words = ["fleet", "up", "--port", "0", "--dir", str(self.folder.path), "--regions", ",".join(regions)]
        words += [] if edges is None else ["--edges", str(edges)]
        words += [] if command is None else ["--command", command]
        for name, value in (variables or {}).items():
            words += ["--env", f"{name}={value}"]
        self._family: list[psutil.Process] = []
        with self.output_path.open("ab") as sink:
            self.process = subprocess.Popen(
                [*WT, *words],
                env=environment(self.folder.path / "nobody's"),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A test run in a shell's background ignores Ctrl-C, and would bequeath that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        if ready:
            try:
                eventually(self._up, "the fleet is up", START_SECONDS)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _up(self) -> bool:
        assert self.alive(), f"the fleet ended at once:\n{self.output}"
        try:
            return bool(self.status().machines)
        except OperatorError:
            return False

    # -- what it says ----------------------------------------------------------------------------------

    @property
    def output(self) -> str:
        """What `wt fleet up` has printed."""
        return self.output_path.read_text(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def status(self) -> FleetStatus:
        return msgspec.convert(call(self.folder, "status"), FleetStatus)

    def machine(self, word: str) -> MachineStatus:
        """The one machine that a word names."""
        found = [
            machine
            for machine in self.status().machines
            if word in (machine.role, machine.region) or machine.id.startswith(word)
        ]
        assert len(found) == 1, f"{word!r} names {found}"
        return found[0]

    def machines(self, role: str) -> list[MachineStatus]:
        """All of a role."""
        return [machine for machine in self.status().machines if machine.role == role]

    def url(self, region: str | None = None) -> str:
        """The public URL of a region; of the first one, which is the base URL, when none is named."""
        urls = self.status().urls
        return urls[region] if region else next(iter(urls.values()))

    def login_link(self) -> str:
        """The one-time link that lets the next browser in."""
        return str(call(self.folder, "link"))

    def log(self, word: str) -> str:
        """What a machine has printed since its first start."""
        return Path(self.machine(word).log).read_text(errors="replace")

    def tracebacks(self) -> list[str]:
        """The logs, of the fleet and of its machines, that have a traceback in them."""
        logs = [self.folder.log, *self.folder.machines.glob("*.log")]
        return [str(log) for log in logs if log.exists() and "Traceback" in log.read_text(errors="replace")]

    # -- what is done to it ----------------------------------------------------------------------------

    def kill(self, word: str) -> None:
        """SIGKILL; back when it is dead."""
        call(self.folder, "kill", machine=word)

    def stop(self, word: str) -> None:
        """SIGINT, as Fly does; back when it has ended."""
        call(self.folder, "stop", machine=word)

    def start(self, word: str) -> None:
        """Back when it is healthy."""
        call(self.folder, "start", machine=word)

    def restart(self, word: str) -> None:
        """`stop` and `start`."""
        call(self.folder, "restart", machine=word)

    def partition(self, word: str, *, public: bool = False) -> None:
        """Cut it off from the other machines, or with `public` from the proxy."""
        call(self.folder, "partition", machine=word, public=public)

    def slow(self, word: str, milliseconds: int) -> None:
        """Delay what travels between it and the others, each way."""
        call(self.folder, "slow", machine=word, milliseconds=milliseconds)

    def heal(self, word: str | None = None) -> None:
        """Undo `partition` and `slow`, of one or all."""
        call(self.folder, "heal", machine=word)

    def add(self, region: str) -> MachineStatus:
        """One more edge, healthy."""
        added = str(call(self.folder, "add", region=region))
        return self.machine(added)

    # -- its end ---------------------------------------------------------------------------------------

    def remember(self) -> list[psutil.Process]:
        """The process of the rehearsal and those of its machines, for a look at them after its end."""
        if self.alive():
            top = psutil.Process(self.process.pid)
            self._family = [top, *top.children(recursive=True)]
        return self._family

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C, and wait; the exit code."""
        self.remember()
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        """End everything, and fail when something had to be killed or does not die."""
        problem = ""
        try:
            if self.alive():
                try:
                    self.interrupt()
                except subprocess.TimeoutExpired:
                    problem = f"the fleet does not stop:\n{self.output}"
                    self.process.kill()
                    self.process.wait(DEADLINE_SECONDS)
            _gone, left = psutil.wait_procs(self._family, 5)
            for process in left:
                process.kill()
            if left:
                problem = problem or f"left behind: {left}"
        finally:
            if self._own is not None:
                shutil.rmtree(self._own, ignore_errors=True)
        assert not problem, problem
