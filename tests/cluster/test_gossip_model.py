"""Gossip against a model: after any schedule of crashes, delays and moves, once the network has been quiet
for two rounds, or for as many as its snapshots have parts, every node's directory equals the truth."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.trial.unittest import TestCase

from wingthing.cluster.directory import EdgeDirectory, LoginDirectory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.log import EventLog
from wingthing.wire.gossip import Answer, Attention, OrgChanged, Revoked, RevokedKind, Round, WingUp
from wingthing.wire.limits import EDGE_DEAD_SECONDS
from wingthing.wire.records import OrgRecord, WingRecord

LOGIN = "login"
EDGES = ("edge-a", "edge-b", "edge-c")
NODES = (LOGIN, *EDGES)
WINGS = ("wing-1", "wing-2", "wing-3")

nodes = st.sampled_from(NODES)
edges = st.sampled_from(EDGES)
wings = st.sampled_from(WINGS)
users = st.sampled_from(["ann", "ann", "eve"])


class Revocations:
    """News of a node: what it knows to be revoked, and who it knows to be in which organisation."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()
        self.orgs: dict[str, OrgRecord] = {}

    def attention(self, event: Attention) -> None:
        pass

    def revoked(self, events: Iterable[Revoked]) -> None:
        self.subjects.update(event.subject for event in events)

    def orgs_changed(self, event: OrgChanged) -> None:
        self.orgs.pop(event.org_id, None)
        if event.org is not None:
            self.orgs[event.org_id] = event.org


@attrs.define
class Connection:
    """A wing's connection: the truth is the set of those that are open."""

    wing_id: str
    connection_id: str
    node: str
    made: int
    """When, counted in connections of the whole world."""

    knew: frozenset[str]
    """The connections of this wing that its node knew to be current when it was made."""

    user: str
    locked: bool = False

    def record(self) -> WingRecord:
        return WingRecord(
            wing_id=self.wing_id, connection_id=self.connection_id, user_id=self.user, locked=self.locked
        )


@attrs.define
class Edge:
    gossip: EdgeGossip
    news: Revocations


