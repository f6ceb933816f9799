"""What the fleet's benchmarks measure with: their load generator, their simulated edges, their tables."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import msgspec
from twisted.trial.unittest import TestCase

from bench.__main__ import FLEET, TABLES, arguments
from bench.fleet import login, nginx, online, proxy, replay, rounds, snapshots, upstream
from bench.fleet.clock import HeapClock
from bench.fleet.edges import SimulatedEdge, SkimmedRound, edge_boot
from bench.fleet.processes import Traffic
from bench.fleet.pushing import Measured as Pushed
from bench.fleet.relays import whole_edge
from bench.fleet.requests import Kind, load
from bench.fleet.simulation import Measured, Simulation, forgetful
from bench.fleet.wings import entries, machine
from bench.report import Table
from tests.cluster.case import KEYS, trust
from wingthing.crypto.node_tokens import Audience
from wingthing.wire.gossip import Answer, Round, Snapshot
from wingthing.wire.internal import NODE_HEADER
from wingthing.wire.limits import MAX_ROUND_ENTRIES


def check(case: TestCase, table: Table) -> None:
    """Every row has a cell in each column, and Markdown can be made of it."""
    case.assertTrue(table.rows)
    for row in table.rows:
        case.assertEqual(len(row), len(table.columns), row)
    case.assertIn(table.rows[0][0], table.markdown())


class ArgumentTests(TestCase):
    def test_a_group_is_its_tables_and_none_twice(self) -> None:
        self.assertEqual(arguments([]).names, list(TABLES))
        self.assertEqual(arguments(["fleet"]).names, list(FLEET))
        self.assertEqual(arguments(["fleet-proxy", "fleet"]).names, ["fleet-proxy", *FLEET[:-1]])
        for wrong in (["nothing"], ["fleet", "--times", "0"]):
            with self.assertRaises(SystemExit):
                arguments(wrong)


class LoadTests(TestCase):
    """The generator against the upstream, without a proxy."""

    def setUp(self) -> None:
        listener = socket.create_server((upstream.HOST, 0))
        self.port = listener.getsockname()[1]
        # It ends with the test's process: nothing else stops it.
        threading.Thread(target=upstream.serve, args=(listener,), daemon=True).start()

    def test_bodies_of_every_size_arrive_both_ways(self) -> None:
        for kind in (
            Kind("d", down=0),
            Kind("d", down=300),
            Kind("d", down=3_000_001),
            Kind("u", up=2_000_001),
        ):
            for connections in (1, 5):
                answered = load(self.port, kind, connections, 0.02)
                self.assertGreaterEqual(len(answered.latencies), connections, kind)
                self.assertTrue(all(0 < latency < 20 for latency in answered.latencies))
                self.assertGreaterEqual(answered.seconds, 0.02)

    def test_as_many_as_wanted(self) -> None:
        self.assertGreaterEqual(len(load(self.port, Kind("d", down=1), 2, 0.0, least=50).latencies), 50)

    def test_an_answer_that_is_none_is_an_error(self) -> None:
        for said in (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
            b"",
        ):
            listener = socket.create_server((upstream.HOST, 0))
            self.addCleanup(listener.close)

            def answer(listener: socket.socket = listener, said: bytes = said) -> None:
                accepted, _ = listener.accept()
                accepted.recv(65536)
                accepted.sendall(said)
                accepted.close()

            threading.Thread(target=answer, daemon=True).start()
            with self.assertRaises(ConnectionError):
                load(listener.getsockname()[1], Kind("d", down=1), 1, 0.0)

    def test_requests_and_answers_cut_anywhere(self) -> None:
        for kind, expected in ((Kind("d", down=3), b"\x00\x01\x02"), (Kind("u", up=4), b"ok")):
            data = kind.head + b"x" * kind.up
            for cut in range(1, len(data)):
                line = upstream.Line()
                line.feed(data[:cut])
                line.feed(data[cut:])
                self.assertTrue(line.to_send.endswith(b"\r\n\r\n" + expected), (kind, cut))


class ClockTests(TestCase):
    def test_calls_are_made_in_their_order_and_only_if_they_are_due(self) -> None:
        clock, made = HeapClock(100.0), []
        for seconds in (3, 1, 2):
            clock.callLater(seconds, made.append, seconds)
        clock.callLater(1.5, lambda: clock.callLater(0, made.append, "soon"))
        clock.callLater(1.2, made.append, "never").cancel()
        moved = clock.callLater(0.5, made.append, "moved")
        moved.reset(2.5)
        clock.advance(2)
        self.assertEqual((made, clock.seconds()), ([1, "soon", 2], 102.0))
        self.assertEqual(len(clock.getDelayedCalls()), 2)
        clock.advance(1)
        self.assertEqual(made, [1, "soon", 2, "moved", 3])


class WingTests(TestCase):
    def test_as_many_as_wanted_and_always_the_same(self) -> None:
        made = list(entries(10, 3))
        self.assertEqual(made, list(entries(10, 3)))
        self.assertEqual(len({entry.record.wing_id for entry in made}), 10)
        self.assertEqual({entry.machine for entry in made}, {machine(number) for number in range(3)})


class SimulationTests(TestCase):
    def simulation(self, edges: int, *, knows: bool) -> Simulation:
        simulation = Simulation(KEYS, list(entries(20, edges)))
        for number in range(edges):
            simulation.joins(forgetful(machine(number)), knows=knows)
        return simulation

    def test_idle_is_one_round_with_each_edge(self) -> None:
        simulation = self.simulation(5, knows=True)
        simulation.start()
        for _ in range(3):
            measured = simulation.idle()
            self.assertEqual(measured.rounds, 5)
            self.assertGreater(measured.login.seconds, 0)
            self.assertGreaterEqual(measured.login.seconds, measured.login.longest)

    def test_changes_reach_everybody_and_leave_the_directory_as_large(self) -> None:
        simulation = self.simulation(5, knows=True)
        simulation.start()
        idle = simulation.idle()
        for count in (1, 7, 8):
            measured = simulation.changed(count)
            self.assertGreater(measured.sent / measured.rounds, idle.sent / idle.rounds)
        self.assertLessEqual(abs(len(simulation.directory) - 20), 1)
        for edge in simulation.network.nodes.values():
            self.assertEqual(edge.login_seq, simulation.gossip.log.seq)

    def test_who_knows_nothing_is_told_everything(self) -> None:
        wings = list(entries(30, 2))
        simulation = Simulation(KEYS, [], most=4)
        edges = [whole_edge(machine(number), wings[number::2], most=4) for number in range(2)]
        for edge in edges:
            simulation.joins(edge, knows=False)
        simulation.start()
        self.assertEqual([len(edge.directory) for edge in edges], [30, 30])
        late = whole_edge(machine(2), most=4)
        simulation.joins(late, knows=False)
        measured = simulation.newcomer()
        self.assertEqual(len(late.directory), 30)
        self.assertGreaterEqual(measured.rounds, 8)

    def test_of_one_edge_alone(self) -> None:
        simulation = self.simulation(3, knows=True)
        simulation.network.watched = "nobody"
        self.assertEqual(simulation.start().edges.seconds, 0.0)


class SimulatedEdgeTests(TestCase):
    def test_its_answer_is_an_edges(self) -> None:
        edge = SimulatedEdge(3, KEYS, list(entries(4, 1)))
        node = trust("login", self.watch)
        token, jti = node.token(Audience.INTERNAL)
        snapshot = Snapshot(wings=list(entries(9, 2)), revoked=[], whole=True)
        asked = Round(machine="login", boot="b", seq=5, events=[], snapshot=snapshot)
        said = edge.answer(f"POST / HTTP/1.1\r\n{NODE_HEADER}: {token}".encode(), msgspec.json.encode(asked))
        head, _, body = said.partition(b"\r\n\r\n")
        self.assertIn(f"Content-Length: {len(body)}".encode(), head)
        answer = msgspec.json.decode(body, type=Answer)
        self.assertEqual((answer.boot, answer.login_seq, answer.whole), (edge_boot(3), 5, True))
        self.assertEqual(len(answer.snapshot or ()), 4)
        proof = next(
            line.split(": ")[1] for line in head.decode().split("\r\n") if line.startswith(NODE_HEADER)
        )
        self.assertEqual(node.check_answer(proof, jti).machine, machine(3))

    def setUp(self) -> None:
        import time

        class Now:
            seconds = staticmethod(time.time)

        self.watch = Now()

    def test_a_round_without_a_snapshot_is_what_it_was(self) -> None:
        asked = Round(machine="login", boot="b", seq=5, events=[])
        skimmed = msgspec.json.decode(msgspec.json.encode(asked), type=SkimmedRound)
        self.assertEqual(msgspec.json.encode(skimmed.whole()), msgspec.json.encode(asked))


class NginxTests(TestCase):
    def test_it_writes_into_its_folder_alone_and_listens_on_loopback(self) -> None:
        text = nginx.configuration(Path("/folder"), 1234, "127.0.0.1:99")
        self.assertIn("listen 127.0.0.1:1234;", text)
        self.assertIn("server 127.0.0.1:99;", text)
        for line in text.splitlines():
            if "_path " in line or "pid " in line or "error_log " in line:
                self.assertIn(" /folder/", line)

    def test_without_one_it_is_said_so(self) -> None:
        self.patch(nginx, "find", lambda: None)
        self.patch(nginx.os, "geteuid", lambda: 1000)
        with self.assertRaisesRegex(nginx.NoNginx, "apt-get install nginx"):
            nginx.found_or_installed()


class TableTests(TestCase):
    """Every column has its figure, whatever was measured."""

    def test_online(self) -> None:
        samples = online.Samples([0.001, 0.002], [0.01, 0.02], [0.1, 0.2])
        table = online.tabulate([("edge", "none", samples)], "here", 2)
        check(self, table)
        self.assertEqual(table.rows[0][2], "1.00")
        self.assertEqual(table.rows[0][-1], "100.0")

    def test_rounds(self) -> None:
        measured = Measured(rounds=10, sent=1000, received=2000)
        measured.login.add(0.01)
        cells = {(count, changes): [measured] for count in rounds.EDGES for changes in rounds.CHANGES}
        table = rounds.tabulate(cells, 0.0005, "here", 1)
        check(self, table)
        self.assertEqual(table.rows[0][:6], ["10", "none", "1,000", "2.00", "1.00", "10.0"])

    def test_login(self) -> None:
        run = (Pushed(2.0, 0.5, 1000, 0, 1 << 20, 0.01), Traffic(500_000, 600_000, 1000))
        cells = {(count, rate): [run, run] for count in login.EDGES for rate in login.CHANGES}
        table = login.tabulate(cells, "here", 2)
        check(self, table)
        self.assertEqual(table.rows[0][2:8], ["500", "25.0", "500", "1.00", "500", "600"])
        self.assertIn("25.0 % with 1,000", table.notes[0])

    def test_snapshots(self) -> None:
        measured = Measured(rounds=50, sent=35_000_000, received=1000)
        measured.login.add(0.2)
        measured.edges.add(0.3)
        run = (Pushed(9.0, 5.0, 600, 0, 300 << 20, 0.05), Traffic(350_000_000, 35_000_000, 600))
        table = snapshots.tabulate(
            {case: [measured] for case in snapshots.CASES}, [(10, 100_000, run)], "here", 1
        )
        check(self, table)
        self.assertEqual(table.rows[1][0], f"an edge starts, in parts of {MAX_ROUND_ENTRIES:,}")
        self.assertEqual(table.rows[-1][-2:], ["9.00", "300"])

    def test_replay(self) -> None:
        ways = (replay.STRAIGHT, replay.DIRECT, replay.OVER_EDGE, replay.OVER_LOGIN)
        samples = {
            name: replay.Samples([0.002 * number], [0.004 * number]) for number, name in enumerate(ways, 1)
        }
        table = replay.tabulate(samples, "here", 1)
        check(self, table)
        self.assertEqual(table.rows[2][1:5], ["6.00", "6.00", "+2.0", "1.50"])
        self.assertIn("adds 2.0 ms", table.notes[0])

    def test_proxy(self) -> None:
        names = [proxy.EDGE, proxy.NGINX, proxy.STRAIGHT]
        cells = {}
        for kind, connections in proxy.CASES:
            for name, rate, busy in zip(names, (100.0, 200.0, 400.0), (1.0, 0.5, 0.0), strict=True):
                cells[kind.name, connections, name] = proxy.Cell([rate], [0.01], [busy], [0.3], 1 << 20)
        table = proxy.tabulate(cells, "here", names, "", rounds=1, seconds=1.0)
        check(self, table)
        self.assertEqual(table.rows[1][3:7], ["200", "", "0", "0.50"])
        self.assertIn("0.50 to 0.50 of the requests; 0.25 to 0.25", table.notes[0])
        alone = proxy.tabulate(
            cells, "here", [proxy.EDGE, proxy.STRAIGHT], "NOT COMPARED", rounds=1, seconds=1.0
        )
        self.assertEqual(alone.notes[0], "NOT COMPARED")
