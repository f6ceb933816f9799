"""Login's GossipPusher and its edges in one process: no sockets, and a clock that is turned by hand.

What login does is timed apart from what the edges do, by the processor time of the thread. HTTP is not part
of it (`bench.fleet.login` has that), but the tokens of each request and answer are.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator

import attrs
import msgspec

from bench.fleet.clock import HeapClock
from bench.fleet.wings import LOGIN, SINCE, Forgetful, NoNews
from wingthing.cluster.client import Reply
from wingthing.cluster.directory import LoginDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.pusher import GossipPusher
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.node_tokens import Audience
from wingthing.wire.gossip import Round, WingUp
from wingthing.wire.limits import GOSSIP_SECONDS, MAX_ROUND_ENTRIES

LOGIN_BOOT = "login-boot"
STEP_SECONDS = 0.0625
MOST_STEPS = 10_000


@attrs.define
class Cost:
    """What something has cost one side."""

    seconds: float = 0.0
    longest: float = 0.0
    """The longest time without a pause, in which its reactor would have done nothing else."""

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


@attrs.define
class Measured:
    """A stretch of gossip."""

    login: Cost = attrs.field(factory=Cost)
    edges: Cost = attrs.field(factory=Cost)
    rounds: int = 0
    sent: int = 0
    """Bytes of JSON from login to edges."""

    received: int = 0


class Changes:
    """Wings that go and come back, so that the directory stays as large as it is."""

    def __init__(self, directory: LoginDirectory, wings: list[WingUp]) -> None:
        self._directory = directory
        self._turn: Iterator[WingUp] = itertools.cycle(wings)
        self._gone: list[WingUp] = []

    def make(self, count: int) -> None:
        """That many changes of the directory."""
        for _ in range(count):
            if self._gone:
                self._directory.up(self._gone.pop())
            else:
                wing = next(self._turn)
                self._directory.down(wing.machine, wing.record.wing_id, wing.record.connection_id)
                self._gone.append(wing)


@attrs.define
class Network:
    """Implements FindsEdges and Asks: brings login's rounds to the edges at once."""

    keys: KeyRing
    trust: Trust
    watched: str = ""
    """The edge whose time is taken; of all of them when empty."""

    measured: Measured = attrs.field(factory=Measured)
    nodes: dict[str, EdgeGossip] = attrs.field(factory=dict)
    _trusts: dict[str, Trust] = attrs.field(factory=dict)
    _resumed: float = 0.0

    def join(self, edge: EdgeGossip) -> None:
        """An edge is there."""
        name = edge.directory.machine
        self.nodes[name] = edge
        self._trusts[name] = Trust(self.keys, name, lambda: SINCE, names())

    async def edges(self, own_machine: str) -> list[Found]:
        return [Found(name, "nrt", name) for name in self.nodes]

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        assert isinstance(body, bytes)
        name = address[0]
        token, jti = self.trust.token(Audience.INTERNAL)
        self.pause()
        began = time.thread_time()
        claims = self._trusts[name].check_once(token)
        proof, _jti = self._trusts[name].token(Audience.ANSWER, nonce=claims.jti)
        asked = msgspec.json.decode(body, type=Round)
        answer = msgspec.json.encode(self.nodes[name].receive(asked, SINCE))
        del asked
        if self.watched in ("", name):
            self.measured.edges.add(time.thread_time() - began)
        self.measured.rounds += 1
        self.measured.sent += len(body)
        self.measured.received += len(answer)
        self.resume()
        machine_ = self.trust.check_answer(proof, jti).machine
        return Reply(machine_, 200, answer, "")

    def resume(self) -> None:
        """It is login's turn."""
        self._resumed = time.thread_time()

    def pause(self) -> None:
        """It is not any more."""
        self.measured.login.add(time.thread_time() - self._resumed)


class Simulation:
    """A login with a directory, and edges, which join before the start. A round has at most `most`
    entries."""

    def __init__(self, keys: KeyRing, wings: list[WingUp], most: int = MAX_ROUND_ENTRIES) -> None:
        self._clock = HeapClock(SINCE)
        self.directory = LoginDirectory()
        for entry in wings:
            self.directory.up(entry)
        self.gossip = LoginGossip(LOGIN, LOGIN_BOOT, self.directory, NoNews(), list, SINCE, most)
        self.changes = Changes(self.directory, wings)
        self.network = Network(keys, Trust(keys, LOGIN, lambda: SINCE, names()))
        self.pusher = GossipPusher(
            self._clock, self.gossip, self.network, self.network, lambda _machine, _answer: None
        )

    def joins(self, edge: EdgeGossip, *, knows: bool) -> None:
        """An edge is there; when it `knows`, it has had all that login has to say, and has said all."""
        self.network.join(edge)
        if not knows:
            return
        name, seq = edge.directory.machine, self.gossip.log.seq
        edge.login_boot, edge.login_seq, edge.whole = LOGIN_BOOT, seq, True
        self.gossip.found(dict.fromkeys([*self.gossip.peers, name], "nrt"), SINCE)
        peer = self.gossip.peers[name]
        peer.boot, peer.login_seq, peer.whole, peer.has_answered = edge.boot, seq, True, True

    def start(self) -> Measured:
        """Login looks for its edges and goes on until every edge has acknowledged everything."""
        self.network.measured = Measured()
        self.network.resume()
        self.gossip.whole(SINCE)
        self.pusher.startService()
        self.network.pause()
        return self._settle()

    def newcomer(self) -> Measured:
        """The edge that has joined last says hello, and is told everything; the others' rounds count, too."""
        self.network.measured = Measured()
        self.network.resume()
        self.pusher.hello(next(reversed(self.network.nodes)))
        self.network.pause()
        return self._settle()

    def idle(self) -> Measured:
        """As long as it takes until login has asked everybody once."""
        self.network.measured = Measured()
        self._advance(GOSSIP_SECONDS)
        return self.network.measured

    def changed(self, count: int) -> Measured:
        """Some changes at once, until every edge has acknowledged them."""
        self.network.measured = Measured()
        self.network.resume()
        self.changes.make(count)
        self.network.pause()
        return self._settle()

    def _settle(self) -> Measured:
        for _ in range(MOST_STEPS):
            self._advance(STEP_SECONDS)
            if all(peer.whole for peer in self.gossip.peers.values()) and not any(
                self.gossip.has_news_for(name) for name in self.gossip.peers
            ):
                return self.network.measured
        raise TimeoutError("gossip does not come to an end")

    def _advance(self, seconds: float) -> None:
        self.network.resume()
        self._clock.advance(seconds)
        self.network.pause()


def forgetful(name: str, own: Iterable[WingUp] = (), most: int = MAX_ROUND_ENTRIES) -> EdgeGossip:
    """An edge that keeps nothing of what login says."""
    gossip = EdgeGossip(
        Forgetful(name), "nrt", "boot", NoNews(), usage=tuple, counts=lambda: (10, 5), most=most
    )
    for entry in own:
        gossip.local_up(entry.record, SINCE)
    return gossip


def names() -> Callable[[], str]:
    """Gives names of tokens, as long as real ones."""
    count = itertools.count()
    return lambda: f"{next(count):024x}"
