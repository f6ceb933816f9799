"""The device login: how this machine becomes somebody's (protocol.md section 2)."""

from __future__ import annotations

from typing import Any, TypeVar

import jwt
import msgspec
import treq
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from wingthing.errors import NotAuthenticated, OperatorError
from wingthing.failures import error_words
from wingthing.wing.home import DeviceToken
from wingthing.wing.roost import Roost
from wingthing.wire.limits import DEVICE_CODE_SECONDS, DEVICE_POLL_SECONDS, MAX_BODY_BYTES
from wingthing.wire.wing_limits import HANDSHAKE_SECONDS

T = TypeVar("T")
UNAUTHORIZED = 401


class DeviceCode(msgspec.Struct, frozen=True):
    """The answer to `POST /auth/device`. `expires_in` and `interval` are seconds."""

    device_code: str
    user_code: str
    verification_url: str
    expires_in: float = DEVICE_CODE_SECONDS
    interval: float = DEVICE_POLL_SECONDS


class Grant(msgspec.Struct, frozen=True):
    """The answer to `POST /auth/token` and `/auth/refresh`."""

    token: str = ""
    expires_at: int = 0
    display_name: str | None = None
    email: str | None = None
    provider: str | None = None
    error: str = ""

    @property
    def who(self) -> str:
        """Whose login it is, as far as the server says."""
        return _named(self.display_name, self.email)


class Who(msgspec.Struct, frozen=True):
    """The answer to `GET /auth/check`."""

    user_id: str
    display_name: str | None = None
    email: str | None = None
    provider: str | None = None

    @property
    def name(self) -> str:
        """How a person calls this user."""
        return _named(self.display_name, self.email) or self.user_id


class Done(msgspec.Struct, frozen=True):
    """An answer that says no more than that it was done."""

    ok: bool


class DeviceLogin:
    """Talks to one server. Every method raises OperatorError when it cannot be reached or makes no sense."""

    def __init__(self, clock: IReactorTime, http: HTTPClient, roost: Roost) -> None:
        self._clock = clock
        self._http = http
        self.roost = roost

    async def begin(self, wing_id: str, public_key: str) -> DeviceCode:
        """Ask for a code that a logged-in user can approve."""
        _status, code = await self._ask(
            "POST", "/auth/device", DeviceCode, {"wing_id": wing_id, "public_key": public_key}
        )
        return code

    async def wait(self, code: DeviceCode) -> Grant:
        """Poll until the code is approved. Raises OperatorError when it is not in time, or refused."""
        deadline = self._clock.seconds() + code.expires_in
        interval = max(code.interval, 0.1)
        while True:
            await deferLater(self._clock, interval)
            _status, grant = await self._ask("POST", "/auth/token", Grant, {"device_code": code.device_code})
            if grant.token:
                return grant
            if grant.error == "slow_down":
                interval += DEVICE_POLL_SECONDS
            elif grant.error == "expired_code" or self._clock.seconds() >= deadline:
                raise OperatorError("The code was not approved in time: run 'wt login' again.")
            elif grant.error != "authorization_pending":
                raise OperatorError(f"{self.roost.url} refused the login: {grant.error or 'no reason'}.")

    async def check(self, token: str) -> Who:
        """Who the token stands for. Raises NotAuthenticated when it is not accepted."""
        _status, who = await self._ask("GET", "/auth/check", Who, token=token)
        return who

    async def revoke(self, token: str) -> None:
        """Log the token's user out everywhere. Raises NotAuthenticated when it is not accepted."""
        await self._ask("POST", "/auth/revoke", Done, token=token)

    async def refresh(self, token: str) -> Grant:
        """A new token for an old one. Raises NotAuthenticated when that is not accepted."""
        _status, grant = await self._ask("POST", "/auth/refresh", Grant, {"token": token})
        if not grant.token:
            raise OperatorError(f"{self.roost.url} gave no new token.")
        return grant

    async def _ask(
        self, method: str, path: str, kind: type[T], body: dict[str, str] | None = None, token: str = ""
    ) -> tuple[int, T]:
        url = self.roost.url
        headers = Headers({"Authorization": [f"Bearer {token}"]} if token else {})
        try:
            response: IResponse = await self._in_time(
                self._http.request(method, url + path, json=body, headers=headers, allow_redirects=False)
            )
            data = await self._body(response)
        except TimeoutError as why:
            raise OperatorError(f"{url} did not answer in time: is it a wingthing server?") from why
        except (CancelledError, OperatorError):
            raise
        except Exception as why:
            # Whatever goes wrong below HTTP (name, route, port, TLS) is for the person to mend.
            mend = "start it with 'wt roost'" if self.roost.is_this_machine else "see that it runs there"
            raise OperatorError(
                f"{url} cannot be reached ({error_words(why)}): {mend}, or name another with --roost URL."
            ) from why
        if response.code == UNAUTHORIZED:
            raise NotAuthenticated("the login is not valid any more")
        if response.code // 100 != 2:
            raise OperatorError(f"{url}{path} answered {response.code}{_said(data)}.")
        try:
            return response.code, msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as why:
            raise OperatorError(f"{url} does not answer like a wingthing server: check the address.") from why

    async def _body(self, response: IResponse) -> bytes:
        parts: list[bytes] = []
        size = 0

        def take(part: bytes) -> None:
            nonlocal size
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise OperatorError(f"{self.roost.url} answers at too great a length: check the address.")
            parts.append(part)

        await self._in_time(treq.collect(response, take))
        return b"".join(parts)

    def _in_time(self, waiting: Deferred[Any]) -> Deferred[Any]:
        # A cancelled request fails in ways of its own: whichever it is, time was the reason.
        def too_late(_result: object, _seconds: float) -> Failure:
            return Failure(TimeoutError())

        return waiting.addTimeout(HANDSHAKE_SECONDS, self._clock, too_late)


def http_client(reactor: Any) -> HTTPClient:
    """A client that keeps no connections, for a few requests."""
    return HTTPClient(Agent(reactor, connectTimeout=HANDSHAKE_SECONDS))


def half_spent(token: DeviceToken, now: float) -> bool:
    """Whether a token is past half its life, so that it is time for the next one."""
    if not token.expires_at or not token.issued_at:
        return False
    return now - token.issued_at > (token.expires_at - token.issued_at) / 2


def renewed(token: DeviceToken, grant: Grant, now: float, roost: str) -> DeviceToken:
    """The stored form of a fresh grant of the server `roost` for the machine of `token`."""
    return msgspec.structs.replace(
        token, device_token=grant.token, expires_at=grant.expires_at, issued_at=int(now), roost=roost
    )


class Claims(msgspec.Struct, frozen=True):
    """What a token of our own says of itself; empty where it does not."""

    user_id: str = ""
    public_key: str = ""
    wing_id: str = ""


def claims_of(token: str) -> Claims:
    """The claims of a wing token (protocol.md section 2), its signature unchecked: that is the server's."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return Claims()
    return Claims(*(str(claims.get(name) or "") for name in ("sub", "pub", "wing")))


def _named(display_name: str | None, email: str | None) -> str:
    if display_name and email:
        return f"{display_name} ({email})"
    return display_name or email or ""


def _said(data: bytes) -> str:
    try:
        error: Any = msgspec.json.decode(data)["error"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
    return f": {str(error)[:200]}"
