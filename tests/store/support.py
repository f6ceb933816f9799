"""A database for unit tests: the real schema and the real queries, without threads.

`test_pool` runs the same tests on it and on the pool.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

from twisted.trial.unittest import TestCase

from wingthing.store.connection import busy, connect, is_busy, transaction
from wingthing.store.migrate import migrate
from wingthing.store.pool import Database

T = TypeVar("T")


class DirectDatabase:
    """Stands in for `Database`: every query runs at once, in a transaction of its own."""

    def __init__(self, path: Path) -> None:
        migrate(path)
        self.path = path
        self.connection = connect(path)
        self.refusing = False
        """Set to act as a database that another process keeps locked for writing."""

    async def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        cursor = self.connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("BEGIN")
        try:
            return query(cursor, *args, **kwargs)
        finally:
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA query_only = OFF")

    async def write(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self.refusing:
            raise busy("locked")
        return self.now(query, *args, **kwargs)

    def now(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The same without awaiting, for the tests themselves."""
        try:
            with transaction(self.connection) as cursor:
                return query(cursor, *args, **kwargs)
        except sqlite3.OperationalError as why:
            if is_busy(why):
                raise busy(why) from why
            raise

    def close(self) -> None:
        self.connection.close()


def counting() -> Callable[[int], bytes]:
    """Randomness that can be foretold: no two answers are equal."""
    numbers = count(1)
    return lambda size: hashlib.shake_128(str(next(numbers)).encode()).digest(size)


class StoreCase(TestCase):
    """A test with an empty database in a directory of its own."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.direct = DirectDatabase(self.folder / "wingthing.db")
        self.addCleanup(self.direct.close)
        self.database = cast(Database, self.direct)
        self.run_now = self.direct.now
