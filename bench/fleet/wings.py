"""Made-up wings and nodes: as many and as long as real ones, so that bytes and microseconds are those of a
real directory."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Iterable, Iterator

from wingthing.cluster.directory import EdgeDirectory
from wingthing.wire.gossip import Attention, OrgChanged, Revoked, WingUp
from wingthing.wire.records import WingRecord

LOGIN = "683d314fdd4d68"
WINGS_PER_USER = 2
SINCE = 1_800_000_000.0


def machine(number: int) -> str:
    """The id of an edge, as long as Fly's."""
    return f"{0x10000000000000 + number:014x}"


def entries(count: int, machines: int, seed: int = 1) -> Iterator[WingUp]:
    """`count` connected wings, spread over edges 0 to `machines` - 1. Equal seeds give equal wings."""
    chance = random.Random(seed)
    user = ""
    for number in range(count):
        if number % WINGS_PER_USER == 0:
            user = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        record = WingRecord(
            wing_id=f"{chance.getrandbits(96):024x}",
            connection_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            user_id=user,
            owner="Some Body",
            public_key=base64.b64encode(chance.randbytes(32)).decode(),
            allowed_count=3,
        )
        yield WingUp(record=record, machine=machine(number % machines), version=1, since=SINCE)


class NoNews:
    """Implements News, and does nothing with it."""

    def attention(self, event: Attention) -> None:
        pass

    def revoked(self, events: Iterable[Revoked]) -> None:
        pass

    def orgs_changed(self, event: OrgChanged) -> None:
        pass


class Forgetful(EdgeDirectory):
    """Of an edge that keeps nothing of what login says: a thousand whole directories have no room here."""

    def remote_up(self, entry: WingUp) -> None:
        pass

    def remote_down(self, wing_id: str, connection_id: str) -> None:
        pass
