"""The errors of wingthing, in two families: what an operator can mend, and what a peer did wrong.

Anything else that is raised is a bug of ours and is logged with its traceback.
"""

from __future__ import annotations


class WingthingError(Exception):
    """The root of both families. `str()` is one clear sentence for a person."""


class OperatorError(WingthingError):
    """Something on this machine must be put right by whoever runs the program.

    The sentence says what is wrong and what to do next. A command line prints it and exits with `exit_code`.
    """

    exit_code = 2


class PeerError(WingthingError):
    """A peer sent what it may not. Carries how to tell it so.

    `status` answers an HTTP request, `close_code` ends a WebSocket (0: the socket stays open and gets an
    `error` message). `headers` go out with the HTTP answer, e.g. `{"Retry-After": "5"}`; `fields` stand
    beside `error` in its JSON body.
    """

    status = 400
    close_code = 0

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        fields: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        if status is not None:
            self.status = status
        self.headers = headers or {}
        self.fields = fields or {}


class InvalidMessage(PeerError):
    """Not JSON, no `type`, a field missing or of the wrong type, a value out of bounds."""


class NotAuthenticated(PeerError):
    """No credentials, or such as are wrong, expired or revoked."""

    status = 401


class Forbidden(PeerError):
    """Known, but not allowed to do this."""

    status = 403


class NotFound(PeerError):
    """There is no such thing, or none that this peer may know of."""

    status = 404


class CapReached(PeerError):
    """The user's plan allows no more this month; a browser is told so with `bandwidth.exceeded`."""

    status = 402


class TemporarilyUnavailable(PeerError):
    """Nothing wrong with the request: a passing fault of ours. A wing retries on it (never on 401)."""

    status = 503


class DecryptionFailed(PeerError):
    """A ciphertext that was not made with the key both sides should have, or was changed on its way."""
