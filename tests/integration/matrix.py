"""What the two matrices share: tables that are written as text, and worlds that a test can use up.

A table has a line of column names, and lines `what | expected expected ...`. A line without `|` is a heading.
"""

from __future__ import annotations

import base64
import os
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from websockets.exceptions import ConnectionClosed

from tests.integration.peers import FieldWing
from tests.integration.program import eventually
from wingthing.crypto import tokens as wing_tokens
from wingthing.crypto.digests import digest
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import load_signing_key
from wingthing.names import DATABASE_FILE
from wingthing.rehearsal.folder import Folder
from wingthing.store import (
    device_codes,
    invites,
    login_sessions,
    notifications,
    orgs,
    passkeys,
    sign_in,
    sign_ins,
    tokens,
    usage,
    users,
)
from wingthing.store.connection import connect
from wingthing.store.migrate import migrate
from wingthing.store.passkeys import Passkey
from wingthing.store.sign_in import EMAIL, Vouched
from wingthing.store.usage import Report
from wingthing.wire.limits import FREE_CAP_BYTES
from wingthing.wire.plans import day_of

STRANGER, MEMBER, ADMIN, OWNER, CAPPED = "stranger", "member", "admin", "owner", "capped"
MATE, DEPUTY = "mate", "deputy"
"""One more member and one more admin: those about whom something is asked."""

ROLES: Mapping[str, str] = {
    OWNER: orgs.OWNER,
    ADMIN: orgs.ADMIN,
    DEPUTY: orgs.ADMIN,
    MEMBER: orgs.MEMBER,
    CAPPED: orgs.MEMBER,
    MATE: orgs.MEMBER,
}
PEOPLE = (*ROLES, STRANGER)


@attrs.frozen
class Row:
    """A line of a table: what is asked, and column -> what is expected."""

    what: str
    expected: Mapping[str, str] = attrs.field(hash=False)


def read_table(text: str) -> tuple[Sequence[str], list[Row]]:
    """The columns and the rows."""
    head, *lines = [line for line in text.splitlines() if line.strip()]
    columns = head.split()
    found = []
    for line in lines:
        what, bar, cells = line.partition("|")
        if bar:
            words = cells.split()
            assert len(words) == len(columns), f"{line!r} has {len(words)} cells for {len(columns)} columns"
            found.append(Row(" ".join(what.split()), dict(zip(columns, words, strict=True))))
    assert len({row.what for row in found}) == len(found), "a row stands there twice"
    return columns, found


def differences(answers: Mapping[tuple[Row, str], str]) -> str:
    """The rows in which something else came than expected, in the form of the table; empty when none is."""
    wrong: dict[str, list[str]] = {}
    for (row, column), answer in answers.items():
        if answer != row.expected[column]:
            wrong.setdefault(row.what, []).append(f"{column} {row.expected[column]} -> {answer}")
    return "\n".join(f"{what} | {', '.join(cells)}" for what, cells in wrong.items())


@attrs.frozen
class World:
    """An organisation, everybody who has to do with it, and a stranger, who has one of their own.

    `mark` is in the names and addresses of all but the stranger: who may not see anything of it must not see
    that. What `things` names belongs to the owner, but for the invite, which is for the stranger, and the
    `other` organisation, which is the stranger's.
    """

    mark: str
    users: Mapping[str, str]
    """Of PEOPLE, their ids."""

    cookies: Mapping[str, str]
    bearer: str
    """A wing token of the owner."""

    things: Mapping[str, str]


def prepare(folder: Folder) -> sqlite3.Connection:
    """A connection to the database on login's volume, before the rehearsal begins."""
    path = folder.volume / DATABASE_FILE
    migrate(path)
    return connect(path)


def keys_of(folder: Folder) -> KeyRing:
    """The keys of a rehearsal."""
    return KeyRing.of(load_signing_key(folder.signing_key(), source="the rehearsal's key"), {})


def new_token(cursor: sqlite3.Cursor, keys: KeyRing, user_id: str, *, now: float) -> tuple[str, str]:
    """A wing token of a user, and its name."""
    token, claims = wing_tokens.mint(keys.signing, user_id=user_id, now=now, jti=secrets.token_hex(16))
    tokens.issued(cursor, claims)
    return token, claims.jti


