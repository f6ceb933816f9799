"""The way from an HTTP request to an open socket: who may upgrade is decided before the upgrade.

A refusal is an ordinary HTTP answer, `{"error": ...}` with its status. A wing stops for good on 401, so a
passing fault of ours is always 503 (protocol.md section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from autobahn.twisted.resource import WebSocketResource
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from wingthing.crypto.tokens import WingToken
from wingthing.errors import Forbidden, NotAuthenticated, PeerError, TemporarilyUnavailable
from wingthing.relay import limiting
from wingthing.relay.credentials import argument, cookie_of, header, token_of
from wingthing.relay.peers import Identity, parse_features
from wingthing.sockets.base import RelayFactory, RelaySocket
from wingthing.sockets.dashboard import DashboardSocket
from wingthing.sockets.viewer import ViewerSocket
from wingthing.sockets.wing import WingSocket
from wingthing.wire.limits import MAX_ID_CHARS


class Authenticator(Protocol):
    """Who is it. Raises NotAuthenticated, or TemporarilyUnavailable when it cannot be found out now."""

    async def wing(self, token: str) -> tuple[WingToken, Identity]:
        """The claims of a wing's token and its user."""

    async def viewer(self, *, cookie: str | None, token: str | None) -> Identity:
        """The user behind a login cookie or a token."""


class Placement(Protocol):
    """Where a browser belongs."""

    def welcome(self, header: Callable[[str], str | None], /) -> None:
        """A request has come; who it is from is not known yet."""

    async def place(self, wing_id: str, identity: Identity, header: Callable[[str], str | None], /) -> None:
        """Returns when it may be upgraded here; raises PeerError for any other answer."""


class Anywhere:
    """The Placement of a node that is alone."""

    def welcome(self, header: Callable[[str], str | None], /) -> None:
        """Nobody sends requests on."""

    async def place(self, wing_id: str, identity: Identity, header: Callable[[str], str | None], /) -> None:
        """Here."""


OriginCheck = Callable[[str, str], bool]
"""(Origin, Host) -> whether pages of that origin may open sockets here."""


class _OneConnection:
    """What Autobahn's resource needs of a factory: the one protocol that was made for this request."""

    def __init__(self, factory: RelayFactory, socket: RelaySocket) -> None:
        self._factory = factory
        self._socket = socket

    def buildProtocol(self, addr: IAddress) -> RelaySocket:
        self._socket.factory = self._factory
        return self._socket


class UpgradeResource(Resource):
    """One of the WebSocket addresses. Subclasses say who may open it and what is opened."""

    isLeaf = True
    log = Logger()

    def __init__(
        self, factory: RelayFactory, authenticator: Authenticator, origin_allowed: OriginCheck
    ) -> None:
        super().__init__()
        self._factory = factory
        self._authenticator = authenticator
        self._origin_allowed = origin_allowed
        self.draining = False

    async def admit(self, request: Request) -> RelaySocket:
        """The socket for this request. Raises PeerError."""
        raise TypeError(f"{type(self).__name__} admits nobody")

    def render(self, request: Request) -> int:
        admission: Deferred[RelaySocket] = Deferred.fromCoroutine(self._check(request))
        gone = request.notifyFinish()
        gone.addErrback(self._client_gone, admission)
        admission.addCallbacks(self._upgrade, self._refuse, callbackArgs=(request,), errbackArgs=(request,))
        admission.addErrback(lambda failure: self.log.failure("an upgrade failed", failure=failure))
        return NOT_DONE_YET

    async def _check(self, request: Request) -> RelaySocket:
        if request.method != b"GET":
            raise PeerError("this address takes only GET", status=405, headers={"Allow": "GET"})
        origin = header(request, "origin")
        # Browsers always send an Origin with a WebSocket; without one it is no web page that asks.
        if origin is not None and not self._origin_allowed(origin, header(request, "host") or ""):
            raise Forbidden("this page may not connect to this server")
        self._must_not_drain()
        limiting.check(request, "upgrade")
        socket = await self.admit(request)
        # Admission may have taken seconds.
        self._must_not_drain()
        if (header(request, "upgrade") or "").lower() != "websocket":
            raise PeerError(
                "this address takes WebSocket connections", status=426, headers={"Upgrade": "websocket"}
            )
        return socket

    def _must_not_drain(self) -> None:
        if self.draining:
            raise TemporarilyUnavailable("the server is restarting", headers={"Retry-After": "1"})

    def _upgrade(self, socket: RelaySocket, request: Request) -> None:
        if request.channel is None:
            # The client left, and the authenticator answered all the same.
            return
        WebSocketResource(_OneConnection(self._factory, socket)).render(request)

    def _refuse(self, failure: Failure, request: Request) -> None:
        if failure.check(CancelledError) or request.channel is None:
            return
        if not failure.check(PeerError):
            self.log.failure("an upgrade failed", failure=failure)
            failure = Failure(TemporarilyUnavailable("internal error: try again"))
        why = failure.value
        assert isinstance(why, PeerError)
        request.setResponseCode(why.status)
        request.setHeader("Content-Type", "application/json")
        for name, value in why.headers.items():
            request.setHeader(name, value)
        request.write(msgspec.json.encode({"error": str(why), **why.fields}))
        request.finish()

    def _client_gone(self, failure: Failure, admission: Deferred[RelaySocket]) -> None:
        failure.trap(ConnectionDone, ConnectionLost)
        admission.cancel()


class WingUpgrade(UpgradeResource):
    """`GET /ws/wing`: token as `Authorization: Bearer T` or `?token=T`."""

    async def admit(self, request: Request) -> RelaySocket:
        token = token_of(request)
        if token is None:
            raise NotAuthenticated("a wing needs a token: run 'wt login'")
        claims, identity = await self._authenticator.wing(token)
        limiting.check_account(request, "upgrade", identity.user_id)
        return WingSocket(identity, claims)


class ViewerUpgrade(UpgradeResource):
    """`GET /ws/pty?wing_id=W` and `GET /ws/relay?wing_id=W`: login cookie, or a token."""

    placement: Placement = Anywhere()

    async def admit(self, request: Request) -> RelaySocket:
        self.placement.welcome(lambda name: header(request, name))
        identity = await self._authenticator.viewer(cookie=cookie_of(request), token=token_of(request))
        limiting.check_account(request, "upgrade", identity.user_id)
        wing_id = (argument(request, "wing_id") or "")[: MAX_ID_CHARS + 1]
        placing = Deferred.fromCoroutine(
            self.placement.place(wing_id, identity, lambda name: header(request, name))
        )
        waits = not placing.called
        await placing
        if waits:
            # Seconds, in which the login may have ended: nothing was open yet that could be closed for it.
            await self._authenticator.viewer(cookie=cookie_of(request), token=token_of(request))
        features = parse_features(argument(request, "features"))
        return ViewerSocket(identity, wing_id, features)


class DashboardUpgrade(UpgradeResource):
    """`GET /ws/app`: login cookie, or a token."""

    async def admit(self, request: Request) -> RelaySocket:
        identity = await self._authenticator.viewer(cookie=cookie_of(request), token=token_of(request))
        limiting.check_account(request, "upgrade", identity.user_id)
        return DashboardSocket(identity)
