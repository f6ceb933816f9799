"""Everything that is stored about a user, for that user. Never a secret, nor the hash of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

from wingthing.errors import NotFound
from wingthing.store import audit, users

Section = Callable[[sqlite3.Cursor, str], Any]

SECTIONS: Final[dict[str, Section]] = {}
"""Key of the export -> what stands there."""

EXPORTED_ENTRIES: Final = 100_000
"""Of the audit log, the newest."""


def section(name: str) -> Callable[[Section], Section]:
    """Registers a section of the export."""

    def register(query: Section) -> Section:
        assert name not in SECTIONS, name
        SECTIONS[name] = query
        return query

    return register


def of_user(cursor: sqlite3.Cursor, user_id: str) -> dict[str, Any]:
    """The whole export, ready for JSON. Raises NotFound when there is no such user."""
    user = users.find(cursor, user_id)
    if user is None or user.removed_at is not None:
        raise NotFound("there is no user of this id")
    return {name: query(cursor, user_id) for name, query in SECTIONS.items()}


def rows(cursor: sqlite3.Cursor, query: str, user_id: str) -> list[dict[str, Any]]:
    """The answer of a query with the parameter `user`, each row as column -> value."""
    found = cursor.execute(query, {"user": user_id})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _one(cursor: sqlite3.Cursor, query: str, user_id: str) -> Mapping[str, Any] | None:
    return next(iter(rows(cursor, query, user_id)), None)


@section("profile")
def _profile(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return _one(
        cursor,
        "SELECT id, display_name, email, provider, avatar_url, created_at FROM users WHERE id = :user",
        user_id,
    )


@section("login_sessions")
def _login_sessions(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT created_at, used_at, address, agent FROM login_sessions WHERE user_id = :user "
        "ORDER BY created_at",
        user_id,
    )


@section("devices")
def _devices(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT jti AS id, wing_id, issued_at, expires_at, revoked_at, used_at FROM tokens "
        "WHERE user_id = :user ORDER BY issued_at",
        user_id,
    )


@section("device_logins")
def _device_logins(cursor: sqlite3.Cursor, user_id: str) -> Any:
    """Those that were approved lately; the codes themselves are secrets."""
    return rows(
        cursor,
        "SELECT wing_id, public_key, created_at, expires_at FROM device_codes WHERE user_id = :user "
        "ORDER BY created_at",
        user_id,
    )


@section("labels")
def _labels(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(cursor, "SELECT wing_id, label FROM labels WHERE user_id = :user ORDER BY wing_id", user_id)


@section("sign_in_methods")
def _sign_in_methods(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT id, provider, issuer, subject, email, name, linked_at, used_at FROM sign_in_methods "
        "WHERE user_id = :user ORDER BY linked_at, id",
        user_id,
    )


@section("passkeys")
def _passkeys(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT id, credential_id, public_key, label, transports, created_at FROM passkeys "
        "WHERE user_id = :user ORDER BY created_at, id",
        user_id,
    )


@section("organisations")
def _organisations(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT org_id AS id, name, role, joined_at FROM org_members LEFT JOIN orgs ON orgs.id = org_id "
        "WHERE user_id = :user ORDER BY joined_at, org_id",
        user_id,
    )


@section("invites")
def _invites(cursor: sqlite3.Cursor, user_id: str) -> Any:
    """Those that the user has sent, and those for the user's address."""
    return rows(
        cursor,
        "SELECT id, org_id, email, role, invited_by, created_at, expires_at, ended FROM org_invites "
        "WHERE invited_by = :user OR email = (SELECT NULLIF(email, '') FROM users WHERE id = :user) "
        "ORDER BY created_at, id",
        user_id,
    )


@section("notifications")
def _notifications(cursor: sqlite3.Cursor, user_id: str) -> Any:
    """What would let others send or read is left out: the token, and the address and keys of a browser."""
    return {
        "ntfy": _one(cursor, "SELECT topic, events FROM ntfy WHERE user_id = :user", user_id),
        "push": _one(cursor, "SELECT events FROM push_events WHERE user_id = :user", user_id),
        "browsers": rows(
            cursor,
            "SELECT id, agent, created_at FROM push_subscriptions WHERE user_id = :user "
            "ORDER BY created_at, id",
            user_id,
        ),
    }


@section("plans")
def _plans(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(
        cursor,
        "SELECT source, reference, customer, status, period_end, cancel_at_end, created_at, changed_at "
        "FROM subscriptions WHERE kind = 'user' AND holder = :user ORDER BY id",
        user_id,
    )


@section("usage")
def _usage(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return rows(cursor, "SELECT day, bytes FROM usage_days WHERE user_id = :user ORDER BY day", user_id)


@section("audit_log")
def _audit_log(cursor: sqlite3.Cursor, user_id: str) -> Any:
    return [
        {
            "at": entry.at,
            "by": entry.actor,
            "account": entry.user_id,
            "action": entry.action,
            "subject": entry.subject,
            "address": entry.address,
            "org_id": entry.org_id,
        }
        for entry in audit.of_user(cursor, user_id, most=EXPORTED_ENTRIES)
    ]
