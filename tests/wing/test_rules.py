"""wing.yaml in force."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden, NotFound, OperatorError
from wingthing.wing.access import Person
from wingthing.wing.config import ConfigFile, PathRule
from wingthing.wing.rules import Rules

OWNER = Person("owner")
ALICE = Person("alice", "alice@x")


class RulesTests(TestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        for name in ("home", "open", "closed"):
            (self.root / name).mkdir(parents=True)
        self.file = ConfigFile(self.root / "wing.yaml")
        self.rules = self.make()

    def make(self, *paths: PathRule) -> Rules:
        return Rules(self.file, lambda: "owner", self.root / "home", paths)

    def test_without_paths_it_is_the_home_directory(self) -> None:
        self.assertEqual(self.rules.all_folders(), [self.root / "home"])
        self.assertEqual(self.rules.folders(ALICE), [self.root / "home"])
        self.assertEqual(self.rules.working_directory(None, ALICE), str(self.root / "home"))

    def test_a_change_of_the_file_is_in_force_at_once(self) -> None:
        self.assertFalse(self.rules.spectate)
        self.file.change(spectate=True, paths=[str(self.root / "open")])
        self.assertTrue(self.rules.spectate)
        self.assertEqual(self.rules.all_folders(), [self.root / "open"])

    def test_a_file_damaged_later_changes_nothing(self) -> None:
        self.file.change(locked=True)
        self.assertTrue(self.rules.config.locked)
        self.file.path.write_text("locked: [")
        self.assertTrue(self.rules.config.locked)
        self.file.path.write_text("locked: false\nlabel: mended")
        self.assertFalse(self.rules.config.locked)

    def test_a_file_damaged_at_the_start_is_refused(self) -> None:
        self.file.path.write_text("[")
        self.assertRaises(OperatorError, self.make)

    def test_folders_of_members(self) -> None:
        closed = {"path": str(self.root / "closed"), "members": ["bob@x"]}
        self.file.change(paths=[closed, str(self.root / "open")])
        self.assertEqual(self.rules.folders(ALICE), [self.root / "open"])
        self.assertEqual(self.rules.folders(OWNER), [self.root / "closed", self.root / "open"])
        self.assertEqual(self.rules.working_directory("", ALICE), str(self.root / "open"))
        self.assertRaises(Forbidden, self.rules.working_directory, str(self.root / "closed"), ALICE)
        self.file.change(paths=[closed])
        self.assertEqual(self.rules.folders(ALICE), [], "not the home directory instead")
        self.assertRaises(Forbidden, self.rules.working_directory, None, ALICE)

    def test_paths_for_this_time(self) -> None:
        self.file.change(paths=[str(self.root / "open")])
        self.assertEqual(self.make(PathRule(str(self.root / "closed"))).all_folders(), [self.root / "closed"])

    def test_homes_of_others(self) -> None:
        self.assertRaises(NotFound, self.rules.working_directory, "~nobody-of-that-name", OWNER)
        self.assertRaises(Forbidden, self.rules.working_directory, "/etc", OWNER)

    def test_agents(self) -> None:
        self.assertEqual(self.rules.agents()[0], "shell")
