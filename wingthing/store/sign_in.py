"""By what users sign in: accounts at providers, and addresses that mail reaches.

The same verified address is the same account. An account's own address (`users.email`) is always one that a
method of it vouches for, or that an operator has given it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import attrs

from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.store import audit, tokens, users
from wingthing.store.users import User
from wingthing.wire.account_limits import MAX_METHODS

EMAIL = "email"
"""The provider of those who sign in by mail: this server itself."""

THERE_BEFORE = ("operator", "local")
"""What `users.provider` says of those whose account was not made by signing in."""


@attrs.frozen
class Method:
    """One way of a user to sign in. Times are Unix seconds."""

    id: str
    user_id: str
    provider: str
    issuer: str
    subject: str
    email: str
    name: str
    linked_at: float
    used_at: float


@attrs.frozen
class Vouched:
    """Whom a provider vouches for: `issuer` and `subject` name the account there, `email` is verified and in
    the form of `wire.email_address`."""

    provider: str
    issuer: str
    subject: str
    email: str
    name: str = ""
    avatar_url: str = ""


@attrs.frozen
class Entered:
    """Who has signed in. `new` when the account has been made for it, `linked` when the method has been."""

    user: User
    new: bool
    linked: bool


_COLUMNS = "id, user_id, provider, issuer, subject, email, name, linked_at, used_at"


def enter(cursor: sqlite3.Cursor, vouched: Vouched, *, user_id: str, method_id: str, now: float) -> Entered:
    """Somebody signs in: the account that the method is linked to, else the one with the verified address,
    else a new one. `user_id` and `method_id` are ids for what may be new."""
    known = _find(cursor, vouched)
    if known is not None:
        _used(cursor, known, vouched, now)
        user = users.find(cursor, known.user_id)
        assert user is not None
        return Entered(user, new=False, linked=False)
    found = _by_address(cursor, vouched.email)
    if found is None:
        found = users.add(
            cursor, user_id, name=vouched.name, email=vouched.email, provider=vouched.provider, now=now
        )
        cursor.execute("UPDATE users SET avatar_url = ? WHERE id = ?", (vouched.avatar_url, user_id))
    _link(cursor, vouched, found.id, method_id, now)
    user = users.find(cursor, found.id)
    assert user is not None
    return Entered(user, new=user.id == user_id, linked=True)


def link(cursor: sqlite3.Cursor, vouched: Vouched, *, user_id: str, method_id: str, now: float) -> None:
    """Give a user one more way to sign in; one that the user has already is noted as used.

    Raises PeerError (409) when it belongs to another account, or the user has too many, and NotAuthenticated
    for a user who has been removed since they began.
    """
    user = users.find(cursor, user_id)
    if user is None or user.removed_at is not None:
        raise NotAuthenticated("this account is no more")
    known = _find(cursor, vouched)
    if known is not None:
        if known.user_id != user_id:
            raise PeerError(
                "it belongs to another account on this server: sign in with it and remove it there first",
                status=409,
            )
        _used(cursor, known, vouched, now)
        return
    if len(of_user(cursor, user_id)) >= MAX_METHODS:
        raise PeerError(f"an account has at most {MAX_METHODS} ways to sign in", status=409)
    _link(cursor, vouched, user_id, method_id, now)


def of_user(cursor: sqlite3.Cursor, user_id: str) -> list[Method]:
    """A user's methods, the oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM sign_in_methods WHERE user_id = ? ORDER BY linked_at, rowid",  # noqa: S608
        (user_id,),
    )
    return [Method(*row) for row in rows.fetchall()]


def unlink(cursor: sqlite3.Cursor, user_id: str, method_id: str) -> Method:
    """Remove one of a user's methods, and answer it.

    The address of the account goes with the last method that vouches for it: another's takes its place, if
    that is free. Else whoever has the address could still sign in by it.

    Raises NotFound when the user has no such method, PeerError (409) when it is the last.
    """
    methods = of_user(cursor, user_id)
    gone = next((method for method in methods if method.id == method_id), None)
    if gone is None:
        raise NotFound("there is no such way to sign in")
    left = [method for method in methods if method.id != method_id]
    if not left:
        raise PeerError("this is the last way to sign in: link another one first", status=409)
    cursor.execute("DELETE FROM sign_in_methods WHERE id = ?", (method_id,))
    user = users.find(cursor, user_id)
    assert user is not None
    if user.email == gone.email and all(method.email != gone.email for method in left):
        free = (method.email for method in left if users.by_email(cursor, method.email) is None)
        _set_address(cursor, user_id, next(free, ""))
    return gone