class World(RuleBasedStateMachine):
    """A login, three edges, three wings, and a network that loses, delays, repeats and reorders."""

    most = 100
    """Events, or wings, in one round."""

    rounds = 2
    """Without a loss, until everybody knows everything."""

    all_wings = WINGS

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.skew = dict.fromkeys(NODES, 0.0)
        self.boots = 0
        self.made = 0
        self.open: list[Connection] = []
        self.edges: dict[str, Edge] = {}
        self.revoked: list[Revoked] = []
        self.orgs: dict[str, OrgRecord] = {}
        """As login's database has them."""

        self.login: LoginGossip | None = None
        self.asked_late: list[tuple[str, Round]] = []
        self.answered_late: list[tuple[LoginGossip, Round, Answer]] = []

    @initialize(skews=st.lists(st.floats(-20, 20), min_size=4, max_size=4))
    def begin(self, skews: list[float]) -> None:
        self.skew = dict(zip(NODES, skews, strict=True))
        self.start_login()
        for edge in EDGES:
            self.start_edge(edge)

    # -- programs start and end ----------------------------------------------------------------------------

    def clock(self, node: str) -> float:
        return self.now + self.skew[node]

    def start_login(self) -> None:
        self.boots += 1
        self.login = LoginGossip(
            LOGIN, f"login-{self.boots}", LoginDirectory(), Revocations(),
            lambda: list(self.revoked), self.clock(LOGIN), self.most,
        )  # fmt: skip
        self.login.found(dict.fromkeys(EDGES, ""), self.clock(LOGIN))

    def start_edge(self, edge: str) -> None:
        self.boots += 1
        news = Revocations()
        gossip = EdgeGossip(
            EdgeDirectory(edge),
            "xyz",
            f"{edge}-{self.boots}",
            news,
            lambda: (),
            lambda: (0, 0),
            most=self.most,
        )
        # It asks login for all of them; the answer is tested with the cache that takes it.
        gossip.caught_up = lambda: setattr(news, "orgs", dict(self.orgs))
        self.edges[edge] = Edge(gossip, news)

    def gossip(self, node: str) -> LoginGossip | EdgeGossip | None:
        if node == LOGIN:
            return self.login
        edge = self.edges.get(node)
        return edge.gossip if edge is not None else None

    @rule()
    @precondition(lambda self: self.login is not None)
    def login_crashes(self) -> None:
        self.login = None
        self.open = [connection for connection in self.open if connection.node != LOGIN]

    @rule()
    @precondition(lambda self: self.login is None)
    def login_starts(self) -> None:
        self.start_login()

    @rule(edge=edges, again=st.booleans())
    def edge_crashes(self, edge: str, again: bool) -> None:
        self.edges.pop(edge, None)
        self.open = [connection for connection in self.open if connection.node != edge]
        if again:
            self.start_edge(edge)

    @rule(edge=edges)
    def edge_starts(self, edge: str) -> None:
        if edge not in self.edges:
            self.start_edge(edge)

    # -- wings come, change and go -------------------------------------------------------------------------

    @rule(wing=wings, node=nodes, user=users)
    def connect(self, wing: str, node: str, user: str) -> None:
        gossip = self.gossip(node)
        if gossip is None:
            return
        known = gossip.directory.current(wing)
        here = [c.user for c in self.open if (c.wing_id, c.node) == (wing, node)]
        if (known is not None and known.record.user_id != user) or (here and here != [user]):
            # The node does not admit it. Two owners of one name must not know of each other.
            return
        self.open = [c for c in self.open if (c.wing_id, c.node) != (wing, node)]
        self.made += 1
        connection = Connection(
            wing, f"connection-{self.made}", node, self.made,
            frozenset({known.record.connection_id} if known else ()), user,
        )  # fmt: skip
        self.open.append(connection)
        gossip.local_up(connection.record(), self.clock(node))

    @rule(pick=st.integers(0, 20))
    def disconnect(self, pick: int) -> None:
        if self.open:
            gone = self.open.pop(pick % len(self.open))
            gossip = self.gossip(gone.node)
            assert gossip is not None
            gossip.local_down(gone.wing_id, gone.connection_id)

    @rule(pick=st.integers(0, 20))
    def lock(self, pick: int) -> None:
        if self.open:
            changed = self.open[pick % len(self.open)]
            changed.locked = not changed.locked
            gossip = self.gossip(changed.node)
            assert gossip is not None
            gossip.local_up(changed.record(), self.clock(changed.node))

    @rule(wing=wings, number=st.integers(0, 50))
    def end_of_another_connection(self, wing: str, number: int) -> None:
        """The late end of a connection that is not there any more changes nothing."""
        connection_id = f"connection-{number}"
        if connection_id not in {connection.connection_id for connection in self.open}:
            for node in NODES:
                gossip = self.gossip(node)
                if gossip is not None:
                    gossip.local_down(wing, connection_id)

    @rule()
    def revoke(self) -> None:
        event = Revoked(
            kind=RevokedKind.TOKEN, subject=f"token-{len(self.revoked)}", at=self.now, until=self.now + 1e9
        )
        self.revoked.append(event)
        if self.login is not None:
            self.login.say(event)

    @rule(org_id=st.sampled_from(["org_1", "org_2"]), user=users, there=st.booleans())
    def org_changes(self, org_id: str, user: str, there: bool) -> None:
        """Also while login is away: the operator's commands change the database, too."""
        self.orgs.pop(org_id, None)
        if there:
            self.orgs[org_id] = OrgRecord(id=org_id, slug=org_id, members={user: "owner"})
        if self.login is not None:
            self.login.say(OrgChanged(user_ids=[user], org_id=org_id, org=self.orgs.get(org_id)))

    # -- rounds and their fates ----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 2.0, 9.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.login is not None:
            self.login.tick(self.clock(LOGIN))

    @rule(edge=edges, fate=st.sampled_from(["good", "lost", "answer lost", "twice", "late", "answer late"]))
    def a_round(self, edge: str, fate: str) -> None:
        if self.login is None:
            return
        asked = self.login.next_round(edge, self.clock(LOGIN))
        if fate == "late":
            self.asked_late.append((edge, asked))
        if edge not in self.edges or fate in ("lost", "late"):
            self.login.missed(edge)
            return
        answer = self.deliver(edge, asked)
        if fate == "twice":
            answer = self.deliver(edge, asked)
        if fate == "answer late":
            self.answered_late.append((self.login, asked, answer))
        elif fate != "answer lost":
            self.login.answered(asked, answer, self.clock(LOGIN))

    def deliver(self, edge: str, asked: Round) -> Answer:
        return self.edges[edge].gossip.receive(asked, self.clock(edge))

    @rule(pick=st.integers(0, 20))
    def a_late_round_comes(self, pick: int) -> None:
        if self.asked_late:
            edge, asked = self.asked_late.pop(pick % len(self.asked_late))
            if edge in self.edges:
                self.deliver(edge, asked)

    @rule(pick=st.integers(0, 20))
    def a_late_answer_comes(self, pick: int) -> None:
        if self.answered_late:
            login, asked, answer = self.answered_late.pop(pick % len(self.answered_late))
            if login is self.login:
                login.answered(asked, answer, self.clock(LOGIN))

    # -- the end -------------------------------------------------------------------------------------------

    @rule()
    def quiet(self) -> None:
        """Rounds in which nothing is lost; who is dead has been so for long enough."""
        if self.login is None:
            self.start_login()
        self.now += EDGE_DEAD_SECONDS
        self.login.tick(self.clock(LOGIN))
        for _ in range(self.rounds):
            rounds = {edge: self.login.next_round(edge, self.clock(LOGIN)) for edge in self.edges}
            answers = {edge: self.deliver(edge, asked) for edge, asked in rounds.items()}
            for edge, answer in answers.items():
                assert self.login.answered(rounds[edge], answer, self.clock(LOGIN))
        self.check()

    def check(self) -> None:
        assert self.login is not None
        directories = [self.login.directory, *(edge.gossip.directory for edge in self.edges.values())]
        for wing in self.all_wings:
            there = {c.connection_id: c for c in self.open if c.wing_id == wing}
            found = [place(directory.current(wing)) for directory in directories]
            assert len(set(found)) == 1, f"{wing}: the nodes do not agree: {found}"
            if not there:
                assert found[0] is None, f"{wing} is nowhere, and {found[0]} is said"
                continue
            assert found[0] is not None, f"{wing} is at {there}, and nobody knows"
            chosen = there.get(found[0][1])
            assert chosen is not None, f"{wing}: {found[0]} has ended, {there} are open"
            assert found[0] == (chosen.node, chosen.connection_id, chosen.locked)
            for other in there.values():
                assert chosen.connection_id not in other.knew, f"{wing} has moved from {chosen} to {other}"
        for edge in self.edges:
            assert not self.login.is_midway(edge), f"{edge} and login are not done with each other"
        known = {event.subject for event in self.revoked}
        for name, edge in self.edges.items():
            assert known <= edge.news.subjects, f"{name} takes revoked tokens"
            assert edge.news.orgs == self.orgs, f"{name} lets in who has been removed"

    def teardown(self) -> None:
        self.quiet()


