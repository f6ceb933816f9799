"""From where and with what a request comes, for the list of login sessions: for people to recognise their own
browsers by. The address is what the server has seen, the browser what the client says of itself."""

from __future__ import annotations

import re
from typing import Final

import attrs
from twisted.web.http import Request

from wingthing.relay.credentials import header
from wingthing.web.client_address import client_address
from wingthing.wire.text import is_plain

MOST_CHARS: Final = 40
"""Of a program that is none of the browsers below."""

# The first that fits counts: nearly every browser also calls itself by the names after its own.
BROWSERS: Final = (
    ("Edge", re.compile(r"\b(?:Edg|EdgA|EdgiOS)/(\d{1,4})")),
    ("Opera", re.compile(r"\bOPR/(\d{1,4})")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d{1,4})")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"\b(?:Chrome|HeadlessChrome|CriOS)/(\d{1,4})")),
    ("Safari", re.compile(r"\bVersion/(\d{1,4})\S* (?:Mobile/\S+ )?Safari/")),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@attrs.frozen
class Visit:
    """Both empty: not known, as where an edge asks for its browser."""

    address: str = ""
    agent: str = ""


UNKNOWN: Final = Visit()


def visit_of(request: Request) -> Visit:
    """Of a request that this server answers."""
    return Visit(client_address(request), short_agent(header(request, "user-agent") or ""))


def short_agent(said: str) -> str:
    """What a `User-Agent` comes down to: `Firefox 128 on Linux`. Of an unknown program, its first word."""
    system = next((name for mark, name in SYSTEMS if mark in said), "")
    for name, pattern in BROWSERS:
        if found := pattern.search(said):
            browser = f"{name} {found[1]}"
            return f"{browser} on {system}" if system else browser
    first = said.split(maxsplit=1)[0] if said.strip() else ""
    # Header bytes are anything: what would turn a line around or could not be shown is left out.
    return "".join(char for char in first if is_plain(char))[:MOST_CHARS]
