"""The work folder."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.rehearsal.case import short_folder
from wingthing.crypto.keys import load_signing_key
from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import WORK_DIR
from wingthing.rehearsal.folder import Folder


class FolderTests(TestCase):
    def test_the_usual_place(self) -> None:
        self.assertEqual(Folder().path, Path(WORK_DIR).expanduser())

    def test_one_at_a_time(self) -> None:
        folder = short_folder(self)
        folder.take()
        self.addCleanup(folder.leave)
        second = Folder(folder.path)
        self.assertIn("already runs", str(self.assertRaises(OperatorError, second.take)))
        folder.leave()
        second.take()
        second.leave()

    def test_what_is_left_and_what_stays(self) -> None:
        folder = short_folder(self)
        folder.take()
        self.assertEqual(stat.S_IMODE(folder.path.stat().st_mode), 0o700)
        key = folder.signing_key()
        (folder.volume / "wingthing.db").touch()
        (folder.machines / "old.log").touch()
        folder.control.touch()
        folder.leave()
        folder.take()
        self.addCleanup(folder.leave)
        self.assertEqual(folder.signing_key(), key)
        load_signing_key(key, source="the test")
        self.assertTrue((folder.volume / "wingthing.db").exists())
        self.assertFalse((folder.machines / "old.log").exists() or folder.control.exists())

    def test_a_name_that_no_socket_can_have(self) -> None:
        folder = Folder(Path("/tmp") / ("x" * 120))
        self.assertIn("--dir", str(self.assertRaises(OperatorError, folder.take)))

    def test_a_folder_that_cannot_be_made(self) -> None:
        folder = Folder("/proc/fleet")
        self.assertIn("/proc/fleet", str(self.assertRaises(OperatorError, folder.take)))
