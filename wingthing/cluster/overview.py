"""The fleet as login sees it, for people: which nodes there are, where, how they are, and what they have."""

from __future__ import annotations

import enum

import attrs
import msgspec

from wingthing.cluster.gossip_login import LoginGossip, Peer
from wingthing.cluster.pusher import GossipPusher
from wingthing.regions import REGIONS
from wingthing.relay.router import Router


class State(enum.StrEnum):
    """How a node is."""

    THIS = "this"
    """The one that answers: login."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    """It has missed several rounds in a row; its wings still count."""

    AWAY = "away"
    """It is silent, or has not answered yet: none of its wings counts."""


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One node. None stands for what is not known."""

    machine: str
    region: str
    city: str
    """Empty for a region that is not in the table."""

    role: str
    state: State
    wings: int
    browsers: int
    sessions: int
    gossip_age: float | None
    """Seconds since it was last heard; None of login itself."""

    round_seconds: float | None
    """How long its last answer took."""

    uptime: float | None
    version: str
    boot: str


class DirectoryStatus(msgspec.Struct, frozen=True):
    """What login knows of wings; `whole` when no wing that is online can be missing."""

    wings: int
    whole: bool


class Totals(msgspec.Struct, frozen=True):
    """Of all nodes. `nodes` are those that are not away; a wing counts once, however many nodes it is on."""

    nodes: int
    wings: int
    browsers: int
    sessions: int


class FleetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fleet: login first, then the edges by region."""

    now: float
    app: str
    directory: DirectoryStatus
    totals: Totals
    nodes: list[NodeStatus]


@attrs.frozen
class Overview:
    """Puts the picture together from where its parts are. `region` and `started` are login's own."""

    app: str
    region: str
    version: str
    started: float
    gossip: LoginGossip
    pusher: GossipPusher
    router: Router

    def at(self, now: float) -> FleetStatus:
        """The fleet at this moment."""
        peers = sorted(self.gossip.peers.values(), key=lambda peer: (peer.region, peer.machine))
        nodes = [self._login(now), *(self._edge(peer, now) for peer in peers)]
        there = [node for node in nodes if node.state is not State.AWAY]
        wings = len(self.gossip.directory)
        return FleetStatus(
            now=now,
            app=self.app,
            directory=DirectoryStatus(wings, self.gossip.whole(now)),
            totals=Totals(
                nodes=len(there),
                wings=wings,
                browsers=sum(node.browsers for node in there),
                sessions=sum(node.sessions for node in there),
            ),
            nodes=nodes,
        )

    def _login(self, now: float) -> NodeStatus:
        gossip, router = self.gossip, self.router
        return NodeStatus(
            machine=gossip.machine,
            region=self.region,
            city=city(self.region),
            role="login",
            state=State.THIS,
            wings=gossip.directory.machine_wings(gossip.machine),
            browsers=router.browser_count,
            sessions=router.terminal_count,
            gossip_age=None,
            round_seconds=None,
            uptime=now - self.started,
            version=self.version,
            boot=gossip.boot,
        )

    def _edge(self, peer: Peer, now: float) -> NodeStatus:
        state = State.AWAY
        if peer.alive:
            state = State.SUSPECT if peer.suspect else State.ALIVE
        return NodeStatus(
            machine=peer.machine,
            region=peer.region,
            city=city(peer.region),
            role="edge",
            state=state,
            wings=self.gossip.directory.machine_wings(peer.machine),
            browsers=peer.browsers if peer.alive else 0,
            sessions=peer.sessions if peer.alive else 0,
            gossip_age=now - peer.heard_at,
            round_seconds=self.pusher.round_seconds(peer.machine) if peer.alive else None,
            uptime=now - peer.started_at if peer.alive and peer.started_at is not None else None,
            version=peer.version,
            boot=peer.boot,
        )


def city(region: str) -> str:
    """The city of a region; empty for one that is not in the table."""
    known = REGIONS.get(region)
    return known.city if known is not None else ""
