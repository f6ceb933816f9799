"""`/status` on login: the whole fleet, as a page for people and as JSON for programs, to who is logged in."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from klein import Klein
from twisted.web.http import Request

from wingthing.cluster.overview import FleetStatus, NodeStatus, State
from wingthing.relay.credentials import cookie_of
from wingthing.relay.peers import Identity
from wingthing.web import world
from wingthing.web.answers import json, map_errors, page

SEGMENTS: Final = ("status", "status.json")

STATE_WORDS: Final = {
    State.THIS: "this node",
    State.ALIVE: "alive",
    State.SUSPECT: "suspect",
    State.AWAY: "away",
}
"""State -> what stands in the table; static/status.js has the same."""

WORST_FIRST: Final = (State.AWAY, State.SUSPECT, State.THIS, State.ALIVE)
"""Of several nodes in one region, the mark on the map shows the first of these."""

UNKNOWN: Final = "\u2013"
"""Where there is no number."""


class Viewers(Protocol):
    """What is needed of the Authenticator."""

    async def viewer(self, *, cookie: str | None, token: str | None) -> Identity: ...


class StatusPages:
    """Klein app of `/status` and `/status.json`. `look()` is the fleet at this moment."""

    app = Klein()
    map_errors(app)

    def __init__(self, viewers: Viewers, look: Callable[[], FleetStatus]) -> None:
        self._viewers = viewers
        self._look = look

    @app.route("/status", methods=["GET"])
    async def status(self, request: Request) -> bytes:
        """The page. It says everything without JavaScript; with it, it says it anew every two seconds."""
        await self._logged_in(request)
        fleet = self._look()
        when = datetime.datetime.fromtimestamp(fleet.now, datetime.UTC)
        return page(
            request,
            "status.html",
            title="The fleet",
            fleet=fleet,
            when=when.strftime("%H:%M:%S UTC"),
            texts=texts,
            blank=dict.fromkeys(FIELDS, ""),
            regions=regions(fleet),
            arcs=arcs(fleet),
            world=world,
        )

    @app.route("/status.json", methods=["GET"])
    async def status_json(self, request: Request) -> bytes:
        """The same for programs."""
        await self._logged_in(request)
        return json(request, self._look())

    async def _logged_in(self, request: Request) -> None:
        await self._viewers.viewer(cookie=cookie_of(request), token=None)


FIELDS: Final = (
    "machine",
    "region",
    "city",
    "role",
    "state",
    "wings",
    "browsers",
    "sessions",
    "gossip_age",
    "round_seconds",
    "uptime",
    "version",
)
"""Of a node, in the table."""


def texts(node: NodeStatus) -> Mapping[str, str]:
    """A node's row. static/status.js writes the same."""
    return {
        "machine": node.machine,
        "region": node.region,
        "city": node.city,
        "role": node.role,
        "state": STATE_WORDS[node.state],
        "wings": str(node.wings),
        "browsers": str(node.browsers),
        "sessions": str(node.sessions),
        "gossip_age": f"{duration(node.gossip_age)} ago" if node.gossip_age is not None else UNKNOWN,
        "round_seconds": milliseconds(node.round_seconds),
        "uptime": duration(node.uptime),
        "version": node.version or UNKNOWN,
    }


def regions(fleet: FleetStatus) -> dict[str, tuple[State, int, int]]:
    """Region -> how it is, how many nodes and how many wings it has; for the map."""
    found: dict[str, list[NodeStatus]] = {}
    for node in fleet.nodes:
        found.setdefault(node.region, []).append(node)
    return {
        code: (
            next(state for state in WORST_FIRST if any(node.state is state for node in nodes)),
            len(nodes),
            sum(node.wings for node in nodes),
        )
        for code, nodes in found.items()
    }


def arcs(fleet: FleetStatus) -> dict[str, str]:
    """Region -> the line to it from login's; empty when login is nowhere on the map."""
    home = next((node.region for node in fleet.nodes if node.state is State.THIS), "")
    start = world.BY_CODE.get(home)
    if start is None:
        return {}
    return {mark.code: world.arc(start, mark) for mark in world.MARKS if mark is not start}


def duration(seconds: float | None) -> str:
    """A time in one unit, as exact as is of use."""
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    for most, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < most:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400)} d"


def milliseconds(seconds: float | None) -> str:
    """The time of a round."""
    return UNKNOWN if seconds is None else f"{seconds * 1000:.0f} ms"
