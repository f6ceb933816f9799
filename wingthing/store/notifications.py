"""Whom to notify of what, and where: ntfy topics, Web Push subscriptions, and what has been sent already."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import attrs

from wingthing.crypto.digests import digest
from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.store import login_sessions
from wingthing.wire.account_limits import EPISODE_SECONDS, MAX_PUSH_SUBSCRIPTIONS
from wingthing.wire.limits import LOGIN_SESSION_SECONDS

ID_CHARS = 24


@attrs.frozen
class Ntfy:
    """A user's topic at the ntfy server. `events` are those to be sent there."""

    topic: str
    token: str = attrs.field(default="", repr=False)
    events: tuple[str, ...] = ()


@attrs.frozen
class Subscription:
    """A browser at its push service. The keys are base64url, as the browser gave them (RFC 8291)."""

    id: str
    user_id: str
    endpoint: str = attrs.field(repr=False)
    p256dh: str = attrs.field(repr=False)
    auth: str = attrs.field(repr=False)
    agent: str
    created_at: float


@attrs.frozen
class Targets:
    """Where one call of a terminal goes for one user; `label` is what the user calls the wing."""

    ntfy: Ntfy | None = None
    subscriptions: tuple[Subscription, ...] = ()
    label: str = ""


_COLUMNS = "id, user_id, endpoint, p256dh, auth, agent, created_at"


def ntfy_of(cursor: sqlite3.Cursor, user_id: str) -> Ntfy | None:
    """A user's topic, if there is one."""
    row = cursor.execute("SELECT topic, token, events FROM ntfy WHERE user_id = ?", (user_id,)).fetchone()
    return Ntfy(row[0], row[1], _events(row[2])) if row else None


def put_ntfy(
    cursor: sqlite3.Cursor, user_id: str, *, topic: str, token: str | None, events: tuple[str, ...]
) -> None:
    """Set a user's topic. A `token` of None leaves the one that is there."""
    cursor.execute(
        "INSERT INTO ntfy (user_id, topic, token, events) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (user_id) DO UPDATE SET topic = excluded.topic, events = excluded.events, "
        "token = iif(?, token, excluded.token)",
        (user_id, topic, token or "", ",".join(events), token is None),
    )


def delete_ntfy(cursor: sqlite3.Cursor, user_id: str) -> None:
    """Forget a user's topic, and the token with it."""
    cursor.execute("DELETE FROM ntfy WHERE user_id = ?", (user_id,))


def push_events(cursor: sqlite3.Cursor, user_id: str) -> tuple[str, ...]:
    """What a user's browsers are to be notified of."""
    row = cursor.execute("SELECT events FROM push_events WHERE user_id = ?", (user_id,)).fetchone()
    return _events(row[0]) if row else ()


def put_push_events(cursor: sqlite3.Cursor, user_id: str, events: tuple[str, ...]) -> None:
    """Set that."""
    cursor.execute(
        "INSERT INTO push_events (user_id, events) VALUES (?, ?) "
        "ON CONFLICT (user_id) DO UPDATE SET events = excluded.events",
        (user_id, ",".join(events)),
    )