def make_world(cursor: sqlite3.Cursor, keys: KeyRing, *, now: float, wing_id: str = "") -> World:
    """A new world, but for what is SCARCE."""
    mark = f"kestrel{secrets.token_hex(6)}"
    ids = {who: f"{who}-{secrets.token_hex(6)}" for who in PEOPLE}
    for who, user_id in ids.items():
        sign = user_id if who == STRANGER else f"{who}-{mark}"
        users.add(cursor, user_id, name=sign, email=f"{sign}@example.org", provider=EMAIL, now=now)
    owner = ids[OWNER]
    org = orgs.create(cursor, f"Org {mark}", owner, now=now, randomness=os.urandom)
    for who, role in ROLES.items():
        if who != OWNER:
            orgs.add_member(cursor, org.id, ids[who], role, now=now)
    # What a run of some node has reported.
    spent = Report("elsewhere", mark, ((ids[CAPPED], 2 * FREE_CAP_BYTES),))
    usage.record(cursor, [spent], day=day_of(now), now=now)

    def log_in(user_id: str) -> str:
        return login_sessions.create(cursor, user_id, now=now, randomness=os.urandom)

    def invite(email: str, role: str) -> invites.Created:
        return invites.create(cursor, org.id, owner, email, role, now=now, randomness=os.urandom)

    def mail_link(email: str, user_id: str = "") -> str:
        token = secrets.token_urlsafe(32)
        sign_ins.send_link(cursor, token=token, email=email, next_path="/app/", user_id=user_id, now=now)
        return token

    passkey = Passkey(secrets.token_hex(8), mark, key_text(os.urandom(64)), mark, "", now)
    passkeys.add(cursor, owner, passkey)
    methods = [secrets.token_hex(12) for _ in range(2)]
    for method in methods:
        vouched = Vouched(EMAIL, "", method, f"{method}@example.org")
        sign_in.link(cursor, vouched, user_id=owner, method_id=method, now=now)
    bearer, _jti = new_token(cursor, keys, owner, now=now)
    _token, device = new_token(cursor, keys, owner, now=now)
    for_stranger = invite(f"{ids[STRANGER]}@example.org", orgs.MEMBER)
    others = orgs.create(cursor, ids[STRANGER], ids[STRANGER], now=now, randomness=os.urandom)
    things = {
        "org": org.id,
        "other": others.id,
        "slug": org.slug,
        "session": login_sessions.public_id(digest(log_in(owner))),
        "device": device,
        "passkey": passkey.id,
        "passkey_key": passkey.public_key,
        "method": methods[0],
        "link": mail_link(f"owner-{mark}@example.org"),
        "linking": mail_link(f"new-{mark}@example.org", owner),
        "invite": for_stranger.token,
        "invite_id": for_stranger.id,
        "invite_of_owner": invite(f"next-{mark}@example.org", orgs.OWNER).token,
        "wing": wing_id,
    }
    cookies = {who: log_in(user_id) for who, user_id in ids.items()}
    return World(mark, ids, cookies, bearer, things)


def subscription(cursor: sqlite3.Cursor, world: World, *, now: float) -> str:
    """Another browser of the owner, which gets notifications: its id."""
    owner = world.users[OWNER]
    login = login_sessions.create(cursor, owner, now=now, randomness=os.urandom)
    return notifications.subscribe(
        cursor,
        owner,
        session=digest(login),
        endpoint=f"https://push.invalid/{world.mark}",
        p256dh="p",
        auth="a",
        agent="",
        now=now,
    )


def waiting_code(cursor: sqlite3.Cursor, world: World, *, now: float) -> str:
    """The user code of a machine that waits for its approval."""
    codes = device_codes.create(
        cursor, wing_id="ab" * 12, public_key="", user_id=None, now=now, randomness=os.urandom
    )
    return codes.user_code


SCARCE: Mapping[str, Callable[..., str]] = {"push": subscription, "code": waiting_code}
"""What is made only for who asks about it: something would be sent to it, or there may be only so many."""


def with_scarce(cursor: sqlite3.Cursor, world: World, names: Collection[str], *, now: float) -> World:
    """A world that has these of SCARCE as well."""
    made = {name: SCARCE[name](cursor, world, now=now) for name in names}
    return attrs.evolve(world, things={**world.things, **made})


def key_text(raw: bytes) -> str:
    """Base64 as on the wire."""
    return base64.b64encode(raw).decode()


STATE: Mapping[str, str] = {
    "users": "SELECT id, display_name, email, removed_at FROM users WHERE id IN {people}",
    "orgs": "SELECT * FROM orgs WHERE id = :org",
    "org_members": "SELECT user_id, role FROM org_members WHERE org_id = :org OR user_id IN {people}",
    "org_invites": "SELECT id, role, ended FROM org_invites WHERE org_id = :org",
    "subscriptions": "SELECT * FROM subscriptions WHERE holder = :org OR holder IN {people}",
    "login_sessions": "SELECT token_hash FROM login_sessions WHERE user_id IN {people}",
    "tokens": "SELECT jti, revoked_at FROM tokens WHERE user_id IN {people}",
    "device_codes": "SELECT user_id, spent FROM device_codes WHERE user_code = :code",
    "sign_in_methods": "SELECT id, user_id FROM sign_in_methods WHERE user_id IN {people}",
    "mail_links": "SELECT email, user_id FROM mail_links WHERE instr(email, :mark)",
    "passkeys": "SELECT id, user_id, label FROM passkeys WHERE user_id IN {people}",
    "push_subscriptions": "SELECT id, user_id FROM push_subscriptions WHERE user_id IN {people}",
    "push_events": "SELECT * FROM push_events WHERE user_id IN {people}",
    "ntfy": "SELECT * FROM ntfy WHERE user_id IN {people}",
    "labels": "SELECT * FROM labels WHERE user_id IN {people}",
}
"""What the database has of a world, but for what is only noted: its log and its traffic."""


def state_of(cursor: sqlite3.Cursor, world: World) -> dict[str, list[Any]]:
    """What the tables of STATE have of a world."""
    ids = list(world.users.values())
    people = ", ".join(f":u{number}" for number in range(len(ids)))
    named = {"org": world.things["org"], "code": world.things.get("code", ""), "mark": world.mark}
    named |= {f"u{number}": user_id for number, user_id in enumerate(ids)}
    return {
        table: sorted(cursor.execute(query.format(people=f"({people})"), named).fetchall(), key=repr)
        for table, query in STATE.items()
    }


def org_wing(url: str, world: World) -> FieldWing:
    """The owner's wing, in the organisation: refused until its node has heard of that."""

    def registered() -> FieldWing | None:
        try:
            return FieldWing(url, world.bearer, world.things["wing"] or None, org_slug=world.things["slug"])
        except ConnectionClosed:
            return None

    wing = eventually(registered, "the edge knows the organisation")
    assert wing is not None
    return wing


def short_folder(parent: Path) -> Folder:
    """The folder of a rehearsal: short, for the sake of Unix socket paths."""
    folder = Folder(parent / "f")
    folder.volume.mkdir(parents=True)
    return folder
