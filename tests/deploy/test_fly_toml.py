"""fly.toml: only keys that Fly knows, and values that agree with the program."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from twisted.trial.unittest import TestCase

from deploy.regions import REGIONS
from tests.deploy.case import ROOT
from wingthing.assembly.roles import Role
from wingthing.cli import COMMANDS
from wingthing.names import FLEET_PORT, FLY_VOLUME
from wingthing.wire.limits import DRAIN_SECONDS

KNOWN = {
    "app",
    "primary_region",
    "kill_signal",
    "kill_timeout",
    "processes.login",
    "processes.edge",
    "mounts.source",
    "mounts.destination",
    "mounts.processes",
    "mounts.snapshot_retention",
    "mounts.auto_extend_size_threshold",
    "mounts.auto_extend_size_increment",
    "mounts.auto_extend_size_limit",
    "http_service.internal_port",
    "http_service.force_https",
    "http_service.processes",
    "http_service.auto_stop_machines",
    "http_service.auto_start_machines",
    "http_service.min_machines_running",
    "http_service.concurrency.type",
    "http_service.concurrency.soft_limit",
    "http_service.concurrency.hard_limit",
    "http_service.checks.grace_period",
    "http_service.checks.interval",
    "http_service.checks.timeout",
    "http_service.checks.method",
    "http_service.checks.path",
    "deploy.strategy",
    "deploy.wait_timeout",
    "metrics.port",
    "metrics.path",
    "vm.size",
    "vm.memory",
    "vm.processes",
}
"""Of https://fly.io/docs/reference/configuration/, what a fleet needs. A key that Fly does not know is no
error there: it does nothing."""

KILL_TIMEOUT_MOST = 300
GROUPS = ["login", "edge"]


def keys(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Every key with those above it, `http_service.checks.path`."""
    for name, value in table.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield from keys(entry, f"{above}{name}.")
            else:
                yield f"{above}{name}"


def seconds(text: str) -> float:
    """A duration as Fly writes it, in seconds or minutes."""
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


class FlyTomlTests(TestCase):
    def setUp(self) -> None:
        self.fly = tomllib.loads((ROOT / "fly.toml").read_text())

    def test_only_keys_that_fly_knows(self) -> None:
        self.assertEqual(set(keys(self.fly)) - KNOWN, set())

    def test_both_groups_run_the_same_command(self) -> None:
        self.assertEqual(list(self.fly["processes"]), GROUPS)
        self.assertEqual(set(self.fly["processes"].values()), {"wt serve"})
        self.assertEqual([Role(name) for name in GROUPS], [Role.LOGIN, Role.EDGE])
        program, command = shlex.split("wt serve")
        self.assertEqual(program, "wt")
        self.assertIn(command, COMMANDS)

    def test_people_reach_both_groups(self) -> None:
        self.assertEqual(sorted(self.fly["http_service"]["processes"]), sorted(GROUPS))
        self.assertEqual(self.fly["http_service"]["internal_port"], FLEET_PORT)
        self.assertIs(self.fly["http_service"]["force_https"], True)

    def test_login_alone_has_the_volume(self) -> None:
        (mount,) = self.fly["mounts"]
        self.assertEqual(mount["source"], "wt_data")
        self.assertEqual(mount["destination"], FLY_VOLUME)
        self.assertEqual(mount["processes"], ["login"])
        self.assertIn(mount["snapshot_retention"], range(1, 61))

    def test_silence_is_not_idleness(self) -> None:
        self.assertEqual(self.fly["http_service"]["auto_stop_machines"], "off")

    def test_a_machine_takes_more_than_twenty_connections(self) -> None:
        limits = self.fly["http_service"]["concurrency"]
        self.assertEqual(limits["type"], "connections")
        self.assertGreaterEqual(limits["soft_limit"], 1000)
        self.assertGreater(limits["hard_limit"], limits["soft_limit"])

    def test_the_drain_has_time(self) -> None:
        self.assertIn(self.fly["kill_signal"], ("SIGINT", "SIGTERM"))
        self.assertGreaterEqual(self.fly["kill_timeout"], 2 * DRAIN_SECONDS)
        self.assertLessEqual(self.fly["kill_timeout"], KILL_TIMEOUT_MOST)

    def test_the_check(self) -> None:
        (check,) = self.fly["http_service"]["checks"]
        self.assertEqual((check["method"], check["path"]), ("GET", "/health"))
        self.assertLess(seconds(check["timeout"]), seconds(check["interval"]))

    def test_a_volume_bars_other_strategies(self) -> None:
        self.assertEqual(self.fly["deploy"]["strategy"], "rolling")
        self.assertGreater(seconds(self.fly["deploy"]["wait_timeout"]), self.fly["kill_timeout"])

    def test_metrics(self) -> None:
        self.assertEqual(self.fly["metrics"], {"port": FLEET_PORT, "path": "/metrics"})

    def test_each_group_has_a_machine_size(self) -> None:
        self.assertEqual([vm["processes"] for vm in self.fly["vm"]], [["login"], ["edge"]])

    def test_login_is_in_a_region_that_there_is(self) -> None:
        self.assertEqual(self.fly["primary_region"], "ewr")
        self.assertIn(self.fly["primary_region"], REGIONS)

    def test_the_name_must_be_chosen(self) -> None:
        line = next(
            number
            for number, text in enumerate((ROOT / "fly.toml").read_text().splitlines())
            if text.startswith("app =")
        )
        above = " ".join((ROOT / "fly.toml").read_text().splitlines()[max(0, line - 3) : line])
        self.assertIn("Choose your own", above)
