"""Which machine gets a request."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import TestCase

from wingthing.rehearsal.balance import Balance
from wingthing.rehearsal.machine import Place
from wingthing.rehearsal.replay import Replay


@attrs.define
class Machine:
    place: Place
    ready: bool = True


class BalanceTests(TestCase):
    def setUp(self) -> None:
        where = {"login": "ewr", "n1": "nrt", "n2": "nrt", "l1": "lhr"}
        self.machines = {
            name: Machine(Place(number, name, region, "edge", "127.0.0.1"))
            for number, (name, region) in enumerate(where.items(), 1)
        }
        self.balance = Balance("wingthing", lambda: list(self.machines.values()))

    def picked(self, region: str, times: int, *without: str) -> list[str]:
        found = [self.balance.pick(region, without) for _ in range(times)]
        return [machine.place.id if machine else "" for machine in found]

    def target(self, *without: str, region: str = "ewr", source: str = "login", **fields: object) -> str:
        found = self.balance.target(Replay(**fields), region, source, without)  # type: ignore[arg-type]
        return found.place.id if found else ""

    def test_a_regions_machines_in_turn(self) -> None:
        self.assertEqual(self.picked("nrt", 4), ["n1", "n2", "n1", "n2"])
        self.assertEqual(self.picked("ewr", 2), ["login", "login"])

    def test_else_any_other(self) -> None:
        self.machines["l1"].ready = False
        self.assertEqual(sorted(self.picked("lhr", 3)), ["login", "n1", "n2"])
        self.assertEqual(sorted(set(self.picked("xyz", 9))), ["login", "n1", "n2"])
        self.assertIsNone(self.balance.pick("lhr", only=True))

    def test_never_what_was_tried(self) -> None:
        self.assertEqual(self.picked("nrt", 2, "n1"), ["n2", "n2"])
        self.assertEqual(self.picked("nrt", 1, *self.machines), [""])

    def test_by_id(self) -> None:
        found = self.balance.find("n1")
        assert found is not None
        self.assertEqual(found.place.id, "n1")
        self.machines["n1"].ready = False
        self.assertIsNone(self.balance.find("n1"))
        self.assertIsNone(self.balance.find(""))
        self.assertEqual((self.balance.region_of("n1"), self.balance.region_of("?")), ("nrt", ""))

    def test_targets_of_replays(self) -> None:
        self.assertEqual(self.target(instance="n2"), "n2")
        self.assertEqual(self.target(instance="login"), "login")
        self.assertEqual(self.target(instance="gone"), "")
        self.assertEqual(self.target("n2", instance="n2"), "")
        self.assertEqual(self.target(prefer_instance="n2"), "n2")
        self.assertEqual(self.target(prefer_instance="gone", region="lhr"), "l1")
        self.assertEqual(self.target(prefer_instance="gone", app="wingthing"), "login")
        self.assertEqual({self.target(region="ewr", app="wingthing") for _ in range(3)}, {"login"})

    def test_a_region_means_that_region(self) -> None:
        replay = Replay(region="nrt")
        found = [self.balance.target(replay, "ewr", "login", ()) for _ in range(2)]
        self.assertEqual([machine and machine.place.id for machine in found], ["n1", "n2"])
        self.assertIsNone(self.balance.target(Replay(region="fra"), "ewr", "login", ()))

    def test_elsewhere(self) -> None:
        self.assertEqual({self.target(elsewhere=True) for _ in range(9)}, {"n1", "n2", "l1"})
        self.assertEqual(self.target(elsewhere=True, instance="login"), "")

    def test_another_app(self) -> None:
        self.assertEqual(self.target(instance="n1", app="other"), "")
        self.assertEqual(self.target(instance="n1", app="wingthing"), "n1")
