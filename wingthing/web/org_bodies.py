"""What is sent to `/api/orgs`, and how an organisation looks in an answer."""

from __future__ import annotations

import msgspec

from wingthing.store import orgs
from wingthing.store.orgs import Org
from wingthing.wire.internal import Tier


class Named(msgspec.Struct):
    """`POST /api/orgs` and `PUT /api/orgs/{id}`."""

    name: str


class Invitees(msgspec.Struct):
    """`POST /api/orgs/{id}/invite`."""

    emails: list[str]
    role: str = "member"


class NewRole(msgspec.Struct):
    """`PUT /api/orgs/{id}/members/{user_id}`."""

    role: str


class NewOwner(msgspec.Struct):
    """`POST /api/orgs/{id}/transfer`."""

    user_id: str


class Seats(msgspec.Struct):
    """`POST /api/orgs/{id}/upgrade`."""

    seats: int | None = None


def described(org: Org, seats: int) -> dict[str, object]:
    """An organisation, as the member who asks sees it."""
    return {
        "id": org.id,
        "slug": org.slug,
        "name": org.name,
        "role": org.role,
        "is_owner": org.role == orgs.OWNER,
        "members": org.members,
        "invites": org.invites,
        "created_at": org.created_at,
        "plan": Tier.PRO if seats else Tier.FREE,
        "seats": seats,
    }
