"""What the operator's commands share: the data directory and a database connection of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from wingthing.errors import OperatorError, PeerError
from wingthing.names import DATABASE_FILE, DEFAULT_DIR, ENV_DIR

F = TypeVar("F", bound=Callable[..., Any])


def data_dir_option(command: F) -> F:
    """`--data-dir`, as the server takes it."""
    option = click.option("--data-dir", "-d", help=f"Data directory.  [default: ${ENV_DIR} or {DEFAULT_DIR}]")
    return option(command)


def database_of(data_dir: str | None, *, make: bool = False) -> Path:
    """The database in the data directory, brought up to date.

    Raises OperatorError when there is none (and it should not be made), or it cannot be used.
    """
    from wingthing.assembly.config import data_directory
    from wingthing.store.migrate import migrate

    path = data_directory(data_dir) / DATABASE_FILE
    if not make and not path.exists():
        raise OperatorError(f"There is no database at {path} yet: start the server once, or add a user.")
    migrate(path)
    return path


@contextmanager
def cursor_on(path: Path) -> Iterator[sqlite3.Cursor]:
    """A cursor in one transaction, beside a server that may be running.

    What the store refuses, and a database that stays locked, become an OperatorError.
    """
    from wingthing.store.connection import connect, is_busy, transaction

    connection = connect(path)
    try:
        with transaction(connection) as cursor:
            yield cursor
    except PeerError as why:
        text = str(why)
        raise OperatorError(f"{text[:1].upper()}{text[1:]}.") from why
    except sqlite3.OperationalError as why:
        if not is_busy(why):
            raise
        raise OperatorError("The database is locked by another program: try again in a moment.") from why
    finally:
        connection.close()
