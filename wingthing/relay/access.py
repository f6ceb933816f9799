"""Who may reach a wing. Asked when a browser starts, attaches or sends a request, never per keystroke.

A wing belongs to its organisation for as long as its owner does: who leaves takes their machines along. So
the organisation that a wing has registered for is only what it asks for; what counts is the roster of the
moment.
"""

from __future__ import annotations

import msgspec

from wingthing.relay.orgs import Roster, members_of
from wingthing.wire.records import OrgRecord, WingRecord


def org_of(roster: Roster, record: WingRecord) -> str:
    """The organisation that a wing is in: the one it has registered for, if its owner is in that now."""
    return record.org_id if record.org_id and roster.role(record.user_id, record.org_id) else ""


def as_it_is(roster: Roster, record: WingRecord) -> WingRecord:
    """A record with the organisation that the wing is in, for people to see."""
    org_id = org_of(roster, record)
    return record if record.org_id == org_id else msgspec.structs.replace(record, org_id=org_id)


def role_at(roster: Roster, user_id: str, record: WingRecord) -> str:
    """What a user is in the organisation of a wing (`org_role`); empty for a wing in none."""
    org_id = org_of(roster, record)
    return roster.role(user_id, org_id) if org_id else ""


def may_reach(roster: Roster, user_id: str, record: WingRecord) -> bool:
    """Whether a user may open terminals on a wing: its owner may, and the members of its organisation."""
    return user_id == record.user_id or bool(role_at(roster, user_id, record))


def audience(roster: Roster, record: WingRecord) -> frozenset[str]:
    """The users who hear of what happens to a wing (protocol.md section 4, `/ws/app` events)."""
    return audience_in(roster.get(record.org_id), record)


def audience_in(org: OrgRecord | None, record: WingRecord) -> frozenset[str]:
    """The same, were `org` what the wing's organisation is; None for one that is not there."""
    members = members_of(org)
    return members if record.user_id in members else frozenset([record.user_id])
