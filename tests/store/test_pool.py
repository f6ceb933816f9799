"""The pool, and the fake that stands in for it elsewhere: the same tests on both."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.store.support import DirectDatabase
from wingthing.errors import NotFound, OperatorError, TemporarilyUnavailable
from wingthing.store import users
from wingthing.store.connection import connect
from wingthing.store.migrate import migrate
from wingthing.store.pool import Database, open_database


def add(cursor: sqlite3.Cursor, user_id: str, *, then: Callable[[], object] | None = None) -> str:
    users.add(cursor, user_id, name=user_id, provider="test", now=1.0)
    if then is not None:
        then()
    return user_id


def fail() -> None:
    raise NotFound("stop here")


class Contract:
    """What both keep. `make` opens one on a path, with a short patience."""

    def make(self, path: Path) -> Any:
        raise AssertionError("a subclass says which")

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())  # type: ignore[attr-defined]
        self.folder.mkdir(parents=True)
        self.path = self.folder / "wingthing.db"
        migrate(self.path)
        self.database: Any = self.make(self.path)
        self.addCleanup(self.database.close)  # type: ignore[attr-defined]

    async def test_what_is_written_is_read(self: Any) -> None:
        self.assertEqual(await self.database.write(add, "ann"), "ann")
        found = await self.database.read(users.find, "ann")
        self.assertEqual(found.display_name, "ann")

    async def test_an_exception_passes_through_and_nothing_stays(self: Any) -> None:
        with self.assertRaises(NotFound):
            await self.database.write(add, "ann", then=fail)
        self.assertIsNone(await self.database.read(users.find, "ann"))
        await self.database.write(add, "ann")

    async def test_reading_cannot_write(self: Any) -> None:
        with self.assertRaises(sqlite3.OperationalError):
            await self.database.read(add, "ann")
        self.assertIsNone(await self.database.read(users.find, "ann"))
        await self.database.write(add, "ann")

    async def test_a_lock_of_another_process_is_a_passing_fault(self: Any) -> None:
        holder = connect(self.path)
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        with self.assertRaises(TemporarilyUnavailable):
            await self.database.write(add, "ann")
        holder.execute("ROLLBACK")
        await self.database.write(add, "ann")

    async def test_reading_goes_on_while_another_process_writes(self: Any) -> None:
        await self.database.write(add, "ann")
        holder = connect(self.path)
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("DELETE FROM users")
        self.assertIsNotNone(await self.database.read(users.find, "ann"))
        holder.execute("ROLLBACK")
        self.assertIsNotNone(await self.database.read(users.find, "ann"))

    async def test_a_query_that_is_wrong_is_no_passing_fault(self: Any) -> None:
        with self.assertRaises(sqlite3.OperationalError):
            await self.database.write(lambda cursor: cursor.execute("SELECT nothing FROM nowhere"))


class PoolTests(Contract, TestCase):
    def make(self, path: Path) -> Any:
        # Threads are what is tested here, and they answer through the real reactor.
        from twisted.internet import reactor

        return Database(reactor, path, busy_seconds=0.05)

    async def test_many_at_once(self) -> None:
        def start(work: Awaitable[Any]) -> Deferred[Any]:
            return Deferred.fromCoroutine(work)  # type: ignore[arg-type]

        await gatherResults([start(self.database.write(add, f"user{n}")) for n in range(50)])
        found = await gatherResults([start(self.database.read(users.find, f"user{n}")) for n in range(50)])
        self.assertNotIn(None, found)

    async def test_reading_first_does_not_lose_the_race_for_the_lock(self) -> None:
        other = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        self.addCleanup(other.close)

        def read_then_write(cursor: sqlite3.Cursor) -> None:
            cursor.execute("SELECT id FROM users").fetchone()
            # The lock was taken before the first look, so nobody can have come in between.
            self.assertRaises(sqlite3.OperationalError, other.execute, "DELETE FROM users")
            users.ensure(cursor, "late", name="Late", provider="test", now=1.0)

        await self.database.write(add, "ann")
        await self.database.write(read_then_write)
        self.assertIsNotNone(await self.database.read(users.find, "late"))

    async def test_open_database_brings_it_up_to_date(self) -> None:
        from twisted.internet import reactor

        database = open_database(reactor, self.folder / "new.db")
        self.addCleanup(database.close)
        self.assertEqual(await database.read(users.every), [])

    def test_a_damaged_database_is_said_before_anything_starts(self) -> None:
        from twisted.internet import reactor

        damaged = self.folder / "damaged.db"
        damaged.write_bytes(b"x" * 4096)
        self.assertRaises(OperatorError, open_database, reactor, damaged)


class FakeTests(Contract, TestCase):
    def make(self, path: Path) -> Any:
        database = DirectDatabase(path)
        database.connection.execute("PRAGMA busy_timeout = 10")
        return database
