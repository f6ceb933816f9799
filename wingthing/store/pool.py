"""The database as the server uses it: one writing connection, a few reading ones, each in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.enterprise.adbapi import ConnectionPool

from wingthing.store.connection import BUSY_SECONDS, busy, configure, is_busy
from wingthing.store.migrate import migrate

READERS = 3

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate[sqlite3.Cursor, P], T]


class Database:
    """Runs functions of the access modules, each in one transaction.

    `read` and `write` raise what the function raises, and TemporarilyUnavailable when another process keeps
    the database locked for too long.
    """

    def __init__(self, reactor: Any, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._writer = _pool(reactor, path, 1, lambda connection: configure(connection, busy_seconds))
        self._readers = _pool(reactor, path, READERS, lambda connection: _read_only(connection, busy_seconds))

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of a query that changes nothing."""
        return await self._run(self._readers, "BEGIN", query, *args, **kwargs)

    async def write(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of a query that changes something, after it has been committed."""
        # Taking the lock first: a transaction that begins by reading could not get it later if another
        # process has written in between, however long it waited.
        return await self._run(self._writer, "BEGIN IMMEDIATE", query, *args, **kwargs)

    def close(self) -> None:
        """Close all connections."""
        self._writer.close()
        self._readers.close()

    async def _run(
        self, pool: ConnectionPool, begin: str, query: Query[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def interaction(cursor: sqlite3.Cursor) -> T:
            cursor.execute(begin)
            return query(cursor, *args, **kwargs)

        try:
            answer: T = await pool.runInteraction(interaction)
        except sqlite3.OperationalError as why:
            if is_busy(why):
                raise busy(why) from why
            raise
        return answer


def open_database(reactor: Any, path: Path) -> Database:
    """The database at `path`, made or brought up to date first. Raises OperatorError."""
    migrate(path)
    return Database(reactor, path)


def _read_only(connection: sqlite3.Connection, busy_seconds: float) -> None:
    configure(connection, busy_seconds)
    connection.execute("PRAGMA query_only = ON")


def _pool(
    reactor: Any, path: Path, size: int, opened: Callable[[sqlite3.Connection], None]
) -> ConnectionPool:
    return ConnectionPool(
        "sqlite3",
        str(path),
        isolation_level=None,
        check_same_thread=False,
        cp_reactor=reactor,
        cp_min=1,
        cp_max=size,
        cp_openfun=opened,
        cp_noisy=False,
    )
