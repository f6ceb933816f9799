"""What the log of a fleet says of its nodes and wings: each event once, however long it lasts."""

from __future__ import annotations

import msgspec
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from tests.cluster.case import Fleet, record, up
from wingthing.cluster.client import Reply
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.membership import Membership
from wingthing.cluster.pusher import GossipPusher
from wingthing.errors import TemporarilyUnavailable
from wingthing.relay.calls import Call
from wingthing.testing import new_router
from wingthing.wire.gossip import Round

EDGE = "edge-a"


class LogCase(TestCase):
    def setUp(self) -> None:
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def said(self) -> list[str]:
        """What has been logged since the last call."""
        events, self.events[:] = list(self.events), []
        shown = [event for event in events if event["log_level"].name != "debug"]
        # These two are the node's own, on each line of JSON.
        self.assertEqual([event for event in shown if {"machine", "region"} & event.keys()], [])
        return [formatEvent(event) for event in shown]


class EdgesTests(LogCase):
    """Login's log, on its edges."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.fleet = Fleet()
        self.clock.advance(self.fleet.watch.now)
        self.fleet.start_edge(EDGE)
        self.there: list[Found] | None = [Found(EDGE, "nrt", "fdaa::1")]
        self.answering = True
        self.pusher = GossipPusher(
            self.clock,
            self.fleet.login,
            self,
            self,
            lambda machine, answer: None,
        )
        self.pusher.startService()

    async def edges(self, own_machine: str) -> list[Found]:
        if self.there is None:
            raise TemporarilyUnavailable("DNS is silent")
        return self.there

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        if not self.answering:
            raise TemporarilyUnavailable("no answer")
        assert isinstance(body, bytes)
        asked = msgspec.json.decode(body, type=Round)
        answer = self.fleet.edges[EDGE].receive(asked, self.clock.seconds())
        return Reply(EDGE, 200, msgspec.json.encode(answer), "")

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)

    def test_one_comes_and_is_heard(self) -> None:
        self.wait(60)
        self.assertEqual(self.said(), [f"edge {EDGE} in nrt is there", f"edge {EDGE} answers"])

    def test_one_is_suspect_away_and_back(self) -> None:
        self.wait(10)
        self.said()
        self.answering = False
        self.wait(60)
        self.assertEqual(
            self.said(), [f"edge {EDGE} is suspect: no answer", f"edge {EDGE} is away: its wings are offline"]
        )
        self.answering = True
        self.wait(60)
        self.assertEqual(self.said(), [f"edge {EDGE} answers"])

    def test_one_that_fails_twice_is_not_worth_a_line(self) -> None:
        self.wait(10)
        self.said()
        self.answering = False
        self.wait(4)
        self.answering = True
        self.wait(60)
        self.assertEqual(self.said(), [])

    def test_one_starts_anew(self) -> None:
        self.wait(10)
        self.said()
        self.fleet.start_edge(EDGE)
        self.wait(60)
        self.assertEqual(self.said(), [f"edge {EDGE} has started anew"])

    def test_one_goes(self) -> None:
        self.wait(10)
        self.said()
        self.there, self.answering = [], False
        self.wait(60)
        self.assertEqual(self.said()[-1], f"edge {EDGE} is gone")

    def test_dns_is_silent_and_back(self) -> None:
        self.wait(10)
        self.said()
        self.there = None
        self.wait(60)
        self.assertEqual(self.said(), ["edges are not found: DNS is silent"])
        self.there = [Found(EDGE, "nrt", "fdaa::1")]
        self.wait(60)
        self.assertEqual(self.said(), ["edges are looked for again"])


class Silent:
    """A gossip that tells nobody."""

    def local_up(self, record: object, now: float) -> None: ...

    def local_down(self, wing_id: str, connection_id: str) -> None: ...

    def attention(self, wing_id: str, call: Call) -> None: ...


class WingsTests(LogCase):
    """A node's log, on wings that move."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = EdgeDirectory(EDGE)
        Membership(EDGE, self.directory, Silent(), new_router(), lambda: 0.0)

    def test_one_that_moves_here(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.said(), [])
        self.directory.local_up(record("c2"), 1.0)
        (line,) = self.said()
        self.assertRegex(line, r"^wing \w+ has moved here from edge-b$")
        self.directory.local_up(record("c2", locked=True), 2.0)
        self.assertEqual(self.said(), [])

    def test_others_are_the_business_of_other_nodes(self) -> None:
        self.directory.local_up(record("c1"), 1.0)
        self.directory.remote_up(up("c2", "edge-b", version=2))
        self.directory.remote_up(up("c3", "edge-c", version=3))
        self.directory.remote_down(up().record.wing_id, "c3")
        self.assertEqual([line for line in self.said() if "edge-b" in line], [])
