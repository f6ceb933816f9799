"""Opening the database: one set of settings for the server, the command line and the migrations."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wingthing.errors import OperatorError, TemporarilyUnavailable
from wingthing.names import FILE_MODE

BUSY_SECONDS = 5.0
"""How long a statement waits for another process that writes."""


def configure(connection: sqlite3.Connection, busy_seconds: float = BUSY_SECONDS) -> None:
    """WAL, so that readers and the one writer do not wait for each other; foreign keys; a busy timeout."""
    connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the database at `path`, which is made (mode 0600) when it is missing.

    Raises OperatorError when it cannot be opened or is not a database.
    """
    try:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        configure(connection)
    except OSError as why:
        raise OperatorError(f"The database {path} cannot be opened: {why.strerror}.") from why
    except sqlite3.OperationalError as why:
        raise OperatorError(f"The database {path} cannot be opened: {why}.") from why
    except sqlite3.DatabaseError as why:
        raise OperatorError(
            f"{path} is not a database of this program ({why}): put a backup back, or move it away."
        ) from why
    return connection


def _make_private(path: Path) -> None:
    """The file with the mode that it should have; SQLite would make it readable for everybody.

    A file that exists is not opened for that: closing it would drop the locks that this process has on it
    through other connections.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
        return
    if mode & ~FILE_MODE:
        path.chmod(FILE_MODE)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """A cursor inside one write transaction: committed at the end, rolled back on any exception."""
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        yield cursor
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def is_busy(why: BaseException) -> bool:
    """Whether an error of SQLite will pass by itself."""
    return isinstance(why, sqlite3.OperationalError) and any(
        word in str(why) for word in ("locked", "busy", "interrupted")
    )


def busy(why: Any) -> TemporarilyUnavailable:
    """What a client is told then."""
    return TemporarilyUnavailable("the database is busy: try again", headers={"Retry-After": "1"})
