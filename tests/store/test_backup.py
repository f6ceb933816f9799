"""Backups: of a database in use, as a whole or not at all, and for nobody else to read."""

from __future__ import annotations

import os
import stat

from tests.store.support import StoreCase
from wingthing.errors import OperatorError
from wingthing.store import users
from wingthing.store.backup import backup
from wingthing.store.connection import connect


class BackupTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.source = self.folder / "wingthing.db"
        self.target = self.folder / "copy" / "backup.db"
        self.target.parent.mkdir()
        self.run_now(users.ensure, "ann", name="Ann", provider="test", now=1.0)

    def copied(self) -> list[str]:
        connection = connect(self.target)
        try:
            return [user.id for user in users.every(connection.cursor())]
        finally:
            connection.close()

    def test_a_copy_of_a_database_in_use(self) -> None:
        self.direct.connection.execute("BEGIN IMMEDIATE")
        self.addCleanup(self.direct.connection.rollback)
        self.direct.connection.execute("UPDATE users SET id = 'uncommitted'")
        size = backup(self.source, self.target)
        self.assertEqual(size, self.target.stat().st_size)
        self.assertEqual(stat.S_IMODE(self.target.stat().st_mode), 0o600)
        self.assertEqual(list(self.target.parent.iterdir()), [self.target])
        self.assertEqual(self.copied(), ["ann"])

    def test_what_exists_is_replaced_only_by_force(self) -> None:
        self.target.write_text("precious")
        why = self.assertRaises(OperatorError, backup, self.source, self.target)
        self.assertIn("--force", str(why))
        self.assertEqual(self.target.read_text(), "precious")
        backup(self.source, self.target, force=True)
        self.assertEqual(self.copied(), ["ann"])

    def test_a_file_laid_in_its_way_catches_nothing(self) -> None:
        for name in (".backup.db.part", ".backup.db.0000000000000000"):
            trap = self.target.parent / name
            trap.write_text("")
            trap.chmod(0o666)
        backup(self.source, self.target)
        self.assertEqual({trap.stat().st_size for trap in self.target.parent.glob(".backup*")}, {0})

    def test_a_link_in_its_place_is_not_written_through(self) -> None:
        elsewhere = self.folder / "elsewhere"
        elsewhere.write_text("mine")
        self.target.symlink_to(elsewhere.absolute())
        self.assertRaises(OperatorError, backup, self.source, self.target)
        backup(self.source, self.target, force=True)
        self.assertEqual(elsewhere.read_text(), "mine")
        self.assertFalse(self.target.is_symlink())

    def test_a_link_to_nowhere_exists_too(self) -> None:
        self.target.symlink_to("nowhere")
        self.assertRaises(OperatorError, backup, self.source, self.target)
        self.assertTrue(self.target.is_symlink())

    def test_failure_leaves_no_pieces(self) -> None:
        self.target.mkdir()
        self.assertRaises(OperatorError, backup, self.source, self.target, force=True)
        self.assertEqual(list(self.target.parent.iterdir()), [self.target])
        missing = self.folder / "missing" / "backup.db"
        self.assertRaises(OperatorError, backup, self.source, missing)

    def test_nothing_to_copy(self) -> None:
        none = self.folder / "none.db"
        self.assertRaises(OperatorError, backup, none, self.target)
        self.assertFalse(none.exists())
        self.assertFalse(self.target.exists())

    def test_a_source_that_is_no_database(self) -> None:
        junk = self.folder / "junk.db"
        junk.write_bytes(os.urandom(8192))
        self.assertRaises(OperatorError, backup, junk, self.target)
        self.assertEqual(list(self.target.parent.iterdir()), [])
