"""Organisations: who is in them, and who may change that. Every organisation has an owner at every moment.

Who asks is named `actor`. For somebody who is not in an organisation there is none (NotFound), whatever they
ask for; what their role does not allow is Forbidden. Both are looked at in the transaction that changes
something: a role that was lost a moment ago counts no more.

- An owner may do everything.
- An admin invites and removes members, and makes admins of them; an owner or another admin is none of theirs.
- Nobody gives a role above their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

import attrs

from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.store import org_names, plans, rosters
from wingthing.wire.limits import MAX_ORG_MEMBERS, MAX_ORGS_PER_USER

OWNER, ADMIN, MEMBER = "owner", "admin", "member"
RANK: Final = {MEMBER: 1, ADMIN: 2, OWNER: 3}

ID_BYTES = 10
NO_SUCH_ORG = "there is no such organisation"
LAST_OWNER = "an organisation needs an owner: make somebody else one first, or delete the organisation"


@attrs.frozen
class Org:
    """A row of `orgs`, as one of its members sees it. Times are Unix seconds."""

    id: str
    slug: str
    name: str
    created_at: float
    role: str
    members: int
    invites: int


@attrs.frozen
class Member:
    """Somebody in an organisation."""

    user_id: str
    display_name: str
    email: str
    role: str
    joined_at: float


_ORG = (
    "SELECT orgs.id, slug, name, orgs.created_at, role, "
    "(SELECT count(*) FROM org_members AS others WHERE others.org_id = orgs.id), "
    "(SELECT count(*) FROM org_invites AS waiting WHERE waiting.org_id = orgs.id AND ended = '' "
    "AND expires_at > :now) "
    "FROM orgs JOIN org_members AS own ON own.org_id = orgs.id AND own.user_id = :user "
)


def of_user(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> list[Org]:
    """The organisations that a user is in, by name."""
    rows = cursor.execute(_ORG + "ORDER BY name, orgs.id", {"user": user_id, "now": now})
    return [Org(*row) for row in rows.fetchall()]


def find(cursor: sqlite3.Cursor, org_id: str, actor: str, *, now: float) -> Org:
    """An organisation, by its id or slug. Raises NotFound."""
    found = {"user": actor, "now": now, "id": org_id}
    row = cursor.execute(_ORG + "WHERE orgs.id = :id OR slug = :id", found).fetchone()
    if row is None:
        raise NotFound(NO_SUCH_ORG)
    return Org(*row)


def create(
    cursor: sqlite3.Cursor, name: str, actor: str, *, now: float, randomness: Callable[[int], bytes]
) -> Org:
    """A new organisation, with the actor as its owner. Raises InvalidMessage for a name that cannot be used,
    PeerError (409) when the actor is in too many."""
    name = org_names.checked(name)
    _room_for(cursor, actor)
    org_id = f"org_{randomness(ID_BYTES).hex()}"
    cursor.execute(
        "INSERT INTO orgs (id, slug, name, created_at) VALUES (?, ?, ?, ?)",
        (org_id, org_names.free_slug(cursor, name), name, now),
    )
    add_member(cursor, org_id, actor, OWNER, now=now)
    return find(cursor, org_id, actor, now=now)


def rename(cursor: sqlite3.Cursor, org_id: str, actor: str, name: str) -> None:
    """Call it something else. The slug, which wings have in their settings, stays."""
    must_be(cursor, org_id, actor, ADMIN, "rename it")
    cursor.execute("UPDATE orgs SET name = ? WHERE id = ?", (org_names.checked(name), org_id))
    rosters.changed(cursor, org_id)


def delete(cursor: sqlite3.Cursor, org_id: str, actor: str, *, now: float) -> None:
    """Delete an organisation: its wings are their owners' alone again.

    Raises PeerError (409) while it has a plan that is paid for: nobody could cancel that any more.
    """
    must_be(cursor, org_id, actor, OWNER, "delete it")
    if is_paid_for(cursor, org_id, now=now):
        raise PeerError("this organisation has a plan that is paid for: cancel that first", status=409)
    erase(cursor, org_id)


def erase(cursor: sqlite3.Cursor, org_id: str) -> None:
    """Take an organisation away, whoever is in it."""
    plans.forget(cursor, plans.Kind.ORG, org_id)
    cursor.execute("DELETE FROM orgs WHERE id = ?", (org_id,))
    rosters.changed(cursor, org_id)


def is_paid_for(cursor: sqlite3.Cursor, org_id: str, *, now: float) -> bool:
    """Whether the payment provider goes on charging for its plan."""
    found = plans.current(cursor, plans.Kind.ORG, org_id, now=now)
    return any(plan.source is plans.Source.PAYMENT and not plan.cancel_at_end for plan in found)


# -- members -------------------------------------------------------------------------------------------------


def members(cursor: sqlite3.Cursor, org_id: str, actor: str) -> list[Member]:
    """Who is in it: owners, then admins, then members, in the order in which they came."""
    must_be(cursor, org_id, actor, MEMBER, "see who is in it")
    rows = cursor.execute(
        "SELECT user_id, display_name, email, role, joined_at FROM org_members "
        "JOIN users ON users.id = user_id WHERE org_id = ?",
        (org_id,),
    )
    found = [Member(*row) for row in rows.fetchall()]
    return sorted(found, key=lambda each: (-RANK[each.role], each.joined_at, each.user_id))


def change_role(cursor: sqlite3.Cursor, org_id: str, actor: str, user_id: str, role: str) -> None:
    """Give a member another role. Raises PeerError (409) for the last owner."""
    check_role(role)
    own = must_be(cursor, org_id, actor, ADMIN, "change roles")
    before = _role_of_member(cursor, org_id, user_id)
    if own != OWNER and (before != MEMBER or role == OWNER):
        raise Forbidden("only an owner changes the role of an owner or an admin, or makes somebody an owner")
    if before == role:
        return
    if before == OWNER:
        _must_not_be_last(cursor, org_id)
    _set_role(cursor, org_id, user_id, role)


def transfer(cursor: sqlite3.Cursor, org_id: str, actor: str, user_id: str) -> None:
    """Make a member an owner in the actor's place, who is an admin then."""
    must_be(cursor, org_id, actor, OWNER, "give it away")
    if user_id == actor:
        raise InvalidMessage("you are an owner already: name another member")
    _role_of_member(cursor, org_id, user_id)
    _set_role(cursor, org_id, user_id, OWNER)
    _set_role(cursor, org_id, actor, ADMIN)


