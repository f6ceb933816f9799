"""`wt backup`."""

from __future__ import annotations

import stat

from tests.cli.operator import OperatorCase
from wingthing.store import backup, users
from wingthing.store.connection import connect


class BackupTests(OperatorCase):
    def setUp(self) -> None:
        super().setUp()
        self.target = self.data_dir / "copy.db"

    def test_a_copy_that_can_be_used(self) -> None:
        self.wt("user", "add", "ann", "--name", "Ann")
        outcome = self.wt("backup", str(self.target))
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome)
        self.assertIn(str(self.target), outcome.err)
        self.assertEqual(stat.S_IMODE(self.target.stat().st_mode), 0o600)
        connection = connect(self.target)
        self.addCleanup(connection.close)
        self.assertEqual([user.id for user in users.every(connection.cursor())], ["ann"])

    def test_what_exists_stays_without_force(self) -> None:
        self.wt("user", "add", "ann", "--name", "Ann")
        self.target.write_text("precious")
        self.assertIn("--force", self.refused("backup", str(self.target)))
        self.assertEqual(self.target.read_text(), "precious")
        self.assertEqual(self.wt("backup", str(self.target), "--force").code, 0)

    def test_it_does_not_change_what_it_copies(self) -> None:
        self.wt("user", "add", "ann", "--name", "Ann")
        connection = connect(self.data_dir / "wingthing.db")
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        self.assertEqual(self.wt("backup", str(self.target)).code, 0)
        copy = connect(self.target)
        self.addCleanup(copy.close)
        self.assertEqual(copy.execute("PRAGMA user_version").fetchone(), (999,))

    def test_nothing_to_copy_and_nowhere_to_put_it(self) -> None:
        self.assertIn("nothing to back up", self.refused("backup", str(self.target)))
        self.wt("user", "add", "ann", "--name", "Ann")
        missing = self.data_dir / "missing"
        sentence = self.refused("backup", str(missing / "copy.db"))
        self.assertIn(f"failed: there is no folder {missing}.", sentence)

    def test_a_folder_that_does_not_take_it(self) -> None:
        self.wt("user", "add", "ann", "--name", "Ann")

        def full(*_arguments: object) -> int:
            raise OSError(28, "No space left on device", "/where/.copy.db.0123456789abcdef")

        self.patch(backup.os, "open", full)
        sentence = self.refused("backup", str(self.target))
        self.assertTrue(sentence.endswith("failed: No space left on device.\n"), sentence)
