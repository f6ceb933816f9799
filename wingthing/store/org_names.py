"""What organisations are called: names as people write them, and slugs as they stand in settings."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from typing import Final

from wingthing.errors import InvalidMessage
from wingthing.wire.limits import MAX_ORG_NAME_CHARS
from wingthing.wire.text import is_plain

MAX_SLUG_CHARS: Final = 40
NO_LATIN: Final = "team"
"""The slug of a name that has no letter of the Latin alphabet, and no digit."""

RESERVED: Final = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "billing",
        "blog",
        "docs",
        "health",
        "help",
        "internal",
        "invite",
        "invites",
        "local",
        "login",
        "logout",
        "me",
        "metrics",
        "mail",
        "new",
        "none",
        "null",
        "org",
        "orgs",
        "owner",
        "personal",
        "pricing",
        "privacy",
        "public",
        "ready",
        "root",
        "security",
        "self",
        "settings",
        "signin",
        "signup",
        "static",
        "status",
        "support",
        "system",
        "terms",
        "undefined",
        "user",
        "users",
        "wing",
        "wings",
        "wingthing",
        "ws",
        "www",
    ]
)
"""Slugs that could be taken for a part of this program, or for its voice."""

_OTHERS = re.compile("[^a-z0-9]+")


def checked(name: str) -> str:
    """A name as it is kept. Raises InvalidMessage."""
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > MAX_ORG_NAME_CHARS:
        raise InvalidMessage(f"the name of an organisation has 1 to {MAX_ORG_NAME_CHARS} characters")
    if not is_plain(name.strip()):
        raise InvalidMessage("a name has no control characters, nor such as turn the text around")
    return tidy


def slug_of(name: str) -> str:
    """The slug that a name comes to: small Latin letters, digits and dashes.

    Raises InvalidMessage when it is a reserved word.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _OTHERS.sub("-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-") or NO_LATIN
    if slug in RESERVED:
        raise InvalidMessage(f"an organisation cannot be called {slug!r}: choose another name")
    return slug


def free_slug(cursor: sqlite3.Cursor, name: str) -> str:
    """The slug of a new organisation: with a number at its end where another has the plain one."""
    slug, number = slug_of(name), 1
    candidate = slug
    while cursor.execute("SELECT 1 FROM orgs WHERE slug = ?", (candidate,)).fetchone() is not None:
        number += 1
        tail = f"-{number}"
        candidate = slug[: MAX_SLUG_CHARS - len(tail)].rstrip("-") + tail
    return candidate
