"""The work folder of a rehearsal: who has it, and where in it things are."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from wingthing import files
from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE
from wingthing.rehearsal.facts import (
    CONTROL_SOCKET,
    KEY_FILE,
    LOCK_FILE,
    LOG_FILE,
    MACHINES_DIR,
    VOLUME_DIR,
    WORK_DIR,
)

UNIX_PATH_BYTES = 107
"""The longest path that a Unix socket can have (sockaddr_un)."""


class Folder:
    """`path` as it was given with `--dir`, or None for the usual place."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path or WORK_DIR).expanduser().absolute()
        self.control = self.path / CONTROL_SOCKET
        self.log = self.path / LOG_FILE
        self.volume = self.path / VOLUME_DIR
        self.machines = self.path / MACHINES_DIR
        self._lock: int | None = None

    def take(self) -> None:
        """Make the folder, and have it alone. What an earlier rehearsal has left there is removed, but for
        the volume and the key.

        Raises OperatorError when another rehearsal has it, or it cannot be used.
        """
        if len(os.fsencode(self.control)) > UNIX_PATH_BYTES:
            raise OperatorError(
                f"{self.path} is too long for the name of a socket in it: choose a shorter one with --dir."
            )
        files.make_directory(self.path)
        lock = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise OperatorError(
                f"A rehearsal already runs in {self.path}: see 'wt fleet status', or give this one a folder "
                "of its own with --dir."
            ) from None
        self._lock = lock
        self.control.unlink(missing_ok=True)
        shutil.rmtree(self.machines, ignore_errors=True)
        files.make_directory(self.machines)
        files.make_directory(self.volume)

    def leave(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def signing_key(self) -> str:
        """`WT_JWT_KEY` of this fleet, made at the first time: the tokens in the volume are signed with it."""
        path = self.path / KEY_FILE
        files.create_text(path, dump_signing_key(new_signing_key()) + "\n")
        text = files.read_secret(path)
        assert text is not None
        return text.strip()
