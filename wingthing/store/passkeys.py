"""The passkeys that users have registered: their public halves, the others never leave authenticators."""

from __future__ import annotations

import sqlite3

import attrs

from wingthing.errors import NotFound, PeerError
from wingthing.wire.account_limits import MAX_PASSKEYS


@attrs.frozen
class Passkey:
    """A row of `passkeys`. `transports` is how a browser reaches the authenticator, separated by commas."""

    id: str
    credential_id: str
    public_key: str
    label: str
    transports: str
    created_at: float


_COLUMNS = "id, credential_id, public_key, label, transports, created_at"


def of_user(cursor: sqlite3.Cursor, user_id: str) -> list[Passkey]:
    """A user's passkeys, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM passkeys WHERE user_id = ? ORDER BY created_at, id",  # noqa: S608
        (user_id,),
    )
    return [Passkey(*row) for row in rows.fetchall()]


def keys_of(cursor: sqlite3.Cursor, user_id: str) -> tuple[str, ...]:
    """The public keys of a user, oldest first."""
    return tuple(passkey.public_key for passkey in of_user(cursor, user_id))


def keys_of_all(cursor: sqlite3.Cursor) -> dict[str, tuple[str, ...]]:
    """user id -> public keys, of everybody who has one."""
    found: dict[str, tuple[str, ...]] = {}
    for user_id, key in cursor.execute("SELECT user_id, public_key FROM passkeys ORDER BY created_at, id"):
        found[user_id] = (*found.get(user_id, ()), key)
    return found


def check_room(known: list[Passkey]) -> None:
    """Raises PeerError when a user who has these may have no more."""
    if len(known) >= MAX_PASSKEYS:
        raise PeerError(f"you have {MAX_PASSKEYS} passkeys, the most there may be: delete one", status=409)


def add(cursor: sqlite3.Cursor, user_id: str, passkey: Passkey) -> None:
    """Keep a new one. Raises PeerError when the user has MAX_PASSKEYS, or it is registered already, whosever
    it is (WebAuthn 7.1 step 26)."""
    check_room(of_user(cursor, user_id))
    try:
        cursor.execute(
            f"INSERT INTO passkeys (user_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (user_id, *attrs.astuple(passkey)),
        )
    except sqlite3.IntegrityError as why:
        raise PeerError("this passkey is registered already", status=409) from why


def rename(cursor: sqlite3.Cursor, user_id: str, passkey_id: str, label: str) -> None:
    """Call one of a user's passkeys something else. Raises NotFound when it is none of theirs."""
    cursor.execute("UPDATE passkeys SET label = ? WHERE id = ? AND user_id = ?", (label, passkey_id, user_id))
    _found(cursor)


def remove(cursor: sqlite3.Cursor, user_id: str, passkey_id: str) -> None:
    """Forget one of a user's passkeys. Raises NotFound when it is none of theirs."""
    cursor.execute("DELETE FROM passkeys WHERE id = ? AND user_id = ?", (passkey_id, user_id))
    _found(cursor)


def _found(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount == 0:
        raise NotFound("there is no passkey of this id")