def shorten(log: EventLog) -> None:
    log._events = EventLog(12)._events


def place(entry: WingUp | None) -> tuple[str, str, bool] | None:
    if entry is None:
        return None
    return entry.machine, entry.record.connection_id, entry.record.locked


class InParts(World):
    """Where a round has room for two events or wings, and a log for twelve events: a snapshot has several
    parts, and who is behind is soon too far behind."""

    most = 2
    rounds = 30
    all_wings = (*WINGS, "wing-4", "wing-5", "wing-6", "wing-7")

    def start_login(self) -> None:
        super().start_login()
        assert self.login is not None
        shorten(self.login.log)

    def start_edge(self, edge: str) -> None:
        super().start_edge(edge)
        shorten(self.edges[edge].gossip.log)

    @rule(node=nodes)
    def all_connect(self, node: str) -> None:
        """So many that they are several parts of a snapshot."""
        for wing in self.all_wings:
            self.connect(wing, node, "ann")

    @rule(edge=edges, count=st.integers(1, 5))
    def some_rounds(self, edge: str, count: int) -> None:
        """Some of a snapshot comes through, and what happens next happens in the middle of it."""
        for _ in range(count):
            self.a_round(edge, "good")

    @rule()
    def everybody_hears(self) -> None:
        """So that login knows of every edge, and snapshots are whole."""
        for edge in EDGES:
            self.some_rounds(edge, 5)


class GossipModelTests(TestCase):
    def test_quiet_for_two_rounds_is_enough(self) -> None:
        self.play(World)

    def test_snapshots_in_parts(self) -> None:
        self.play(InParts)

    def play(self, world: type[World]) -> None:
        from hypothesis.stateful import run_state_machine_as_test

        run_state_machine_as_test(
            world,
            settings=settings(
                max_examples=300,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