def subscriptions(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> list[Subscription]:
    """A user's browsers that are logged in, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM push_subscriptions WHERE user_id = ? AND session_hash IN "  # noqa: S608
        "(SELECT token_hash FROM login_sessions WHERE user_id = ? AND used_at >= ?) ORDER BY created_at, id",
        (user_id, user_id, now - LOGIN_SESSION_SECONDS),
    )
    return [Subscription(*row) for row in rows.fetchall()]


def subscribe(
    cursor: sqlite3.Cursor,
    user_id: str,
    *,
    session: str,
    endpoint: str,
    p256dh: str,
    auth: str,
    agent: str,
    now: float,
) -> str:
    """Add a browser, or renew it. Answers its id, which it can tell from its endpoint as well.

    It is for as long as the login session whose token has the digest `session`. A browser that has logged in
    as somebody else takes its subscription along: its keys prove that it is the same. Raises PeerError (409)
    when the user has as many as may be, or the endpoint is another browser's; NotAuthenticated when the
    session is none of the user's that counts.
    """
    login_sessions.clear(cursor, now=now)
    found = login_sessions.find(cursor, session, now=now)
    if found is None or found[0] != user_id:
        raise NotAuthenticated("this browser is not logged in any more")
    row = cursor.execute(
        "SELECT user_id, p256dh, auth FROM push_subscriptions WHERE endpoint = ?", (endpoint,)
    ).fetchone()
    if row is not None and row[0] != user_id and (row[1], row[2]) != (p256dh, auth):
        raise PeerError("this browser is subscribed under another account", status=409)
    cursor.execute("DELETE FROM push_subscriptions WHERE endpoint = ?", (endpoint,))
    if len(subscriptions(cursor, user_id, now=now)) >= MAX_PUSH_SUBSCRIPTIONS:
        raise PeerError(
            f"{MAX_PUSH_SUBSCRIPTIONS} browsers get notifications already: remove one first", status=409
        )
    subscription_id = digest(endpoint)[:ID_CHARS]
    cursor.execute(
        f"INSERT INTO push_subscriptions ({_COLUMNS}, session_hash) "  # noqa: S608
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (subscription_id, user_id, endpoint, p256dh, auth, agent, now, session),
    )
    return subscription_id


def unsubscribe(cursor: sqlite3.Cursor, user_id: str, subscription_id: str) -> None:
    """Forget a browser. Raises NotFound when the user has none of that id."""
    cursor.execute("DELETE FROM push_subscriptions WHERE id = ? AND user_id = ?", (subscription_id, user_id))
    if cursor.rowcount == 0:
        raise NotFound("there is no such browser")


def gone(cursor: sqlite3.Cursor, subscription_id: str, endpoint: str) -> None:
    """The push service does not know this browser any more. One that has come anew meanwhile is not meant."""
    cursor.execute(
        "DELETE FROM push_subscriptions WHERE id = ? AND endpoint = ?", (subscription_id, endpoint)
    )


def push_key(cursor: sqlite3.Cursor, new: Callable[[], str]) -> str:
    """The server's key for Web Push: the one that is kept, or a new one, kept from now on."""
    row = cursor.execute("SELECT key FROM push_key WHERE id = 1").fetchone()
    if row is not None:
        return str(row[0])
    key = new()
    cursor.execute("INSERT INTO push_key (id, key) VALUES (1, ?)", (key,))
    return key


def wants(cursor: sqlite3.Cursor, user_id: str, event: str, *, now: float) -> bool:
    """Whether a user is to be notified of such an event, by whatever way."""
    found = ntfy_of(cursor, user_id)
    if found is not None and event in found.events:
        return True
    return event in push_events(cursor, user_id) and bool(subscriptions(cursor, user_id, now=now))


def begin(
    cursor: sqlite3.Cursor, user_id: str, event: str, wing_id: str, episode: tuple[str, ...], *, now: float
) -> Targets | None:
    """Where to notify a user of an event; None when that has been done, or is not wanted.

    From now on it counts as done. An empty `episode` never does.
    """
    removed = cursor.execute("SELECT removed_at FROM users WHERE id = ?", (user_id,)).fetchone()
    if removed is None or removed[0] is not None or not wants(cursor, user_id, event, now=now):
        return None
    if episode:
        cursor.execute("DELETE FROM notified WHERE at < ?", (now - EPISODE_SECONDS,))
        cursor.execute(
            "INSERT INTO notified (episode, at) VALUES (?, ?) ON CONFLICT (episode) DO NOTHING",
            (digest("\0".join((user_id, event, *episode))), now),
        )
        if cursor.rowcount == 0:
            return None
    ntfy = ntfy_of(cursor, user_id)
    browsers = subscriptions(cursor, user_id, now=now) if event in push_events(cursor, user_id) else []
    row = cursor.execute(
        "SELECT label FROM labels WHERE user_id = ? AND wing_id = ?", (user_id, wing_id)
    ).fetchone()
    return Targets(
        ntfy if ntfy is not None and event in ntfy.events else None, tuple(browsers), row[0] if row else ""
    )


def forget_user(cursor: sqlite3.Cursor, user_id: str) -> None:
    """Clear away all that is kept of a user here."""
    delete_ntfy(cursor, user_id)
    cursor.execute("DELETE FROM push_events WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM push_subscriptions WHERE user_id = ?", (user_id,))


def _events(kept: str) -> tuple[str, ...]:
    return tuple(event for event in kept.split(",") if event)
