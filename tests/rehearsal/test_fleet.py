"""A rehearsal as a whole, with a small program in the place of the server."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.rehearsal.case import Answers, SocketCase, eventually, reactor, short_folder
from tests.rehearsal.test_machine import STUB
from wingthing.errors import OperatorError
from wingthing.rehearsal.fleet import Fleet
from wingthing.rehearsal.plan import make_plan


class FleetCase(SocketCase):
    timeout = 120

    def setUp(self) -> None:
        super().setUp()
        self.folder = short_folder(self)
        self.notices: list[str] = []

    def fleet(self, *regions: str, edges: int | None = None, **environment: str) -> Fleet:
        plan = make_plan(
            regions,
            edges,
            directory=self.folder.path,
            port=0,
            command=STUB,
            environment=environment,
        )
        return Fleet(reactor, plan, self.notices.append)

    async def up(self, *regions: str, edges: int | None = None, **environment: str) -> Fleet:
        fleet = self.fleet(*regions, edges=edges, **environment)
        fleet.prepare()
        self.addCleanup(fleet.close)
        await fleet.start()
        return fleet

    async def get(self, fleet: Fleet, region: str, path: str = "/") -> tuple[str | None, Any]:
        """Who has answered, and what."""
        wire = await self.connect(fleet.proxy.ports[region])
        wire.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, body = await Answers(wire).next()
        names = [value.decode() for name, value in head.headers if name == b"x-rehearsal-machine"]
        return (names or [None])[0], json.loads(body) if head.status_code == 200 else body.decode()


class FleetTests(FleetCase):
    async def test_what_each_machine_gets(self) -> None:
        self.patch(os, "environ", {**os.environ, "WT_JWT_KEY": "the caller's", "FLY_REGION": "xyz"})
        fleet = await self.up("ewr", "nrt", EXTRA="more")
        seen = {}
        for region in ("ewr", "nrt"):
            machine, answer = await self.get(fleet, region, "/env")
            seen[region] = answer["environment"]
            self.assertEqual(seen[region]["FLY_MACHINE_ID"], machine)
            self.assertEqual(answer["cwd"], seen[region]["HOME"])
        login, edge = seen["ewr"], seen["nrt"]
        base = fleet.proxy.url("ewr")
        for environment, region, role in ((login, "ewr", "login"), (edge, "nrt", "edge")):
            expected = {
                "FLY_APP_NAME": "wingthing",
                "FLY_REGION": region,
                "FLY_PROCESS_GROUP": role,
                "PRIMARY_REGION": "ewr",
                "WT_NODE_ROLE": role,
                "WT_BASE_URL": base,
                "EXTRA": "more",
            }
            self.assertEqual({name: environment[name] for name in expected}, expected)
        self.assertEqual(login["WT_JWT_KEY"], edge["WT_JWT_KEY"])
        self.assertNotEqual(login["WT_JWT_KEY"], "the caller's")
        self.assertEqual(login["WINGTHING_DIR"], str(self.folder.volume))
        self.assertNotIn("WINGTHING_DIR", edge)
        self.assertNotEqual(login["WT_DNS"], edge["WT_DNS"])

    async def test_status_and_drills(self) -> None:
        fleet = await self.up("ewr", "nrt")
        edge = fleet.find("nrt")
        now = await fleet.status()
        self.assertEqual(list(now.urls), ["ewr", "nrt"])
        self.assertEqual(
            [(m.role, m.region, m.state, m.ready) for m in now.machines],
            [("login", "ewr", "running", True), ("edge", "nrt", "running", True)],
        )
        self.assertEqual((now.machines[0].wings, now.machines[0].browsers), (3, 2))

        self.assertEqual(await fleet.kill("nrt"), edge.place.id)
        self.assertEqual((await self.get(fleet, "nrt"))[0], fleet.find("login").place.id)
        self.assertEqual([started.id for started in fleet._started(1)], [fleet.find("login").place.id])
        dead = (await fleet.status()).machines[1]
        self.assertEqual((dead.state, dead.wings, dead.pid), ("stopped", None, None))
        await fleet.start_machine("nrt")
        self.assertEqual((await self.get(fleet, "nrt"))[0], edge.place.id)
        pid = edge.pid
        await fleet.restart("edge")
        self.assertNotEqual(edge.pid, pid)
        await fleet.stop("edge")
        await fleet.restart(edge.place.id[:6])
        self.assertEqual(edge.starts, 4)
        self.assertEqual(self.notices, [])

        await fleet.partition("nrt")
        await fleet.slow("login", 25)
        await fleet.partition("login", public=True)
        now = await fleet.status()
        self.assertEqual(
            [(m.partitioned, m.public_cut, m.slow_ms) for m in now.machines],
            [(False, True, 25), (True, False, 0)],
        )
        self.assertEqual(await fleet.heal("nrt"), [edge.place.id])
        self.assertEqual(len(await fleet.heal()), 2)
        now = await fleet.status()
        self.assertFalse(any(m.partitioned or m.public_cut or m.slow_ms for m in now.machines))

        added = await fleet.add("fra")
        self.assertEqual((await self.get(fleet, "fra"))[0], added)
        self.assertEqual(
            {s.address for s in fleet._started(3)},
            {fleet._net.address(3, 1), fleet._net.address(3, 2), fleet.find("fra").place.address},
        )

    async def test_words_for_machines(self) -> None:
        fleet = await self.up("ewr", "nrt", edges=2)
        for word, sentence in (
            ("edge", "may be any of"),
            ("ewr", "may be any of"),
            ("lhr", "There is no machine 'lhr'"),
            ("", "There is no machine ''"),
        ):
            self.assertIn(sentence, str(self.assertRaises(OperatorError, fleet.find, word)), word)
        self.assertEqual(fleet.find("login").place.number, 1)
        for machine in fleet.machines:
            self.assertIs(fleet.find(machine.place.id), machine)
        with self.assertRaises(OperatorError):
            await fleet.slow("login", -1)
        with self.assertRaises(OperatorError):
            await fleet.add("Tokyo")
        with self.assertRaises(OperatorError) as caught:
            await fleet.login_link()
        self.assertIn("No server runs", str(caught.exception))

    async def test_a_machine_that_dies_by_itself_is_noticed(self) -> None:
        fleet = await self.up("ewr")
        os.kill(fleet.find("login").pid or 0, 9)
        await eventually(lambda: self.notices)
        self.assertIn("has ended: killed by SIGKILL", self.notices[0])
        head, _answer = await self.get(fleet, "ewr")
        self.assertIsNone(head)


class FailTests(FleetCase):
    async def failing(self, fleet: Fleet) -> str:
        fleet.prepare()
        self.addCleanup(fleet.close)
        with self.assertRaises(OperatorError) as caught:
            await fleet.start()
        return str(caught.exception)

    async def test_a_machine_that_does_not_start(self) -> None:
        why = await self.failing(self.fleet("ewr", "nrt", STUB_FAIL="1"))
        self.assertRegex(
            why, r"^Machine \w+ \((login, ewr|edge, nrt)\) has ended: The stub was told to fail\. "
        )

    async def test_a_machine_that_is_sick(self) -> None:
        from wingthing.rehearsal import fleet as module

        self.patch(module, "READY_SECONDS", 0.5)
        self.assertIn("after 0.5 seconds", await self.failing(self.fleet("ewr", STUB_SICK="1")))

    async def test_a_second_one_in_the_same_folder(self) -> None:
        await self.up("ewr")
        self.assertIn("already runs", str(self.assertRaises(OperatorError, self.fleet("ewr").prepare)))

    async def test_two_side_by_side(self) -> None:
        first = await self.up("ewr", "nrt")
        self.folder = short_folder(self)
        second = await self.up("ewr", "nrt")
        for fleet in (first, second):
            self.assertEqual((await self.get(fleet, "nrt"))[0], fleet.find("nrt").place.id)

    async def test_everything_is_gone_at_the_end(self) -> None:
        fleet = await self.up("ewr", "nrt")
        pids = [machine.pid or 0 for machine in fleet.machines]
        await fleet.close()
        for pid in pids:
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertFalse(self.folder.control.exists())
        again = await self.up("ewr", "nrt")
        self.assertTrue(all(machine.ready for machine in again.machines))
