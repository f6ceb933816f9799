"""One wing per directory: the lock that says so, and what the running wing tells `wt status` about itself."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgspec

from wingthing import files
from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE, WING_PID_FILE, WING_STATUS_FILE

PROBE_SECONDS = 0.05
PROBES = 4


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A running wing. `state` is a LinkState, `since` Unix seconds."""

    pid: int
    state: str
    detail: str
    roost: str
    wing_id: str
    since: float
    inside_server: bool = False


class Presence:
    """The lock is the kernel's and goes with the process, however it ends: an old pid file fools nobody."""

    def __init__(self, directory: Path) -> None:
        self._pid_path = directory / WING_PID_FILE
        self._status_path = directory / WING_STATUS_FILE
        self._lock: int | None = None

    def take(self) -> None:
        """Raises OperatorError when another wing has the directory."""
        if self._lock is not None:
            return
        lock = os.open(self._pid_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        for probe in range(PROBES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # `holder` of another process takes the lock for an instant, too.
                if probe + 1 < PROBES:
                    time.sleep(PROBE_SECONDS)
        else:
            pid = _read_pid(lock)
            os.close(lock)
            raise OperatorError(
                f"A wing already runs on {self._pid_path.parent} (process {pid}): end it with 'wt stop', or "
                "give this one a directory of its own with WINGTHING_DIR."
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        self._status_path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Let the directory go."""
        if self._lock is not None:
            self._status_path.unlink(missing_ok=True)
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def holder(self) -> int | None:
        """The process of the running wing; None when none runs."""
        try:
            lock = os.open(self._pid_path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_pid(lock)
        finally:
            os.close(lock)
        return None

    def tell(self, status: Status) -> None:
        """Write down how the wing is. Raises OperatorError."""
        files.write_text(self._status_path, msgspec.json.encode(status).decode() + "\n")

    def status(self) -> Status | None:
        """How the running wing is; None when none runs or it has not said yet."""
        pid = self.holder()
        text = files.read_text(self._status_path) if pid is not None else None
        if text is None:
            return None
        try:
            status = msgspec.json.decode(text, type=Status)
        except msgspec.DecodeError:
            return None
        return status if status.pid == pid else None


def _read_pid(lock: int) -> int:
    digits = os.pread(lock, 32, 0).strip()
    return int(digits) if digits.isdigit() else 0
