"""A consistent copy of a database that is in use."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE
from wingthing.store.connection import connect

PAGES_PER_STEP = 256
"""Pages copied before writers get their turn."""


def backup(source: Path, target: Path, *, force: bool = False) -> int:
    """Copy a database to `target` (mode 0600) through SQLite's backup API; the copy's size in bytes.

    The target appears as a whole or not at all. Raises OperatorError when the source is missing, the target
    exists (without `force`), or the disk does not take it.
    """
    if not source.exists():
        raise OperatorError(f"There is no database at {source}: nothing to back up.")
    if (target.exists() or target.is_symlink()) and not force:
        raise OperatorError(f"{target} exists already: choose another name, or replace it with --force.")
    if not target.parent.is_dir():
        raise OperatorError(f"The backup to {target} failed: there is no folder {target.parent}.")
    # A name that nobody can guess, and O_EXCL: where others may write too, such as /tmp, a file that was
    # put there beforehand would otherwise be filled with the copy.
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            with (
                contextlib.closing(connect(source)) as reading,
                contextlib.closing(sqlite3.connect(partial)) as writing,
            ):
                reading.backup(writing, pages=PAGES_PER_STEP)
                # One file is easier to keep than three: the copy needs no log beside it.
                writing.execute("PRAGMA journal_mode = DELETE")
            os.fsync(descriptor)
            size = os.fstat(descriptor).st_size
            partial.replace(target)
        finally:
            os.close(descriptor)
            partial.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as why:
        # The text of an OSError has the name of the partial file in it, which says nothing to anybody.
        words = why.strerror if isinstance(why, OSError) else why
        raise OperatorError(f"The backup to {target} failed: {words}.") from why
    return size
