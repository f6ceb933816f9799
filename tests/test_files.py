"""Small files are whole, private, and never replaced by half of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing import files
from wingthing.errors import OperatorError


class FilesTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        files.make_directory(self.directory)
        self.path = self.directory / "file"

    def test_written_files_are_private_and_leave_nothing_beside_them(self) -> None:
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        files.write_text(self.path, "é")
        files.write_text(self.path, "two")
        self.assertEqual(files.read_text(self.path), "two")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual([item.name for item in self.directory.iterdir()], ["file"])

    def test_created_once(self) -> None:
        self.assertTrue(files.create_text(self.path, "first"))
        self.assertFalse(files.create_text(self.path, "second"))
        self.assertEqual(files.read_text(self.path), "first")
        self.assertEqual([item.name for item in self.directory.iterdir()], ["file"])

    def test_what_cannot_be_written_says_so_and_changes_nothing(self) -> None:
        self.path.mkdir()
        self.assertRaises(OperatorError, files.write_text, self.path, "x")
        self.assertEqual([item.name for item in self.directory.iterdir()], ["file"])
        nowhere = self.directory / "nowhere" / "file"
        self.assertRaises(OperatorError, files.write_text, nowhere, "x")
        self.assertRaises(OperatorError, files.create_text, nowhere, "x")

    def test_what_cannot_be_read(self) -> None:
        self.assertIsNone(files.read_text(self.path))
        self.assertIsNone(files.read_secret(self.path))
        self.path.write_bytes(b"\xff")
        self.assertRaises(OperatorError, files.read_text, self.path)
        self.assertRaises(OperatorError, files.read_text, self.directory)

    def test_a_secret_is_made_private(self) -> None:
        self.path.write_text("s")
        self.path.chmod(0o666)
        self.assertEqual(files.read_secret(self.path), "s")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_remove(self) -> None:
        self.path.write_text("")
        self.assertTrue(files.remove(self.path))
        self.assertFalse(files.remove(self.path))
        self.assertRaises(OperatorError, files.remove, self.directory)