def remove_member(cursor: sqlite3.Cursor, org_id: str, actor: str, user_id: str) -> None:
    """Remove a member, or leave. Raises PeerError (409) for the last owner."""
    own = must_be(cursor, org_id, actor, MEMBER, "remove anybody")
    role = _role_of_member(cursor, org_id, user_id)
    if user_id != actor and not (own == OWNER or (own == ADMIN and role == MEMBER)):
        raise Forbidden("only an owner removes an owner or an admin, and only an owner or admin a member")
    if role == OWNER:
        _must_not_be_last(cursor, org_id)
    _take_out(cursor, org_id, user_id)


def add_member(cursor: sqlite3.Cursor, org_id: str, user_id: str, role: str, *, now: float) -> None:
    """Somebody is in it from now on. Raises PeerError (409) when the organisation is full, or they are in too
    many."""
    _room_for(cursor, user_id)
    if count(cursor, org_id) >= MAX_ORG_MEMBERS:
        raise PeerError("this organisation has as many members as it may have", status=409)
    cursor.execute(
        "INSERT INTO org_members (org_id, user_id, role, joined_at) VALUES (?, ?, ?, ?)",
        (org_id, user_id, role, now),
    )
    rosters.changed(cursor, org_id)


def count(cursor: sqlite3.Cursor, org_id: str) -> int:
    """How many are in it."""
    found: int = cursor.execute("SELECT count(*) FROM org_members WHERE org_id = ?", (org_id,)).fetchone()[0]
    return found


def is_member(cursor: sqlite3.Cursor, org_id: str, user_id: str) -> bool:
    """Whether somebody is in it."""
    return _role(cursor, org_id, user_id) is not None


# -- a user goes ---------------------------------------------------------------------------------------------


@attrs.frozen
class Fate:
    """What becomes of a user's organisations when the user goes: (id, name) each."""

    deleted: tuple[tuple[str, str], ...]
    """Nobody else is in them."""

    ownerless: tuple[tuple[str, str], ...]
    """Others are, and no other owner."""

    paid_for: tuple[tuple[str, str], ...] = ()
    """Nobody else is in them, and the payment provider goes on charging."""


