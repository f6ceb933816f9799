"""The private network, over real sockets."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import ConnectionRefusedError

from tests.rehearsal.case import Listening, SocketCase, Wire, eventually, pause, reactor
from wingthing.rehearsal.addresses import claim
from wingthing.rehearsal.machine import Place
from wingthing.rehearsal.network import Network

QUIET_SECONDS = 0.1
"""How long a test waits to see that nothing comes."""


class NetworkCase(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.block = claim()
        self.addCleanup(self.block.release)
        self.network = Network(reactor, self.block)
        self.addCleanup(self.network.close)
        self.servers: dict[int, Listening] = {}
        for number in (1, 2, 3):
            self.servers[number], port = self.listen(host=self.block.machine(number))
            place = Place(number, f"{number:014x}", "ewr", "edge", self.block.machine(number), port)
            self.network.add(place)
            self.network.set_alive(number, True)
        self.ports = {number: place.port for number, place in self.network._places.items()}

    async def dial(self, source: int, target: int) -> Wire:
        return await self.connect(self.ports[target], self.network.address(source, target))

    async def pair(self, source: int, target: int) -> tuple[Wire, Wire]:
        """The two ends of an open connection."""
        known = len(self.servers[target].wires)
        near = await self.dial(source, target)
        await eventually(lambda: len(self.servers[target].wires) > known)
        return near, self.servers[target].wires[known]


async def still(probe: Callable[[], object]) -> bool:
    """Whether it is true now and a moment later."""
    await pause(QUIET_SECONDS)
    return bool(probe())


class CarryingTests(NetworkCase):
    async def test_bytes_go_both_ways(self) -> None:
        near, far = await self.pair(1, 2)
        near.write(b"there")
        await far.has(b"there")
        far.write(b"and back")
        await near.has(b"and back")

    async def test_much_of_it(self) -> None:
        near, far = await self.pair(1, 2)
        data = bytes(range(256)) * 20_000
        near.write(data)
        await far.until(lambda: len(far.received) == len(data))
        self.assertEqual(far.received, data)

    async def test_a_half_closed_connection(self) -> None:
        near, far = await self.pair(1, 2)
        near.write(b"the question")
        near.transport.loseWriteConnection()
        await far.has(b"the question")
        far.write(b"the answer")
        far.close()
        await near.has(b"the answer")
        await near.ended()
        await eventually(lambda: not any(way._passages for way in self.network._ways.values()))

    async def test_a_reset_is_a_reset(self) -> None:
        near, far = await self.pair(1, 2)
        far.transport.abortConnection()
        await near.ended()
        await eventually(lambda: not any(way._passages for way in self.network._ways.values()))

    async def test_a_reader_that_stands_still_stops_the_writer(self) -> None:
        near, far = await self.pair(1, 2)
        far.transport.pauseProducing()
        sent = 0
        producer = Full()
        near.transport.registerProducer(producer, True)
        while not (producer.full and await still(lambda: producer.full)):
            near.write(b"x" * 2_000_000)
            sent += 2_000_000
            self.assertLess(sent, 200_000_000, "nothing held the writer back")
        near.transport.unregisterProducer()
        far.transport.resumeProducing()
        await far.until(lambda: len(far.received) == sent)

    async def test_a_machine_that_is_dead_refuses(self) -> None:
        self.network.set_alive(2, False)
        await pause(0.01)
        with self.assertRaises(ConnectionRefusedError):
            await self.dial(1, 2)
        self.network.set_alive(2, True)
        self.network.set_alive(2, False)
        self.network.set_alive(2, True)
        await pause(0.01)
        await self.pair(1, 2)

    async def test_a_machine_that_lives_and_does_not_listen_yet(self) -> None:
        place = Place(4, "4" * 14, "ewr", "edge", self.block.machine(4), self.ports[1])
        self.network.add(place)
        self.network.set_alive(4, True)
        near = await self.connect(place.port, self.network.address(1, 4))
        await near.ended()

    async def test_to_itself_a_machine_needs_no_network(self) -> None:
        self.assertEqual(self.network.address(2, 2), self.block.machine(2))


class PartitionTests(NetworkCase):
    async def test_open_connections_freeze_and_go_on(self) -> None:
        pairs = [await self.pair(1, 2), await self.pair(2, 1), await self.pair(3, 2)]
        self.network.partition(2)
        for near, far in pairs:
            near.write(b"forth")
            far.write(b"back")
        await pause(QUIET_SECONDS)
        for near, far in pairs:
            self.assertEqual((near.received, far.received), (b"", b""))
        self.network.heal(2)
        for near, far in pairs:
            await far.has(b"forth")
            await near.has(b"back")

    async def test_the_others_do_not_notice(self) -> None:
        self.network.partition(2)
        near, far = await self.pair(1, 3)
        near.write(b"hello")
        await far.has(b"hello")

    async def test_new_connections_hang(self) -> None:
        self.network.partition(2)
        near = await self.dial(1, 2)
        near.write(b"is anybody there?")
        await pause(QUIET_SECONDS)
        self.assertEqual(self.servers[2].wires, [])
        self.network.heal(2)
        await eventually(lambda: self.servers[2].wires)
        await self.servers[2].wires[0].has(b"is anybody there?")

    async def test_the_death_of_the_other_side_is_not_heard_of(self) -> None:
        near, far = await self.pair(1, 2)
        self.network.partition(1)
        far.transport.abortConnection()
        self.network.set_alive(2, False)
        hanging = await self.dial(1, 2)
        near.write(b"still there?")
        await pause(QUIET_SECONDS)
        self.assertEqual((near.lost, hanging.lost), (None, None))
        self.network.heal(1)
        await near.ended()
        await eventually(lambda: len(self.servers[2].wires) == 2 or hanging.lost is not None)

    async def test_two_at_once(self) -> None:
        near, far = await self.pair(1, 2)
        self.network.partition(1)
        self.network.partition(2)
        self.network.heal(1)
        near.write(b"x")
        await pause(QUIET_SECONDS)
        self.assertEqual(far.received, b"")
        self.network.heal(2)
        await far.has(b"x")

    async def test_an_end_during_the_cut_arrives_after_it(self) -> None:
        near, far = await self.pair(1, 2)
        self.network.partition(2)
        near.write(b"last words")
        near.close()
        await near.ended()
        await pause(QUIET_SECONDS)
        self.assertIsNone(far.lost)
        self.network.heal(2)
        await far.has(b"last words")
        await far.ended()


class SlowTests(NetworkCase):
    async def timed(self, source: int, target: int) -> float:
        """Seconds of a question and its answer on an open connection."""
        near, far = await self.pair(source, target)
        began = reactor.seconds()
        near.write(b"question")
        await far.has(b"question")
        far.write(b"answer")
        await near.has(b"answer")
        return float(reactor.seconds() - began)

    async def quickest(self, source: int, target: int) -> float:
        """The best of a few: a busy machine makes some of them slow."""
        return min([await self.timed(source, target) for _ in range(5)])

    async def test_each_way(self) -> None:
        self.network.slow(2, 0.1)
        for source, target in ((1, 2), (2, 1)):
            self.assertGreaterEqual(await self.timed(source, target), 0.2)
        self.assertLess(await self.quickest(1, 3), 0.2)

    async def test_opening_takes_a_round_trip(self) -> None:
        self.network.slow(2, 0.1)
        began = reactor.seconds()
        await self.pair(1, 2)
        self.assertGreaterEqual(reactor.seconds() - began, 0.2)

    async def test_what_both_sides_have_adds_up(self) -> None:
        self.network.slow(1, 0.05)
        self.network.slow(2, 0.05)
        self.assertGreaterEqual(await self.timed(1, 2), 0.2)
        self.network.heal(1)
        self.network.heal(2)
        self.assertLess(await self.quickest(1, 2), 0.2)

    async def test_faults_are_told(self) -> None:
        self.network.slow(1, 0.05)
        self.network.partition(1)
        faults = self.network.faults(1)
        self.assertEqual((faults.cut, faults.delay), (True, 0.05))
        self.network.heal(1)
        faults = self.network.faults(1)
        self.assertEqual((faults.cut, faults.delay), (False, 0.0))


class Full:
    """A producer that remembers whether it is to stop."""

    full = False

    def pauseProducing(self) -> None:
        self.full = True

    def resumeProducing(self) -> None:
        self.full = False

    def stopProducing(self) -> None:
        pass
