"""Nothing outside the offered folders can be listed."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.wing.config import PathRule
from wingthing.wing.folders import contained, list_folder, offered
from wingthing.wire.wing_limits import MAX_DIR_ENTRIES


class FoldersCase(TestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        self.inside = self.root / "inside"
        self.outside = self.root / "outside"
        for path in (self.inside / "Beta" / "deep", self.inside / "alpha", self.outside / "secret"):
            path.mkdir(parents=True)
        (self.inside / "file.txt").write_text("")
        (self.inside / ".hidden").mkdir()
        (self.inside / "escape").symlink_to(self.outside)
        (self.inside / "shortcut").symlink_to(self.inside / "Beta")
        (self.inside / "dangling").symlink_to(self.inside / "nowhere")
        (self.inside / "loop").symlink_to(self.inside / "loop")
        self.folders = [self.inside]

    def names(self, path: str, **options: bool) -> list[str]:
        return [entry.name for entry in list_folder(path, self.folders, home=self.root, **options).entries]


class ListTests(FoldersCase):
    def test_folders_first_and_nothing_hidden(self) -> None:
        listing = list_folder(str(self.inside), self.folders, home=self.root)
        self.assertEqual(
            [(entry.name, entry.is_dir) for entry in listing.entries],
            [
                ("alpha", True),
                ("Beta", True),
                ("shortcut", True),
                ("dangling", False),
                ("escape", False),
                ("file.txt", False),
                ("loop", False),
            ],
        )
        self.assertEqual(listing.entries[0].path, str(self.inside / "alpha"))
        self.assertIn(".hidden", self.names("", hidden=True))

    def test_ways_to_say_the_same(self) -> None:
        self.assertEqual(self.names("Beta"), ["deep"])
        self.assertEqual(self.names("~/inside/Beta"), ["deep"])
        self.assertEqual(self.names("shortcut"), ["deep"])
        self.assertEqual(self.names("Beta/../alpha/../Beta"), ["deep"])

    def test_no_way_out(self) -> None:
        for path in (
            "..",
            "../outside",
            "Beta/../../outside",
            "escape",
            "escape/secret",
            "/",
            "/etc",
            "~",
            str(self.outside),
            str(self.inside) + "/../outside",
            str(self.inside) + "side",
            "/proc/self/root",
            "/no/such/place",
        ):
            self.assertRaises(Forbidden, self.names, path)

    def test_who_asks_for_what_is_outside_is_told_what_is_offered(self) -> None:
        why = self.assertRaises(Forbidden, self.names, "/etc")
        self.assertEqual(str(why), f"this folder is outside of what this machine offers: {self.inside}")
        self.folders = [Path(f"/srv/{number}") for number in range(6)]
        why = self.assertRaises(Forbidden, self.names, "/etc")
        self.assertTrue(str(why).endswith(": /srv/0, /srv/1, /srv/2, /srv/3 and 2 more"), str(why))
        self.folders = []
        self.assertTrue(str(self.assertRaises(Forbidden, self.names, "/etc")).endswith(" offers"))

    def test_hidden_folders_that_are_left_out_are_told_of(self) -> None:
        hidden = list_folder("", self.folders, home=self.root)
        self.assertTrue(hidden.hidden)
        self.assertFalse(list_folder("", self.folders, home=self.root, hidden=True).hidden)
        self.assertFalse(list_folder("Beta", self.folders, home=self.root).hidden)
        (self.inside / "Beta" / ".file").write_text("")
        (self.inside / "Beta" / ".escape").symlink_to(self.outside)
        self.assertFalse(list_folder("Beta", self.folders, home=self.root).hidden, "these are no folders")

    def test_what_is_no_folder(self) -> None:
        self.assertRaises(NotFound, self.names, "nowhere")
        self.assertRaises(NotFound, self.names, "dangling")
        self.assertRaises(InvalidMessage, self.names, "file.txt")
        self.assertRaises(InvalidMessage, self.names, "a\0b")
        self.assertRaises(InvalidMessage, self.names, "x" * 10_000)
        self.assertRaises(Forbidden, self.names, "loop")

    def test_no_folder_offered_is_no_folder_seen(self) -> None:
        self.folders = []
        self.assertEqual(self.names(""), [])
        self.assertRaises(Forbidden, self.names, "/")
        self.assertRaises(Forbidden, self.names, "x")

    def test_several_folders(self) -> None:
        self.folders = [self.inside, self.outside]
        listing = list_folder("", self.folders, home=self.root)
        self.assertEqual([entry.path for entry in listing.entries], [str(self.inside), str(self.outside)])
        self.assertEqual(self.names(str(self.outside)), ["secret"])
        self.assertIn("escape", self.names(str(self.inside)))

    def test_bounded(self) -> None:
        for number in range(MAX_DIR_ENTRIES + 3):
            (self.outside / f"f{number}").write_text("")
        listing = list_folder("", [self.outside], home=self.root)
        self.assertEqual((len(listing.entries), listing.truncated), (MAX_DIR_ENTRIES, True))

    def test_a_name_that_is_no_text(self) -> None:
        (self.outside / "caf\udce9").mkdir()
        self.folders = [self.outside]
        self.assertEqual(self.names(""), ["secret"])


class OfferedTests(FoldersCase):
    def test_rules(self) -> None:
        rules = (PathRule("inside"), PathRule(str(self.inside / "escape")), PathRule("~nobody-here/x"))
        self.assertEqual(
            offered(rules, configured=True, home=self.root),
            [self.inside, self.outside, self.root / "~nobody-here/x"],
        )
        self.assertEqual(offered((), configured=True, home=self.root), [])
        self.assertEqual(offered((), configured=False, home=self.root), [self.root])

    def test_contained(self) -> None:
        self.assertEqual(contained("shortcut/deep", self.folders, home=self.root), self.inside / "Beta/deep")