def fate(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> Fate:
    """Looked at before a user goes."""
    owned = cursor.execute(
        "SELECT orgs.id, name FROM orgs JOIN org_members ON org_id = orgs.id "
        "WHERE user_id = ? AND role = 'owner' ORDER BY name, orgs.id",
        (user_id,),
    ).fetchall()
    alone = [org for org in owned if count(cursor, org[0]) == 1]
    paid = tuple(org for org in alone if is_paid_for(cursor, org[0], now=now))
    last = tuple(org for org in owned if org not in alone and _owners(cursor, org[0]) == 1)
    return Fate(tuple(alone), last, paid)


def forget_user(cursor: sqlite3.Cursor, user_id: str) -> None:
    """Take a user out of everything: an organisation in which nobody is left goes too, and one that has lost
    its last owner gets the longest-standing of its admins, or members where there is none, as the new one."""
    rows = cursor.execute("SELECT org_id FROM org_members WHERE user_id = ?", (user_id,)).fetchall()
    for (org_id,) in rows:
        _take_out(cursor, org_id, user_id)
        if count(cursor, org_id) == 0:
            erase(cursor, org_id)
        elif _owners(cursor, org_id) == 0:
            heir = cursor.execute(
                "SELECT user_id FROM org_members WHERE org_id = ? "
                "ORDER BY role = 'admin' DESC, joined_at, user_id LIMIT 1",
                (org_id,),
            ).fetchone()[0]
            _set_role(cursor, org_id, heir, OWNER)
    cursor.execute("DELETE FROM org_invites WHERE invited_by = ?", (user_id,))


# -- rules ---------------------------------------------------------------------------------------------------


def must_be(cursor: sqlite3.Cursor, org_id: str, actor: str, least: str, to_do: str) -> str:
    """The actor's role, which must be `least` or above for what they want `to_do`.

    Raises NotFound for who is not in it, Forbidden.
    """
    role = _role(cursor, org_id, actor)
    if role is None:
        raise NotFound(NO_SUCH_ORG)
    if RANK[role] < RANK[least]:
        who = "an owner" if least == OWNER else "an owner or admin"
        raise Forbidden(f"only {who} of this organisation may {to_do}")
    return role


def check_role(role: str) -> None:
    """Raises InvalidMessage for what is no role."""
    if role not in RANK:
        raise InvalidMessage("a role is one of: owner, admin, member")


def _role(cursor: sqlite3.Cursor, org_id: str, user_id: str) -> str | None:
    row = cursor.execute(
        "SELECT role FROM org_members WHERE org_id = ? AND user_id = ?", (org_id, user_id)
    ).fetchone()
    return row[0] if row else None


def _role_of_member(cursor: sqlite3.Cursor, org_id: str, user_id: str) -> str:
    role = _role(cursor, org_id, user_id)
    if role is None:
        raise NotFound("there is no such member in this organisation")
    return role


def _owners(cursor: sqlite3.Cursor, org_id: str) -> int:
    found: int = cursor.execute(
        "SELECT count(*) FROM org_members WHERE org_id = ? AND role = 'owner'", (org_id,)
    ).fetchone()[0]
    return found


def _must_not_be_last(cursor: sqlite3.Cursor, org_id: str) -> None:
    if _owners(cursor, org_id) == 1:
        raise PeerError(LAST_OWNER, status=409)


def _set_role(cursor: sqlite3.Cursor, org_id: str, user_id: str, role: str) -> None:
    cursor.execute(
        "UPDATE org_members SET role = ? WHERE org_id = ? AND user_id = ?", (role, org_id, user_id)
    )
    _withdraw_invites(cursor, org_id, user_id, role)
    rosters.changed(cursor, org_id)


def _take_out(cursor: sqlite3.Cursor, org_id: str, user_id: str) -> None:
    cursor.execute("DELETE FROM org_members WHERE org_id = ? AND user_id = ?", (org_id, user_id))
    _withdraw_invites(cursor, org_id, user_id, "")
    rosters.changed(cursor, org_id)


def _withdraw_invites(cursor: sqlite3.Cursor, org_id: str, user_id: str, role: str) -> None:
    """Invites to what their author may not give any more are void: who is about to lose a role must not be
    able to keep a way back."""
    if role != OWNER:
        cursor.execute(
            "UPDATE org_invites SET ended = 'withdrawn' WHERE org_id = ? AND invited_by = ? AND ended = '' "
            "AND (role = 'owner' OR ? <> 'admin')",
            (org_id, user_id, role),
        )


def _room_for(cursor: sqlite3.Cursor, user_id: str) -> None:
    found = cursor.execute("SELECT count(*) FROM org_members WHERE user_id = ?", (user_id,)).fetchone()[0]
    if found >= MAX_ORGS_PER_USER:
        raise PeerError("a user can be in no more organisations than that: leave one first", status=409)
