"""What a node knows of a wing, and of an organisation: the records that its registries hold, and no more."""

from __future__ import annotations

import msgspec


# `gc=False`: see wire/gossip.py.
class WingRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One registered wing. Replaced as a whole when anything in it changes."""

    wing_id: str
    connection_id: str
    """Tells two connections of one wing apart: the late end of an old one must not end a newer one."""

    user_id: str
    owner: str = ""
    """How a person calls the owner: display name or e-mail address."""

    org_id: str = ""
    public_key: str = ""
    """Base64 of the wing's X25519 public key; the token's `pub` wins over what the wing says."""

    locked: bool = False
    allowed_count: int = 0


class OrgRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation. Replaced as a whole when anything in it changes."""

    id: str
    slug: str
    name: str = ""
    members: dict[str, str]
    """user id -> role, by user id."""
