"""The cookie of a login session."""

from __future__ import annotations

from twisted.web.http import Request

from wingthing.names import SESSION_COOKIE
from wingthing.wire.limits import LOGIN_COOKIE_SECONDS


def set_login_cookie(request: Request, value: str, *, secure: bool) -> None:
    """Give the browser the cookie: no script reads it, no other site's form or picture carries it, and where
    the server is reached by https (`secure`) it never goes out in clear text."""
    _set(request, value, LOGIN_COOKIE_SECONDS, secure)


def clear_login_cookie(request: Request, *, secure: bool) -> None:
    """Take it back."""
    _set(request, "", 0, secure)


def _set(request: Request, value: str, seconds: int, secure: bool) -> None:
    request.addCookie(
        SESSION_COOKIE,
        value,
        path="/",
        max_age=str(seconds),
        httpOnly=True,
        sameSite="lax",
        secure=secure,
    )
