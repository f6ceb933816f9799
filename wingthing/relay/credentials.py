"""Where a request carries its credentials: for pages, APIs and WebSockets alike (protocol.md section 2)."""

from __future__ import annotations

from typing import Any, Final, Protocol

from wingthing.errors import NotAuthenticated
from wingthing.names import SESSION_COOKIE

HOW_TO_GET_IN: Final = (
    "not logged in: run 'wt url' on the machine of this server and open the link that it prints"
)
HOW_TO_SIGN_IN: Final = "not logged in: open this server in a browser and sign in"
TOKEN_REVOKED: Final = "the token has been revoked: log in again"  # noqa: S105 - a sentence
MAX_CREDENTIAL_CHARS: Final = 4096
"""A longer cookie or token is none of ours."""


class NotSignedIn(NotAuthenticated):
    """Nobody is logged in, where people sign in: a page sends them to do that."""

    def __init__(self, message: str = HOW_TO_SIGN_IN) -> None:
        super().__init__(message)


class HttpRequest(Protocol):
    """What is read of a request."""

    args: Any

    def getHeader(self, key: bytes) -> bytes | None: ...

    def getCookie(self, key: bytes) -> bytes | None: ...


def header(request: HttpRequest, name: str) -> str | None:
    """One header. Any bytes may stand in it; asking Twisted for text would fail on what is not UTF-8."""
    value = request.getHeader(name.encode("ascii"))
    return value.decode("latin-1") if value is not None else None


def argument(request: HttpRequest, name: str) -> str | None:
    """One parameter of the query or of a form, the first of its name."""
    values = (request.args or {}).get(name.encode())
    return values[0].decode("utf-8", "replace") if values else None


def token_of(request: HttpRequest) -> str | None:
    """The token of a request: `Authorization: Bearer T`, else `?token=T`."""
    scheme, _, value = (header(request, "authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return argument(request, "token") or None


def cookie_of(request: HttpRequest) -> str | None:
    """The login cookie of a request."""
    value = request.getCookie(SESSION_COOKIE.encode())
    return value.decode("ascii", "replace") if value else None
