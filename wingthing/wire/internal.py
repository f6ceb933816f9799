"""What an edge asks of login under `/internal/`, and the answers. Node tokens only; wire/gossip.py has the
rounds."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from wingthing.wire.gossip import WingUp
from wingthing.wire.records import OrgRecord

GOSSIP_PATH: Final = "/internal/gossip"
"""POST, login -> edge: Round -> Answer."""

HELLO_PATH: Final = "/internal/hello"
"""POST, edge -> login: "I am here", and "I have news": login begins a round at once."""

SESSION_PATH: Final = "/internal/session"
"""POST, edge -> login: SessionQuestion -> Session, or 404."""

WING_PATH: Final = "/internal/wing"
"""POST, edge -> login: WingQuestion -> WingPlace."""

ENTITLEMENTS_PATH: Final = "/internal/entitlements"
"""GET, edge -> login: Entitlements, with an ETag."""

NODE_HEADER: Final = "wingthing-node"
"""Carries a node's token: in a request its own, in the answer one made for that request."""

EDGE_HEADER: Final = "wingthing-edge"
"""Carries the token of the edge through which a browser's request came."""


class Tier(enum.StrEnum):
    """What a user has."""

    FREE = "free"
    PRO = "pro"


class Entitlement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user as an edge knows them."""

    user_id: str
    tier: Tier
    """By a plan of their own, or by a seat of an organisation."""

    used_bytes: int = 0
    """What login has written down for this month, rounded down to a CAP_STEPS-th of the cap; 0 below half of
    it, and for whoever has no cap."""

    display_name: str = ""
    email: str = ""
    provider: str = ""
    avatar_url: str = ""
    passkeys: tuple[str, ...] = ()
    """Base64 of raw public keys, for who comes with a token."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for all users of a fleet: the cap of the free plan in bytes a month, and the rate in bits
    per second; None without."""

    cap_bytes: int | None = None
    rate_bits: int | None = None


NO_LIMITS: Final = Terms()


class Entitlements(msgspec.Struct, frozen=True, omit_defaults=True):
    """All users of the fleet, and its organisations."""

    users: list[Entitlement]
    orgs: list[OrgRecord] | None = None
    """None from a login that knows of none."""

    terms: Terms = NO_LIMITS
    month: str = ""
    """Of `used_bytes`: YYYY-MM (UTC)."""


class SessionQuestion(msgspec.Struct, frozen=True):
    """Whose login session is it: the SHA-256 (hex) of its cookie. The cookie itself stays at the edge."""

    login: str


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A login session that counts."""

    user_id: str
    display_name: str = ""
    email: str = ""
    provider: str = ""
    avatar_url: str = ""
    passkeys: tuple[str, ...] = ()


class WingQuestion(msgspec.Struct, frozen=True):
    """Where is this wing?"""

    wing_id: str


class WingPlace(msgspec.Struct, frozen=True):
    """Where it is, as far as login knows."""

    wing: WingUp | None


class Hello(msgspec.Struct, frozen=True):
    """An edge that has started, or has news."""

    boot: str
