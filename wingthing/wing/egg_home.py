"""The directory of one terminal, `eggs/<session_id>/`: what it is, its socket, its lock, its recordings."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from wingthing.errors import InvalidMessage, OperatorError
from wingthing.names import (
    DIR_MODE,
    EGG_LOCK_FILE,
    EGG_META_FILE,
    EGG_SOCKET_FILE,
    FILE_MODE,
)

SESSION_ID = re.compile(r"[0-9a-f]{8}\Z")

MAX_SOCKET_PATH: Final = 107
"""Bytes of a Unix socket's path that the kernel takes (unix(7))."""


class EggMeta(msgspec.Struct, frozen=True, kw_only=True):
    """`meta.json`: what a terminal is. Written by the wing at first, by the egg while it lives.

    Times are Unix seconds; `idle_timeout` seconds without input and output, None for no limit.
    """

    session_id: str
    agent: str
    executable: str
    arguments: list[str]
    cwd: str
    user_id: str
    email: str
    created_at: float
    cols: int
    rows: int
    audit: bool
    idle_timeout: float | None = None
    title: str = ""
    pid: int | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    error: str | None = None
    recording_error: str | None = None


def checked_session_id(text: str) -> str:
    """`text`, when it is 8 lower-case hex characters (it names a directory). Raises InvalidMessage."""
    if SESSION_ID.match(text) is None:
        raise InvalidMessage("a session id is 8 hex characters")
    return text


def read_meta(directory: Path) -> EggMeta:
    """The terminal in `directory`. Raises OperatorError when its file is missing or damaged."""
    file = directory / EGG_META_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=EggMeta)
    except FileNotFoundError as why:
        raise OperatorError(f"There is no {file}: the folder is not a terminal's.") from why
    except (OSError, msgspec.DecodeError) as why:
        raise OperatorError(f"{file} cannot be read: {why}") from why


def write_meta(directory: Path, meta: EggMeta) -> None:
    """Replace the file as a whole. Raises OSError."""
    new = directory / (EGG_META_FILE + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
        file.write(msgspec.json.encode(meta))
    new.replace(directory / EGG_META_FILE)


def make_directory(directory: Path) -> None:
    """Make it and what is above it, for this user alone. Raises FileExistsError, OSError."""
    directory.parent.mkdir(mode=DIR_MODE, parents=True, exist_ok=True)
    directory.mkdir(mode=DIR_MODE)


def lock(directory: Path) -> int | None:
    """Take the lock of a terminal: an open file descriptor, or None when its process lives.

    The lock belongs to the open file: a child that inherits the descriptor keeps it when its parent dies.
    Raises OSError.
    """
    descriptor = os.open(directory / EGG_LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def is_alive(directory: Path) -> bool:
    """Whether the process of the terminal in `directory` lives. Raises OSError."""
    descriptor = lock(directory)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


@contextmanager
def socket_address(directory: Path) -> Iterator[str]:
    """A path of the terminal's socket that is short enough to connect to, for the time of the block.

    Raises OSError, OperatorError when the path is too long and the system has no /proc to go around it.
    """
    path = directory / EGG_SOCKET_FILE
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        yield str(path)
        return
    proc = Path("/proc/self/fd")
    if not proc.is_dir():
        raise OperatorError(f"The path {path} is too long for a socket: set WINGTHING_DIR to a shorter one.")
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(proc / str(descriptor) / EGG_SOCKET_FILE)
    finally:
        os.close(descriptor)
