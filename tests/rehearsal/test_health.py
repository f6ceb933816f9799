"""Health checks and numbers of machines."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.rehearsal.case import FakeMachine, SocketCase, Wire, reactor, respond
from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import CHECK_SECONDS, FIRST_CHECK_SECONDS, GRACE_SECONDS
from wingthing.rehearsal.health import Health, Probe, Watch, metric
from wingthing.rehearsal.machine import Place, State


class ProbeTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.machine = FakeMachine(self, 1, "ewr")
        self.probe = Probe(reactor)

    async def test_checks(self) -> None:
        for answer, health in (
            (self.machine.plain, Health.PASSING),
            (lambda wire: respond(wire, status="500 No"), Health.FAILING),
            (lambda wire: respond(wire, b"", "Location: /", status="302 Elsewhere"), Health.FAILING),
            (Wire.close, Health.FAILING),
        ):
            self.machine.answer = answer  # type: ignore[assignment]
            self.assertIs(await self.probe.check(self.machine.place), health)
        self.assertTrue(self.machine.requests[0].startswith("GET /health "))
        self.assertNotIn("fly-", self.machine.requests[0].lower())

    async def test_a_port_that_does_not_accept(self) -> None:
        place = Place(1, "1", "ewr", "edge", "127.0.0.3", self.machine.place.port)
        self.assertIs(await self.probe.check(place), Health.DOWN)
        self.assertEqual(await self.probe.numbers(place, ["a"]), {"a": None})

    async def test_numbers(self) -> None:
        self.machine.answer = lambda wire: respond(wire, b"# TYPE a gauge\na 2.0\n")
        self.assertEqual(await self.probe.numbers(self.machine.place, ["a", "b"]), {"a": 2, "b": None})
        self.machine.answer = lambda wire: respond(wire, b"a 2.0\n", status="404 No")
        self.assertEqual(await self.probe.numbers(self.machine.place, ["a"]), {"a": None})


class MetricTests(TestCase):
    def test_labels_are_summed(self) -> None:
        text = '# HELP a x\na{r="x"} 1.0\na{r="y"} 2e+01\na_total 5.0\nnot_a 7\n'
        self.assertEqual(metric(text, "a"), 21)
        self.assertEqual(metric(text, "a_total"), 5)
        self.assertIsNone(metric(text, "wings"))


class FakeProcess:
    """What the watch needs of a machine."""

    def __init__(self) -> None:
        self.place = Place(1, "1", "ewr", "edge", "127.0.0.1")
        self.state = State.STARTING
        self.alive, self.healthy, self.passing = True, False, False
        self.starts, self.started_at = 1, 0.0
        self.log_path, self.last_exit = "/the/log", "exit code 3"

    def last_words(self) -> str:
        return "It is too late."


class WatchTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.machine = FakeProcess()
        self.health = Health.DOWN
        self.checks = 0
        machines: Any = [self.machine]
        probe: Any = self
        self.watch = Watch(self.clock, probe, lambda: machines)
        self.watch.start()
        self.addCleanup(self.watch.stop)

    async def check(self, _place: Place) -> Health:
        self.checks += 1
        return self.health

    def after(self, seconds: float, health: Health) -> tuple[State, bool, bool]:
        self.health = health
        for _ in range(round(seconds / FIRST_CHECK_SECONDS)):
            self.clock.advance(FIRST_CHECK_SECONDS)
        return self.machine.state, self.machine.healthy, self.machine.passing

    def test_from_the_start_to_rotation(self) -> None:
        self.assertEqual(self.after(1, Health.DOWN), (State.STARTING, False, False))
        self.assertGreaterEqual(self.checks, 10)
        self.assertEqual(self.after(FIRST_CHECK_SECONDS, Health.PASSING), (State.RUNNING, True, True))
        self.checks = 0
        self.after(10 * CHECK_SECONDS, Health.PASSING)
        self.assertIn(self.checks, (9, 10))

    def test_a_young_machine_is_in_rotation_when_it_accepts(self) -> None:
        self.assertEqual(self.after(1, Health.FAILING), (State.RUNNING, True, False))
        self.assertEqual(
            self.after(GRACE_SECONDS + CHECK_SECONDS, Health.FAILING), (State.RUNNING, False, False)
        )
        self.assertEqual(self.after(CHECK_SECONDS, Health.PASSING), (State.RUNNING, True, True))

    def test_out_of_rotation_and_back(self) -> None:
        self.after(GRACE_SECONDS + 1, Health.PASSING)
        for health in (Health.FAILING, Health.DOWN):
            self.assertEqual(self.after(CHECK_SECONDS, health), (State.RUNNING, False, False))
            self.assertEqual(self.after(CHECK_SECONDS, Health.PASSING), (State.RUNNING, True, True))

    def test_the_dead_are_not_asked(self) -> None:
        self.machine.alive = False
        self.after(5, Health.PASSING)
        self.assertLessEqual(self.checks, 1)
        self.assertFalse(self.machine.healthy)


class WaitingTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.machine: Any = FakeProcess()
        self.watch = Watch(reactor, Probe(reactor), list)

    async def why(self, seconds: float) -> str:
        with self.assertRaises(OperatorError) as caught:
            await self.watch.until_passing(self.machine, seconds)
        return str(caught.exception)

    async def test_it_passes(self) -> None:
        self.machine.passing = True
        await self.watch.until_passing(self.machine, 0)

    async def test_it_ends(self) -> None:
        self.machine.alive = False
        why = await self.why(10)
        self.assertIn("It is too late. Its log is /the/log.", why)

    async def test_it_takes_too_long(self) -> None:
        self.assertIn("after 0.01 seconds", await self.why(0.01))
