"""Options and environment to configuration: what is refused, and with which words."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.assembly.config import ServerOptions, data_directory, parse_addr, parse_base_url, resolve
from wingthing.assembly.roles import Role, decide
from wingthing.errors import OperatorError


class RoleTests(TestCase):
    def test_the_table(self) -> None:
        fly = {"FLY_MACHINE_ID": "683d314fdd4d68"}
        self.assertIs(decide({}, has_volume=False), Role.SINGLE)
        self.assertIs(decide({}, has_volume=True), Role.SINGLE)
        self.assertIs(decide(fly, has_volume=True), Role.LOGIN)
        self.assertIs(decide(fly, has_volume=False), Role.EDGE)
        self.assertIs(decide({**fly, "WT_NODE_ROLE": "edge"}, has_volume=True), Role.EDGE)

    def test_an_unknown_role_is_refused_and_the_known_ones_are_named(self) -> None:
        with self.assertRaises(OperatorError) as refused:
            decide({"WT_NODE_ROLE": "boss"}, has_volume=False)
        self.assertIn("single, login, edge", str(refused.exception))


class AddressTests(TestCase):
    def test_what_is_understood(self) -> None:
        table = {
            "127.0.0.1:8080": ("tcp:8080:interface=127.0.0.1", False),
            "127.9.9.9:1": ("tcp:1:interface=127.9.9.9", False),
            "localhost:0": ("tcp:0:interface=127.0.0.1", False),
            "[::1]:80": ("tcp6:80:interface=\\:\\:1", False),
            "0.0.0.0:80": ("tcp:80:interface=0.0.0.0", True),
            "192.168.1.5:80": ("tcp:80:interface=192.168.1.5", True),
            ":8080": ("tcp6:8080:interface=\\:\\:", True),
            "tcp:80:interface=127.0.0.1": ("tcp:80:interface=127.0.0.1", False),
            "tcp:80": ("tcp:80", True),
            "unix:/run/wt.sock": ("unix:/run/wt.sock", False),
        }
        for given, expected in table.items():
            self.assertEqual(parse_addr(given), expected, given)

    def test_what_is_refused(self) -> None:
        for given in (
            "",
            "8080",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:99999",
            "127.0.0.1:-1",
            "a.b:80",
            "::1:x",
        ):
            with self.assertRaises(OperatorError, msg=given):
                parse_addr(given)

    def test_an_interface_that_only_looks_like_loopback_is_exposed(self) -> None:
        self.assertTrue(parse_addr("tcp:80:interface=0.0.0.0:backlog=127")[1])
        self.assertTrue(parse_addr("tcp:80:interface=10.0.0.1")[1])

    def test_base_url(self) -> None:
        self.assertIsNone(parse_base_url(None))
        self.assertEqual(parse_base_url("https://wt.example.com/"), "https://wt.example.com")
        for given in ("wt.example.com", "ftp://x", "https://x/path", "https://", "https://x?y=1"):
            with self.assertRaises(OperatorError, msg=given):
                parse_base_url(given)


class DirectoryTests(TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_it_is_made_for_the_owner_alone(self) -> None:
        made = data_directory(str(self.folder / "a" / "b"), {})
        self.assertEqual(stat.S_IMODE(made.stat().st_mode), 0o700)

    def test_option_before_environment(self) -> None:
        environment = {"WINGTHING_DIR": str(self.folder / "env")}
        self.assertEqual(data_directory(None, environment).name, "env")
        self.assertEqual(data_directory(str(self.folder / "opt"), environment).name, "opt")

    def test_a_file_in_its_place_is_a_sentence(self) -> None:
        (self.folder / "file").write_text("")
        with self.assertRaises(OperatorError):
            data_directory(str(self.folder / "file"), {})

    def test_exposed_without_sign_in_needs_to_be_said(self) -> None:
        options = ServerOptions(addr="0.0.0.0:80", data_dir=str(self.folder))
        with self.assertRaises(OperatorError) as refused:
            resolve(options, {})
        self.assertIn("--allow-remote", str(refused.exception))
        allowed = resolve(ServerOptions(addr=":80", data_dir=str(self.folder), allow_remote=True), {})
        self.assertTrue(allowed.exposed)

    def test_a_sign_in_provider_is_refused_as_long_as_there_is_none(self) -> None:
        with self.assertRaises(OperatorError) as refused:
            resolve(ServerOptions(data_dir=str(self.folder)), {"WT_GITHUB_CLIENT_ID": "x"})
        self.assertIn("WT_GITHUB_CLIENT_ID", str(refused.exception))

    def test_a_fleet_role_is_refused_in_words(self) -> None:
        with self.assertRaises(OperatorError) as refused:
            resolve(ServerOptions(data_dir=str(self.folder)), {"WT_NODE_ROLE": "edge"})
        self.assertIn("single", str(refused.exception))
