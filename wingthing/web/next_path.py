"""Where a browser goes after it has signed in: a page of this server, and never another's."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

HOME: Final = "/app/"
MAX_CHARS: Final = 1024

AFTERWARDS: Final = "/auth/login"
"""A login that leads to itself would go round for ever."""


def safe_next(given: str | None) -> str:
    """`given` if it is a path of this server, else the app.

    Browsers take `//host`, `/\\host` and, because they drop tabs and line ends, `/\\t/host` for another host:
    what has a backslash, a doubled slash, a control character or anything but ASCII is not believed.
    """
    if not given or len(given) > MAX_CHARS or not given.startswith("/"):
        return HOME
    if "\\" in given or not given.isascii() or not given.isprintable() or " " in given:
        return HOME
    path = re.split("[?#]", given, maxsplit=1)[0]
    # Anywhere: what tidies `/.//host` up makes `//host` of it.
    if "//" in path or path.rstrip("/") == AFTERWARDS:
        return HOME
    return given


def login_path(path: str) -> str:
    """The login page that leads to `path` afterwards."""
    wanted = safe_next(path)
    return AFTERWARDS if wanted == HOME else f"{AFTERWARDS}?next={quote(wanted, safe='')}"
