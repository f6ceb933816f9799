"""An edge as far as gossip reaches into it: its directory, and the relay that hears of every change."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

from bench.fleet.wings import LOGIN, SINCE, NoNews
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.membership import Membership
from wingthing.relay.router import Router
from wingthing.wire.gossip import WingUp
from wingthing.wire.limits import MAX_ROUND_ENTRIES


def whole_edge(name: str, own: Iterable[WingUp] = (), most: int = MAX_ROUND_ENTRIES) -> EdgeGossip:
    """An edge whose own wings are `own`, and which keeps the directory."""
    directory = EdgeDirectory(name)
    gossip = EdgeGossip(directory, "nrt", "boot", NoNews(), usage=tuple, counts=lambda: (10, 5), most=most)
    Membership(name, directory, gossip, _router(), lambda: SINCE)
    for entry in own:
        gossip.local_up(entry.record, SINCE)
    return gossip


def with_relay(gossip: LoginGossip) -> None:
    """Login's relay hears of every change, too."""
    Membership(LOGIN, gossip.directory, gossip, _router(), lambda: SINCE)


def _router() -> Router:
    return Router(
        relay_pub_key="",
        new_session_id=lambda: secrets.token_hex(4),
        new_connection_id=lambda: str(uuid.uuid4()),
    )
