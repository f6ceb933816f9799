"""Brings a database to the version of this program: numbered SQL files, one transaction each."""

from __future__ import annotations

import re
import sqlite3
from importlib import resources
from pathlib import Path

from wingthing.errors import OperatorError
from wingthing.store.connection import connect

_FILE = re.compile(r"(\d{4})_\w+\.sql\Z")


def scripts() -> list[tuple[int, str]]:
    """Version and SQL of every migration, in order."""
    folder = resources.files("wingthing.store.schema")
    found = ((match, entry) for entry in folder.iterdir() if (match := _FILE.match(entry.name)))
    return sorted((int(match[1]), entry.read_text("utf-8")) for match, entry in found)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a database; 0 for an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(path: Path, steps: list[tuple[int, str]] | None = None) -> None:
    """Make the database at `path`, or bring it up to date.

    Raises OperatorError when a newer program has written it, or when it cannot be used.
    """
    steps = scripts() if steps is None else steps
    latest = steps[-1][0]
    connection = connect(path)
    try:
        found = version_of(connection)
        if found > latest:
            raise OperatorError(
                f"The database {path} has version {found}, and this program knows versions up to {latest}: "
                "install the newer wingthing again, or put back a backup from before it."
            )
        for version, script in steps:
            if version > found:
                _apply(connection, version, script)
    except sqlite3.Error as why:
        raise OperatorError(f"The database {path} cannot be brought up to date: {why}.") from why
    finally:
        connection.close()


def _apply(connection: sqlite3.Connection, version: int, script: str) -> None:
    try:
        # executescript is not atomic by itself; the version moves with the change or not at all.
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version:d};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        # `wt user` beside a server that starts: the other one has made this step meanwhile.
        if version_of(connection) < version:
            raise
