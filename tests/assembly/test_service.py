"""Which node is built in which role, and that one that is alone has no part of a fleet in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.assembly.case import NodeCase, place
from wingthing.assembly import service
from wingthing.assembly.config import Config
from wingthing.assembly.edge import EdgeNode
from wingthing.assembly.login import LoginNode
from wingthing.assembly.node import Node
from wingthing.assembly.roles import Role
from wingthing.assembly.single import SingleNode
from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.errors import OperatorError

KEY = new_signing_key()
ENVIRONMENT = {"WT_JWT_KEY": dump_signing_key(KEY)}

PROGRAM = """
import json, sys
from twisted.internet.testing import MemoryReactorClock
from wingthing.assembly.config import ServerOptions, resolve
from wingthing.assembly.service import make_server

role, folder = sys.argv[1:]
environment = {
    "WT_NODE_ROLE": role, "FLY_APP_NAME": "app", "FLY_MACHINE_ID": "m1",
    "WT_LOGIN_ADDR": "127.0.0.1:1", "WT_DNS": "127.0.0.1:1", **json.loads(sys.stdin.read()),
}
node = make_server(MemoryReactorClock(), resolve(ServerOptions(data_dir=folder), environment), environment)
modules = [name for name in sys.modules if name.startswith("wingthing.")]
print(json.dumps([type(node).__name__, modules]))
"""


class RoleTests(NodeCase):
    def made(self, role: Role, environment: dict[str, str] = ENVIRONMENT) -> Node:
        fleet = None if role is Role.SINGLE else place("m1", "nrt")
        folder = None if role is Role.EDGE else self.folder
        config = Config(role, "tcp:8080", False, folder, None, False, fleet=fleet)
        node = service.make_server(self.reactor, config, environment)
        self.addCleanup(node.closed)
        return node

    def test_a_node_for_each_role(self) -> None:
        for role, kind in ((Role.SINGLE, SingleNode), (Role.LOGIN, LoginNode), (Role.EDGE, EdgeNode)):
            node = self.made(role)
            self.assertIs(type(node), kind)
            self.assertEqual(dump_signing_key(node.keys.signing), ENVIRONMENT["WT_JWT_KEY"])
            node.closed()

    def test_each_run_has_a_name_of_its_own(self) -> None:
        first, second = self.made(Role.EDGE), self.made(Role.EDGE)
        assert isinstance(first, EdgeNode)
        assert isinstance(second, EdgeNode)
        self.assertNotEqual(first.gossip.boot, second.gossip.boot)
        self.assertEqual(first.machine, "m1")

    def test_a_fleet_needs_the_key_that_it_shares_and_a_single_node_makes_its_own(self) -> None:
        for role in (Role.LOGIN, Role.EDGE):
            with self.assertRaises(OperatorError) as refused:
                self.made(role, {})
            self.assertIn("wt keygen", str(refused.exception))
        self.assertFalse((self.folder / "jwt_key").exists(), "a key of its own would be of no use")
        self.made(Role.SINGLE, {})
        self.assertTrue((self.folder / "jwt_key").exists())


class ModulesTests(NodeCase):
    """In a process of its own each, because what is imported once stays."""

    def modules(self, role: str) -> tuple[str, set[str]]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, role, str(self.folder.absolute())],
            input=json.dumps(ENVIRONMENT),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        name, modules = json.loads(run.stdout)
        return name, set(modules)

    def test_a_single_node_has_nothing_of_a_fleet(self) -> None:
        name, modules = self.modules("single")
        self.assertEqual(name, "SingleNode")
        fleet = {module for module in modules if module.startswith("wingthing.cluster")}
        self.assertEqual(fleet, set())
        self.assertNotIn("wingthing.web.internal", modules)
        self.assertNotIn("wingthing.crypto.node_tokens", modules)

    def test_an_edge_has_no_database_and_no_pages(self) -> None:
        name, modules = self.modules("edge")
        self.assertEqual(name, "EdgeNode")
        self.assertIn("wingthing.cluster.gossip_edge", modules)
        kept_out = ("wingthing.store", "wingthing.wing.", "wingthing.web.api", "wingthing.web.auth")
        self.assertEqual({module for module in modules if module.startswith(kept_out)}, set())

    def test_login_has_both(self) -> None:
        name, modules = self.modules("login")
        self.assertEqual(name, "LoginNode")
        self.assertLessEqual({"wingthing.store.pool", "wingthing.cluster.gossip_login"}, modules)
        self.assertNotIn("wingthing.assembly.edge", modules)
