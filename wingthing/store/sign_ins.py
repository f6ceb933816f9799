"""Sign-ins that are under way: browsers at a provider's pages, and links in the mail. Each counts once.

Kept are the hashes of what the browser and the address hold.
"""

from __future__ import annotations

import hmac
import sqlite3

import attrs

from wingthing.crypto.digests import digest
from wingthing.wire.account_limits import MAIL_LINK_SECONDS, MAX_WAITING_SIGN_INS, SIGN_IN_SECONDS


@attrs.frozen
class Started:
    """A sign-in at a provider. `link_login` is the digest of the login cookie in whose session the method is
    to be linked; empty when somebody signs in."""

    provider: str
    next: str
    link_login: str


@attrs.frozen
class MailLink:
    """A link that was sent to `email`. `user_id` is whose account that is to be linked to; empty when
    somebody signs in."""

    email: str
    next: str
    user_id: str


def start(
    cursor: sqlite3.Cursor,
    *,
    state: str,
    browser: str,
    provider: str,
    next_path: str,
    link_login: str = "",
    now: float,
) -> None:
    """A browser goes to a provider. `state` travels there and back, `browser` is in a cookie."""
    cursor.execute("DELETE FROM sign_ins WHERE expires_at <= ?", (now,))
    cursor.execute(
        "INSERT INTO sign_ins (state_hash, browser_hash, provider, next, link_login, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (digest(state), digest(browser), provider, next_path, link_login, now + SIGN_IN_SECONDS),
    )
    waiting = cursor.execute("SELECT count(*) FROM sign_ins").fetchone()[0]
    if waiting > MAX_WAITING_SIGN_INS:
        cursor.execute(
            "DELETE FROM sign_ins WHERE rowid IN "
            "(SELECT rowid FROM sign_ins ORDER BY expires_at, rowid LIMIT ?)",
            (waiting - MAX_WAITING_SIGN_INS,),
        )


def finish(cursor: sqlite3.Cursor, *, state: str, browser: str, provider: str, now: float) -> Started | None:
    """A browser has come back. None unless it is the one that went to this provider with this state, in time
    and for the first time; whatever comes with a state spends it."""
    row = cursor.execute(
        "DELETE FROM sign_ins WHERE state_hash = ? "
        "RETURNING browser_hash, provider, next, link_login, expires_at",
        (digest(state),),
    ).fetchone()
    if row is None or not hmac.compare_digest(row[0], digest(browser)):
        return None
    if row[1] != provider or row[4] <= now:
        return None
    return Started(*row[1:4])


def send_link(
    cursor: sqlite3.Cursor, *, token: str, email: str, next_path: str, user_id: str = "", now: float
) -> None:
    """Note a link that is about to be sent."""
    cursor.execute("DELETE FROM mail_links WHERE expires_at <= ?", (now,))
    cursor.execute(
        "INSERT INTO mail_links (token_hash, email, next, user_id, expires_at) VALUES (?, ?, ?, ?, ?)",
        (digest(token), email, next_path, user_id, now + MAIL_LINK_SECONDS),
    )


def link(cursor: sqlite3.Cursor, token: str, *, now: float) -> MailLink | None:
    """What a link is for, without spending it; None when it does not count."""
    row = cursor.execute(
        "SELECT email, next, user_id FROM mail_links WHERE token_hash = ? AND expires_at > ?",
        (digest(token), now),
    ).fetchone()
    return MailLink(*row) if row else None


def spend_link(cursor: sqlite3.Cursor, token: str, *, now: float) -> MailLink | None:
    """The same, once. All other links to that address, for the same purpose, end with it."""
    found = link(cursor, token, now=now)
    if found is not None:
        cursor.execute("DELETE FROM mail_links WHERE email = ? AND user_id = ?", (found.email, found.user_id))
    return found
