"""Options and environment to configuration: what is refused, and with which words."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.assembly import config
from wingthing.assembly.config import (
    FleetPlace,
    ServerOptions,
    data_directory,
    parse_addr,
    parse_base_url,
    parse_ntfy_url,
    resolve,
)
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
            "127.0.0.1:8080": ("tcp:8080:interface=127.0.0.1:backlog=1024", False),
            "127.9.9.9:1": ("tcp:1:interface=127.9.9.9:backlog=1024", False),
            "localhost:0": ("tcp:0:interface=127.0.0.1:backlog=1024", False),
            "[::1]:80": ("tcp6:80:interface=\\:\\:1:backlog=1024", False),
            "0.0.0.0:80": ("tcp:80:interface=0.0.0.0:backlog=1024", True),
            "192.168.1.5:80": ("tcp:80:interface=192.168.1.5:backlog=1024", True),
            ":8080": ("tcp6:8080:interface=\\:\\::backlog=1024", True),
            "tcp:80:interface=127.0.0.1": ("tcp:80:interface=127.0.0.1", False),
            "tcp:80": ("tcp:80", True),
            "unix:/run/wt.sock": ("unix:/run/wt.sock:mode=600", False),
            "unix:/run/wt.sock:lockfile=1": ("unix:/run/wt.sock:lockfile=1:mode=600", False),
            "unix:/run/wt.sock:mode=660": ("unix:/run/wt.sock:mode=660", False),
            "unix:address=/run/a\\:mode=1": ("unix:address=/run/a\\:mode=1:mode=600", False),
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

    def test_the_ntfy_server(self) -> None:
        self.assertEqual(parse_ntfy_url(None), "https://ntfy.sh")
        self.assertEqual(parse_ntfy_url(""), "https://ntfy.sh")
        for given in (
            "https://ntfy.example.com/",
            "http://127.0.0.1:2586",
            "http://[::1]:80",
            "https://a.b/ntfy",
        ):
            self.assertEqual(parse_ntfy_url(given), given.rstrip("/"))
        for given in (
            "ntfy.sh",
            "ftp://ntfy.sh",
            "https://",
            "https://u:p@ntfy.sh",
            "https://ntfy.sh?a=b",
            "x",
        ):
            with self.assertRaises(OperatorError) as refused:
                parse_ntfy_url(given)
            self.assertIn("WT_NTFY_URL", str(refused.exception))

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

    def test_sign_in_needs_no_permission_but_a_public_url(self) -> None:
        environment = {"WT_GITHUB_CLIENT_ID": "x", "WT_GITHUB_CLIENT_SECRET": "y"}
        options = ServerOptions(addr="0.0.0.0:80", data_dir=str(self.folder))
        with self.assertRaises(OperatorError) as refused:
            resolve(options, environment)
        self.assertIn("--base-url", str(refused.exception))
        found = resolve(options, {**environment, "WT_BASE_URL": "https://wt.example.org"})
        assert found.sign_in is not None
        assert found.sign_in.github is not None
        self.assertEqual(found.sign_in.github.client_id, "x")
        self.assertIsNone(resolve(ServerOptions(data_dir=str(self.folder)), {}).sign_in, "local mode")


class FleetTests(TestCase):
    """The environment as Fly sets it, on a machine with a volume and on one without."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.volume = Path(folder.name) / "data"
        self.patch(config, "FLY_VOLUME", str(self.volume))
        self.fly = {"FLY_APP_NAME": "wt", "FLY_MACHINE_ID": "683d314fdd4d68", "FLY_REGION": "nrt"}

    def test_an_edge_keeps_nothing_and_listens_to_all(self) -> None:
        found = resolve(ServerOptions(data_dir="/nowhere/that/could/be/made"), self.fly)
        self.assertEqual((found.role, found.data_dir), (Role.EDGE, None))
        self.assertEqual(found.endpoint, parse_addr(":8080")[0])
        self.assertEqual(found.base_url, "https://wt.fly.dev")
        self.assertEqual(found.fleet, FleetPlace("wt", "683d314fdd4d68", "nrt", None, None))

    def test_login_keeps_its_data_on_the_volume(self) -> None:
        self.volume.mkdir()
        found = resolve(ServerOptions(), self.fly)
        self.assertEqual((found.role, found.data_dir), (Role.LOGIN, self.volume))
        given = resolve(ServerOptions(data_dir=str(self.volume / "below")), self.fly)
        self.assertEqual(given.data_dir, self.volume / "below")

    def test_what_is_said_comes_before_what_fly_says(self) -> None:
        environment = {
            **self.fly,
            "WT_BASE_URL": "https://wt.example.com/",
            "WT_LOGIN_ADDR": "127.1.0.1:9000",
            "WT_DNS": "[::1]:53",
        }
        found = resolve(ServerOptions(addr="127.0.0.1:1"), environment)
        assert found.fleet is not None
        self.assertEqual(found.base_url, "https://wt.example.com")
        self.assertEqual(found.endpoint, parse_addr("127.0.0.1:1")[0])
        self.assertEqual((found.fleet.login_addr, found.fleet.dns), (("127.1.0.1", 9000), ("::1", 53)))

    def test_a_role_that_lacks_its_fleet_is_refused_in_words(self) -> None:
        for role in ("login", "edge"):
            for missing in ("FLY_APP_NAME", "FLY_MACHINE_ID"):
                environment = {**self.fly, "WT_NODE_ROLE": role, missing: ""}
                with self.assertRaises(OperatorError, msg=role) as refused:
                    resolve(ServerOptions(data_dir=str(self.volume)), environment)
                self.assertIn(missing, str(refused.exception))
                self.assertIn("WT_NODE_ROLE", str(refused.exception))

    def test_addresses_that_are_none_name_the_variable(self) -> None:
        for name in ("WT_LOGIN_ADDR", "WT_DNS"):
            for wrong in ("login", "login:", ":8080", "login:0", "login:65536", "login:x", "login:-1"):
                with self.assertRaises(OperatorError, msg=wrong) as refused:
                    resolve(ServerOptions(), {**self.fly, name: wrong})
                self.assertIn(name, str(refused.exception))

    def test_a_single_node_on_fly_is_alone_and_says_when_it_is_exposed(self) -> None:
        environment = {**self.fly, "WT_NODE_ROLE": "single"}
        found = resolve(ServerOptions(data_dir=str(self.volume)), environment)
        self.assertEqual((found.role, found.fleet, found.base_url), (Role.SINGLE, None, None))
        self.assertEqual(found.endpoint, parse_addr("127.0.0.1:8080")[0])
        with self.assertRaises(OperatorError):
            resolve(ServerOptions(addr=":8080", data_dir=str(self.volume)), environment)

    def test_commands_on_a_machine_of_fly_find_its_volume(self) -> None:
        self.volume.mkdir()
        self.assertEqual(data_directory(None, self.fly), self.volume)
        self.assertNotEqual(data_directory(str(self.volume / "x"), self.fly), self.volume)
