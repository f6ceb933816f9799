"""Device codes: how a wing gets a token that a logged-in user approves (RFC 8628 in spirit).

A user code is short, so it is matched only while it waits; the device code is random and long, and stored as
its hash.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable

import attrs

from wingthing.crypto.digests import digest
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.limits import (
    DEVICE_CODE_SECONDS,
    DEVICE_POLL_SECONDS,
    MAX_WAITING_DEVICE_CODES,
    USER_CODE_ALPHABET,
    USER_CODE_LENGTH,
)

CODE_BYTES = 32
ATTEMPTS = 20


@attrs.frozen
class Codes:
    """A new pair: the device keeps the first, the user types the second."""

    device_code: str
    user_code: str


@attrs.frozen
class Approved:
    """An approved code, to be turned into a token now."""

    user_id: str
    wing_id: str
    public_key: str


def create(
    cursor: sqlite3.Cursor,
    *,
    wing_id: str,
    public_key: str,
    user_id: str | None,
    now: float,
    randomness: Callable[[int], bytes],
) -> Codes:
    """A new pair of codes; approved at once when `user_id` is given.

    Raises TemporarilyUnavailable when too many wait.
    """
    # An expired code is kept for as long again, so that its device hears why it gets no token.
    cursor.execute("DELETE FROM device_codes WHERE expires_at <= ?", (now - DEVICE_CODE_SECONDS,))
    waiting = cursor.execute(
        "SELECT count(*) FROM device_codes WHERE user_id IS NULL AND expires_at > ?", (now,)
    ).fetchone()[0]
    if user_id is None and waiting >= MAX_WAITING_DEVICE_CODES:
        raise TemporarilyUnavailable("too many logins wait for approval: try again later")
    device_code = base64.urlsafe_b64encode(randomness(CODE_BYTES)).decode().rstrip("=")
    for _ in range(ATTEMPTS):
        user_code = _user_code(randomness)
        inserted = cursor.execute(
            "INSERT INTO device_codes (device_hash, user_code, wing_id, public_key, user_id, created_at, "
            "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_code) DO NOTHING",
            (digest(device_code), user_code, wing_id, public_key, user_id, now, now + DEVICE_CODE_SECONDS),
        )
        if inserted.rowcount:
            return Codes(device_code, user_code)
    raise TemporarilyUnavailable("no free user code was found: try again")


def waiting(cursor: sqlite3.Cursor, user_code: str, *, now: float) -> str | None:
    """The wing id that waits under a user code."""
    row = cursor.execute(
        "SELECT wing_id FROM device_codes WHERE user_code = ? AND user_id IS NULL AND expires_at > ?",
        (normal(user_code), now),
    ).fetchone()
    return row[0] if row else None


def approve(cursor: sqlite3.Cursor, user_code: str, user_id: str, *, now: float) -> str | None:
    """A user approves a code. Answers the wing id, or None when no such code waits."""
    wing_id = waiting(cursor, user_code, now=now)
    if wing_id is not None:
        cursor.execute(
            "UPDATE device_codes SET user_id = ? WHERE user_code = ? AND user_id IS NULL",
            (user_id, normal(user_code)),
        )
    return wing_id


def poll(cursor: sqlite3.Cursor, device_code: str, *, now: float) -> Approved | str:
    """A device asks for its token: the approved code, spent by this very call, or the error of the protocol.

    Errors: `authorization_pending`, `slow_down`, `expired_code`, `invalid_code`.
    """
    device_hash = digest(device_code)
    row = cursor.execute(
        "SELECT user_id, wing_id, public_key, expires_at, polled_at, spent FROM device_codes "
        "WHERE device_hash = ?",
        (device_hash,),
    ).fetchone()
    if row is None:
        return "invalid_code"
    user_id, wing_id, public_key, expires_at, polled_at, spent = row
    if spent:
        return "invalid_code"
    if now >= expires_at:
        return "expired_code"
    if user_id is not None:
        cursor.execute("UPDATE device_codes SET spent = 1 WHERE device_hash = ?", (device_hash,))
        return Approved(user_id, wing_id, public_key)
    cursor.execute("UPDATE device_codes SET polled_at = ? WHERE device_hash = ?", (now, device_hash))
    # A second of grace: clocks and networks are not exact.
    if polled_at is not None and now - polled_at < DEVICE_POLL_SECONDS - 1:
        return "slow_down"
    return "authorization_pending"


def normal(user_code: str) -> str:
    """A user code as people type it: spaces, dashes and small letters are no mistake."""
    return user_code.replace(" ", "").replace("-", "").upper()[: USER_CODE_LENGTH + 1]


def _user_code(randomness: Callable[[int], bytes]) -> str:
    # 32 letters: five bits of each byte choose one without bias.
    return "".join(
        USER_CODE_ALPHABET[byte % len(USER_CODE_ALPHABET)] for byte in randomness(USER_CODE_LENGTH)
    )