def end_local(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """The one user of a server without sign-in is none of one with it: what they were logged in with ends."""
    _end_logins(cursor, user_id, now=now)


def end_not_allowed(cursor: sqlite3.Cursor, allowed: Callable[[str], bool], *, now: float) -> int:
    """End all logins, of browsers and machines, of users none of whose addresses are `allowed` any more; how
    many of them had one.

    Whom the operator has added stays: their address was never looked at.
    """
    addresses: dict[str, list[str]] = {}
    rows = cursor.execute(
        "SELECT user_id, methods.email FROM sign_in_methods AS methods JOIN users ON users.id = user_id "
        "WHERE removed_at IS NULL AND users.provider NOT IN (?, ?)",
        THERE_BEFORE,
    )
    for user_id, email in rows.fetchall():
        addresses.setdefault(user_id, []).append(email)
    ended = 0
    for user_id, theirs in addresses.items():
        if not any(map(allowed, theirs)) and _end_logins(cursor, user_id, now=now):
            ended += 1
            audit.note(cursor, at=now, user_id=user_id, action="all logins ended", by=audit.OPERATOR)
    return ended


def _find(cursor: sqlite3.Cursor, vouched: Vouched) -> Method | None:
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM sign_in_methods WHERE provider = ? AND issuer = ? AND subject = ?",  # noqa: S608
        (vouched.provider, vouched.issuer, vouched.subject),
    ).fetchone()
    return Method(*row) if row else None


def _end_logins(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> bool:
    """Whether there were any. What has ended before is not told to all nodes again."""
    browsers = cursor.execute("SELECT 1 FROM login_sessions WHERE user_id = ?", (user_id,)).fetchone()
    found = bool(browsers or tokens.of_user(cursor, user_id, now=now))
    if found:
        tokens.revoke_everything(cursor, user_id, now=now)
    cursor.execute("DELETE FROM device_codes WHERE user_id = ?", (user_id,))
    return found


def _by_address(cursor: sqlite3.Cursor, email: str) -> User | None:
    """The account with that address: its own, or one that this server itself has verified by mail.

    What other providers once said of an address does not count: addresses change hands, and their word about
    an account's address is as old as its latest use.
    """
    found = users.by_email(cursor, email)
    if found is not None:
        return found
    row = cursor.execute(
        "SELECT user_id FROM sign_in_methods WHERE provider = ? AND subject = ?", (EMAIL, email)
    ).fetchone()
    return users.find(cursor, row[0]) if row else None


def _link(cursor: sqlite3.Cursor, vouched: Vouched, user_id: str, method_id: str, now: float) -> None:
    cursor.execute(
        f"INSERT INTO sign_in_methods ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            method_id,
            user_id,
            vouched.provider,
            vouched.issuer,
            vouched.subject,
            vouched.email,
            vouched.name,
            now,
            now,
        ),
    )


def _used(cursor: sqlite3.Cursor, known: Method, vouched: Vouched, now: float) -> None:
    """Note a use. When the address has changed at the provider, and no other method vouches for the old one,
    the account's own follows it, unless that is another's."""
    cursor.execute(
        "UPDATE sign_in_methods SET used_at = ?, email = ?, name = ? WHERE id = ?",
        (now, vouched.email, vouched.name, known.id),
    )
    if known.email == vouched.email:
        return
    user = users.find(cursor, known.user_id)
    assert user is not None
    still = any(method.email == known.email for method in of_user(cursor, known.user_id))
    if user.email == known.email and not still and _by_address(cursor, vouched.email) is None:
        _set_address(cursor, user.id, vouched.email)


def _set_address(cursor: sqlite3.Cursor, user_id: str, email: str) -> None:
    cursor.execute("UPDATE users SET email = ? WHERE id = ?", (email, user_id))
