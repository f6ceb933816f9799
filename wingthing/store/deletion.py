"""The end of an account, and what it does to the organisations that the user is in."""

from __future__ import annotations

import sqlite3
from typing import Final

import attrs

from wingthing.errors import PeerError
from wingthing.store import audit, orgs, plans, tokens, users

NO_OTHER_OWNER: Final = "others are in it, and it has no other owner: give it to one of them, or delete it"
ORG_PAID_FOR: Final = "it has a plan that is paid for: cancel that first"
PLAN_PAID_FOR: Final = "you have a plan that is paid for: cancel it first, or the payments would go on"


@attrs.frozen
class DeletedOrg:
    """An organisation that goes with its last member."""

    id: str
    name: str


@attrs.frozen
class BlockingOrg:
    """An organisation that stands against it; `why` says what to do."""

    id: str
    name: str
    why: str


@attrs.frozen
class Preview:
    """What deleting an account would do: which organisations go with it, what stands against it, and how many
    machines lose their login. `plan_blocking` is empty when the user's own plan does not stand against it."""

    orgs_deleted: tuple[DeletedOrg, ...]
    orgs_blocking: tuple[BlockingOrg, ...]
    plan_blocking: str
    wings: int

    @property
    def only_paid_for(self) -> bool:
        """Whether plans that are paid for stand against it, and nothing else."""
        paid = all(org.why == ORG_PAID_FOR for org in self.orgs_blocking)
        return paid and bool(self.orgs_blocking or self.plan_blocking)


def preview(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> Preview:
    """What `delete` would do now."""
    fate = orgs.fate(cursor, user_id, now=now)
    machines = {token.wing_id or token.jti for token in tokens.of_user(cursor, user_id, now=now)}
    return Preview(
        orgs_deleted=tuple(DeletedOrg(*org) for org in fate.deleted if org not in fate.paid_for),
        orgs_blocking=(
            *(BlockingOrg(*org, NO_OTHER_OWNER) for org in fate.ownerless),
            *(BlockingOrg(*org, ORG_PAID_FOR) for org in fate.paid_for),
        ),
        plan_blocking=PLAN_PAID_FOR if _pays(cursor, user_id, now) else "",
        wings=len(machines),
    )


def delete(
    cursor: sqlite3.Cursor,
    user_id: str,
    *,
    now: float,
    by: str = "",
    address: str = "",
    although_paid: bool = False,
) -> None:
    """Delete an account, and note it in the logs of the user and of the organisations that they leave; `by`
    and `address` as in `audit.note`. With `although_paid`, plans that are paid for do not stand against it.

    Raises PeerError (409), which names what stands against it, and NotFound when there is no such user.
    """
    found = preview(cursor, user_id, now=now)
    blocking = [org for org in found.orgs_blocking if not (although_paid and org.why == ORG_PAID_FOR)]
    if blocking:
        reasons = "; ".join(f"{org.name} ({org.id}): {org.why}" for org in blocking)
        raise PeerError(f"the account cannot be deleted yet: {reasons}", status=409)
    if found.plan_blocking and not although_paid:
        raise PeerError(f"the account cannot be deleted yet: {found.plan_blocking}", status=409)
    gone = {org.id for org in found.orgs_deleted} | {org.id for org in found.orgs_blocking}
    left = [org.id for org in orgs.of_user(cursor, user_id, now=now) if org.id not in gone]
    users.remove(cursor, user_id, now=now)
    for org_id in ("", *left):
        audit.note(
            cursor, at=now, user_id=user_id, action="account deleted", address=address, org_id=org_id, by=by
        )


def _pays(cursor: sqlite3.Cursor, user_id: str, now: float) -> bool:
    found = plans.current(cursor, plans.Kind.USER, user_id, now=now)
    return any(plan.source is plans.Source.PAYMENT and not plan.cancel_at_end for plan in found)
