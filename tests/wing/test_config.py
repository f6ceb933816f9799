"""wing.yaml: read tolerantly, refused clearly, changed without loss."""

from __future__ import annotations

import stat
from pathlib import Path

import yaml
from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.wing.config import AllowKey, ConfigFile, PathRule, WingConfig, duration, merge_paths

FULL = """
# a comment
wing_id: 53f58344e82e3e1d3621c6bf
label: Desk
roost: https://wings.example
org: acme
paths:
- ~/src
- {path: /srv/site, members: [alice@x, bob@x]}
labels: [gpu, linux]
audit: true
locked: true
spectate: true
auth_ttl: 1h
idle_timeout: 1h30m
allow_keys:
- {key: AAAA, user_id: u1, email: a@x}
- {user_id: u2}
admins: [root@x]
connection_mode: relay
"""


class ConfigTests(TestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.file = ConfigFile(self.path)

    def test_without_a_file_everything_is_default(self) -> None:
        self.assertEqual(self.file.read(), WingConfig())
        self.assertIsNone(self.file.stamp())
        self.path.write_text("# nothing yet\n")
        self.assertEqual(self.file.read(), WingConfig())

    def test_the_whole_file(self) -> None:
        self.path.write_text(FULL)
        self.assertEqual(
            self.file.read(),
            WingConfig(
                wing_id="53f58344e82e3e1d3621c6bf",
                label="Desk",
                roost="https://wings.example",
                org="acme",
                paths=(PathRule("~/src"), PathRule("/srv/site", ("alice@x", "bob@x"))),
                labels=("gpu", "linux"),
                audit=True,
                locked=True,
                spectate=True,
                auth_ttl=3600,
                idle_timeout=5400,
                allow_keys=(AllowKey("AAAA", "u1", "a@x"), AllowKey(user_id="u2")),
                admins=("root@x",),
            ),
        )

    def test_a_change_keeps_what_it_does_not_know(self) -> None:
        self.path.write_text(FULL)
        before = self.file.stamp()
        changed = self.file.change(spectate=False, label=None, paths=["/other"])
        self.assertEqual((changed.spectate, changed.label, changed.paths), (False, "", (PathRule("/other"),)))
        self.assertEqual(self.file.read(), changed)
        written = yaml.safe_load(self.path.read_text())
        self.assertEqual(written["connection_mode"], "relay")
        self.assertEqual(written["allow_keys"][1], {"user_id": "u2"})
        self.assertNotEqual(self.file.stamp(), before)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_a_damaged_file_is_named_and_never_overwritten(self) -> None:
        for text in (
            "paths: [",
            "- a list",
            "just words",
            "audit: maybe",
            "locked: 1",
            "paths: {a: b}",
            "paths: [{members: [x]}]",
            "paths: ['']",
            "labels: {a: b}",
            "idle_timeout: soon",
            "auth_ttl: -5",
            "allow_keys: [alice]",
            "roost: [a]",
            "admins: 5",
            "label: !!python/object:os.system {}",
            'label: "a\\u202eb"',
            'label: "a\\nb"',
            'labels: ["a\\eb"]',
        ):
            self.path.write_text(text)
            why = self.assertRaises(OperatorError, self.file.read)
            self.assertIn(str(self.path), str(why))
            self.assertRaises(OperatorError, self.file.change, label="x")
            self.assertEqual(self.path.read_text(), text)
        self.path.write_bytes(b"\xff\xfe")
        self.assertRaises(OperatorError, self.file.read)

    def test_a_value_that_could_not_be_read_again_is_not_written(self) -> None:
        self.path.write_text("label: a\n")
        self.assertRaises(OperatorError, self.file.change, audit="maybe")
        self.assertEqual(self.path.read_text(), "label: a\n")

    def test_durations(self) -> None:
        for value, seconds in (
            ("4h", 14400),
            ("1h30m", 5400),
            ("90s", 90),
            ("1.5h", 5400),
            (60, 60),
            (0, None),
            ("0s", None),
            (None, None),
            ("", None),
        ):
            self.assertEqual(duration(value), seconds, value)
        for value in ("h", "5", "1d", "-1h", True, "1h junk", [1], 1e12):
            self.assertRaises(ValueError, duration, value)


class MergeTests(TestCase):
    def test_a_folder_keeps_its_members(self) -> None:
        known = (PathRule("/a", ("alice",)), PathRule("/b"))
        merged = merge_paths(known, ["/a", "/c", "/c"], Path("/base"))
        self.assertEqual(merged, (PathRule("/a", ("alice",)), PathRule("/c")))

    def test_relative_and_home(self) -> None:
        (relative, dotted, home) = merge_paths((), ["src", "../x/./y", "~"], Path("/base"))
        self.assertEqual((relative.path, dotted.path), ("/base/src", "/x/y"))
        self.assertEqual(home.path, str(Path.home()))

    def test_a_user_that_does_not_exist(self) -> None:
        (rule,) = merge_paths((), ["~nobody-of-that-name"], Path("/base"))
        self.assertEqual(rule.path, "/base/~nobody-of-that-name")
