"""Migrations: in order, each wholly or not at all, never backwards, and two programs at once."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from threading import Barrier, Thread

from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.store.connection import connect
from wingthing.store.migrate import migrate, scripts, version_of

STEPS = [
    (1, "CREATE TABLE ship (name TEXT NOT NULL);"),
    (2, "ALTER TABLE ship ADD COLUMN sails INTEGER NOT NULL DEFAULT 0; CREATE INDEX by_name ON ship (name);"),
    (3, "CREATE TABLE port (name TEXT PRIMARY KEY) STRICT;"),
]


def dump(path: Path) -> list[str]:
    connection = connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def version(path: Path) -> int:
    connection = connect(path)
    try:
        return version_of(connection)
    finally:
        connection.close()


class MigrateTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.path = self.folder / "wingthing.db"

    def test_the_scripts_are_numbered_without_a_gap(self) -> None:
        self.assertEqual([number for number, _ in scripts()], list(range(1, len(scripts()) + 1)))

    def test_a_new_database_is_private_and_up_to_date(self) -> None:
        migrate(self.path)
        self.assertEqual(version(self.path), len(scripts()))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_an_upgraded_database_dumps_like_a_fresh_one(self) -> None:
        for steps in (scripts(), STEPS):
            fresh = self.folder / f"fresh{len(steps)}.db"
            migrate(fresh, steps)
            for reached in range(len(steps)):
                old = self.folder / f"old{len(steps)}-{reached}.db"
                if reached:
                    migrate(old, steps[:reached])
                migrate(old, steps)
                self.assertEqual(dump(old), dump(fresh))
                self.assertEqual(version(old), len(steps))

    def test_an_upgrade_keeps_what_is_stored(self) -> None:
        migrate(self.path, STEPS[:1])
        connection = connect(self.path)
        connection.execute("INSERT INTO ship VALUES ('Heron')")
        connection.close()
        migrate(self.path, STEPS)
        connection = connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT name, sails FROM ship").fetchall(), [("Heron", 0)])

    def test_once_more_changes_nothing(self) -> None:
        migrate(self.path)
        before = dump(self.path)
        migrate(self.path)
        self.assertEqual(dump(self.path), before)

    def test_a_newer_database_is_refused_and_left_alone(self) -> None:
        migrate(self.path, STEPS)
        before = dump(self.path)
        why = self.assertRaises(OperatorError, migrate, self.path, STEPS[:2])
        self.assertIn("version 3", str(why))
        self.assertIn("up to 2", str(why))
        self.assertEqual(dump(self.path), before)

    def test_a_step_that_fails_leaves_the_version_before_it(self) -> None:
        broken = [STEPS[0], (2, "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);")]
        self.assertRaises(OperatorError, migrate, self.path, broken)
        self.assertEqual(version(self.path), 1)
        self.assertFalse([line for line in dump(self.path) if "half" in line])

    def test_two_programs_at_once_both_succeed(self) -> None:
        for attempt in range(10):
            path = self.folder / f"shared{attempt}.db"
            connect(path).close()
            barrier = Barrier(2)
            failures: list[BaseException] = []

            def bring_up(
                path: Path = path, barrier: Barrier = barrier, failures: list[BaseException] = failures
            ) -> None:
                barrier.wait()
                try:
                    migrate(path)
                except BaseException as why:
                    failures.append(why)

            threads = [Thread(target=bring_up) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(version(path), len(scripts()))

    def test_a_file_that_is_no_database_is_refused_and_left_alone(self) -> None:
        self.path.write_bytes(b"not a database, and long enough to be read as a header" * 20)
        before = self.path.read_bytes()
        why = self.assertRaises(OperatorError, migrate, self.path)
        self.assertIn("is not a database", str(why))
        self.assertEqual(self.path.read_bytes(), before)

    def test_a_directory_in_its_place_is_a_sentence(self) -> None:
        self.path.mkdir()
        self.assertRaises(OperatorError, migrate, self.path)

    def test_a_folder_that_is_missing_is_a_sentence(self) -> None:
        why = self.assertRaises(OperatorError, migrate, self.folder / "none" / "wingthing.db")
        self.assertNotIn("Traceback", str(why))

    def test_a_locked_database_is_a_sentence(self) -> None:
        migrate(self.path, STEPS[:1])
        holder = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        self.patch(connect.__globals__["configure"], "__defaults__", (0.01,))
        why = self.assertRaises(OperatorError, migrate, self.path, STEPS)
        self.assertIn("locked", str(why))
        self.assertEqual(version(self.path), 1)
