from __future__ import annotations

import os
import pwd
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.names import ENV_DIR, ENV_JWT_KEY
from wingthing.wing.agents import (
    command_for,
    found_agents,
    login_shell,
    terminal_environment,
    working_directory,
)


class AgentTests(TestCase):
    def setUp(self) -> None:
        self.bin = Path(self.mktemp())
        self.bin.mkdir()

    def install(self, name: str) -> None:
        (self.bin / name).write_text("#!/bin/sh\n")
        (self.bin / name).chmod(0o755)

    def test_only_what_is_there_is_offered(self) -> None:
        self.assertEqual(found_agents(str(self.bin)), ["shell"])
        for name in ("claude", "agent", "opencode", "vim"):
            self.install(name)
        (self.bin / "codex").write_text("not executable")
        self.assertEqual(found_agents(str(self.bin)), ["shell", "claude", "cursor", "opencode"])

    def test_the_better_name_first(self) -> None:
        self.install("agent")
        self.install("cursor-agent")
        command = command_for("cursor", str(self.bin))
        self.assertEqual(command.executable, str((self.bin / "cursor-agent").absolute()))

    def test_missing(self) -> None:
        why = self.assertRaises(NotFound, command_for, "claude", str(self.bin))
        self.assertEqual(str(why), "claude is not installed on this machine: there is no claude on its PATH")

    def test_unknown(self) -> None:
        for name in ("", "bash", "/bin/sh", "../claude", "x" * 10_000):
            why = self.assertRaises(InvalidMessage, command_for, name, "/bin")
            self.assertLess(len(str(why)), 300)

    def test_shell_is_a_login_shell(self) -> None:
        command = command_for("shell", None)
        self.assertEqual(command.executable, login_shell())
        self.assertEqual(command.arguments, ["-" + Path(command.executable).name])

    def test_shell_of_the_password_database(self) -> None:
        entry = mock.Mock(pw_shell="/bin/cat")
        with mock.patch.object(pwd, "getpwuid", return_value=entry):
            self.assertEqual(login_shell(), "/bin/cat")
        entry.pw_shell = "/no/such/shell"
        with mock.patch.object(pwd, "getpwuid", return_value=entry):
            self.assertEqual(login_shell(), "/bin/sh")
        with mock.patch.object(pwd, "getpwuid", side_effect=KeyError):
            self.assertEqual(login_shell(), "/bin/sh")


class WorkingDirectoryTests(TestCase):
    def setUp(self) -> None:
        self.root = Path(os.path.realpath(self.mktemp()))
        (self.root / "shared" / "project").mkdir(parents=True)
        (self.root / "secret").mkdir()
        (self.root / "shared-not").mkdir()
        (self.root / "shared" / "file").write_text("")
        (self.root / "shared" / "way-out").symlink_to(self.root / "secret")
        (self.root / "shared" / "way-in").symlink_to(self.root / "shared" / "project")
        self.shared = self.root / "shared"

    def test_inside(self) -> None:
        project = self.shared / "project"
        for cwd in (str(project), "project", str(self.shared / "way-in"), "./project/../project"):
            self.assertEqual(working_directory(cwd, [self.shared]), self.shared / "project")
        for default in (None, ""):
            self.assertEqual(working_directory(default, [self.shared]), self.shared)

    def test_outside(self) -> None:
        neighbour = str(self.root / "shared-not")
        for cwd in ("/", "/etc", "..", "way-out", "project/../../secret", neighbour, "~root/.."):
            why = self.assertRaises(Forbidden, working_directory, cwd, [self.shared])
            self.assertIn("outside of what this machine offers", str(why))

    def test_outside_and_missing_sounds_like_outside_and_there(self) -> None:
        self.assertRaises(Forbidden, working_directory, str(self.root / "nothing"), [self.shared])

    def test_missing(self) -> None:
        why = self.assertRaises(NotFound, working_directory, "gone", [self.shared])
        self.assertEqual(str(why), f"the folder {self.shared}/gone does not exist")

    def test_no_folder(self) -> None:
        self.assertRaises(InvalidMessage, working_directory, "file", [self.shared])
        self.assertRaises(InvalidMessage, working_directory, "a\0b", [self.shared])
        self.assertRaises(Forbidden, working_directory, None, [])
        self.assertRaises(NotFound, working_directory, "x" * 5000, [self.shared])


class EnvironmentTests(TestCase):
    def test_what_is_left_out(self) -> None:
        wing = {
            ENV_JWT_KEY: "k", ENV_DIR: "/d", "GITHUB_CLIENT_SECRET": "s", "GOOGLE_CLIENT_SECRET": "s",
            "SMTP_PASSWORD": "p",
            "TMUX": "x", "COLUMNS": "10", "NOTIFY_SOCKET": "/run/x", "TERM": "dumb",
            "ANTHROPIC_API_KEY": "the user's own", "PATH": "/bin", "HOME": "/home/a", "LANG": "de_DE.UTF-8",
        }  # fmt: skip
        environment = terminal_environment(wing, Path("/work"))
        self.assertEqual(
            {name: environment[name] for name in ("TERM", "COLORTERM", "PWD", "PATH", "HOME", "LANG")},
            {
                "TERM": "xterm-256color", "COLORTERM": "truecolor", "PWD": "/work", "PATH": "/bin",
                "HOME": "/home/a", "LANG": "de_DE.UTF-8",
            },
        )  # fmt: skip
        self.assertEqual(environment["ANTHROPIC_API_KEY"], "the user's own")
        for name in ("TMUX", "COLUMNS", "NOTIFY_SOCKET", ENV_JWT_KEY, ENV_DIR, "SMTP_PASSWORD"):
            self.assertNotIn(name, environment)
        self.assertFalse([name for name in environment if "CLIENT_SECRET" in name])

    def test_from_nothing(self) -> None:
        environment = terminal_environment({}, Path("/"))
        self.assertEqual(environment["LANG"], "C.UTF-8")
        self.assertEqual(environment["HOME"], pwd.getpwuid(os.getuid()).pw_dir)
        self.assertTrue(environment["PATH"])
