"""The settings of a connection, the mode of the file, and transactions."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.store.connection import busy, connect, is_busy, transaction


class ConnectionTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.path = self.folder / "wingthing.db"

    def open(self) -> sqlite3.Connection:
        connection = connect(self.path)
        self.addCleanup(connection.close)
        return connection

    def test_settings(self) -> None:
        connection = self.open()
        self.assertEqual(connection.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(connection.execute("PRAGMA foreign_keys").fetchone(), (1,))
        self.assertEqual(connection.execute("PRAGMA busy_timeout").fetchone(), (5000,))

    def test_nobody_else_reads_the_files_whatever_the_umask(self) -> None:
        connection = self.open()
        connection.execute("CREATE TABLE t (x)")
        for file in self.folder.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file.name)

    def test_a_mode_that_is_too_wide_is_mended(self) -> None:
        self.open()
        self.path.chmod(0o644)
        self.open()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_opening_once_more_keeps_the_locks_of_this_process(self) -> None:
        holder = self.open()
        holder.execute("CREATE TABLE t (x)")
        holder.execute("BEGIN IMMEDIATE")
        self.open()
        # Closing any descriptor of the file drops all locks of the process on it; the kernel lists them.
        self.assertIn(f":{self.path.stat().st_ino} ", Path("/proc/locks").read_text())

    def test_a_transaction_is_kept_as_a_whole(self) -> None:
        connection = self.open()
        connection.execute("CREATE TABLE t (x)")
        with transaction(connection) as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (1,))

    def test_and_an_exception_takes_it_back_as_a_whole(self) -> None:
        connection = self.open()
        connection.execute("CREATE TABLE t (x)")

        def half() -> None:
            with transaction(connection) as cursor:
                cursor.execute("INSERT INTO t VALUES (1)")
                raise ValueError("stop")

        self.assertRaises(ValueError, half)
        self.assertFalse(connection.in_transaction)
        self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (0,))

    def test_what_counts_as_busy(self) -> None:
        self.assertTrue(is_busy(sqlite3.OperationalError("database is locked")))
        self.assertFalse(is_busy(sqlite3.OperationalError("no such table: t")))
        self.assertFalse(is_busy(ValueError("locked")))
        self.assertEqual(busy("x").status, 503)
        self.assertEqual(busy("x").headers, {"Retry-After": "1"})
