"""The HTTP server: bodies of bounded size, one log line per request, and the guard before everything else."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request as ServerRequest
from twisted.web.server import Site

from wingthing.errors import Forbidden, PeerError
from wingthing.names import SESSION_COOKIE
from wingthing.relay import limiting
from wingthing.relay.client_address import AddressRule, peer_address
from wingthing.relay.credentials import header
from wingthing.relay.rates import Limits
from wingthing.web.answers import Refusal, refuse
from wingthing.web.guard import SAFE_METHODS, SECURITY_HEADERS, Guard
from wingthing.wire.account_limits import REQUEST_SECONDS
from wingthing.wire.limits import MAX_BODY_BYTES

COUNTED_ELSEWHERE = frozenset({b"/auth/token", b"/billing/webhook"})
"""Writes that no limit on changes is for: machines that wait for their approval have one of their own, and a
payment provider, which signs what it sends, has none."""


class _Nothing(io.BytesIO):
    """Takes a body that is too large without keeping it."""

    def write(self, data: Any) -> int:
        return len(data)


class BoundedRequest(ServerRequest):
    """A request whose body, declared or chunked, is dropped as soon as it is larger than it may be."""

    too_large = False
    content: Any
    channel: Any
    _deadline: IDelayedCall | None = None

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        # The channel's own timeout begins anew with every byte.
        self._deadline = channel.callLater(REQUEST_SECONDS, self._too_slow)

    def most_bytes(self) -> int:
        """How large the body may be; known as soon as the headers are."""
        return MAX_BODY_BYTES

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self.most_bytes():
            self._drop_body()

    def handleContentChunk(self, data: bytes) -> None:
        if not self.too_large and self.content.tell() + len(data) > self.most_bytes():
            self._drop_body()
        super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.is_here()
        super().requestReceived(command, path, version)

    def connectionLost(self, reason: Failure) -> None:
        self.is_here()
        super().connectionLost(reason)

    def is_here(self) -> None:
        """The request has come as a whole, or somebody else sees to it that it does."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.channel.transport.abortConnection()

    def _drop_body(self) -> None:
        self.too_large = True
        self.content.close()
        self.content = _Nothing()


class Guarded(Resource):
    """The root of the tree: refuses what the guard refuses, whatever address is asked for.

    `unguarded` are first segments of addresses for programs that name this server by its address in a private
    network: health checks, metrics, other nodes. What is there guards itself.
    """

    def __init__(self, guard: Guard, tree: IResource, unguarded: Collection[bytes] = ()) -> None:
        super().__init__()
        self._guard = guard
        self._tree = tree
        self._unguarded = unguarded

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        for name, value in SECURITY_HEADERS.items():
            request.setHeader(name, value)
        refusal = self._refusal(request, path in self._unguarded)
        if refusal is not None:
            return Refusal(refusal)
        child: IResource = self._tree.getChildWithDefault(path, request)
        return child

    def _refusal(self, request: Request, unguarded: bool) -> PeerError | None:
        try:
            unquote_to_bytes(request.path).decode()
        except UnicodeDecodeError:
            return PeerError("the address is not UTF-8")
        if isinstance(request, BoundedRequest) and request.too_large:
            return PeerError(f"the body has more than {request.most_bytes()} bytes", status=413)
        if unguarded:
            return None
        host = header(request, "host") or ""
        if not self._guard.host_allowed(host):
            return PeerError(
                "this server does not serve that host name: open it by the address that it printed",
                status=421,
            )
        if self._guard.write_refused(
            method=request.method.decode("ascii", "replace"),
            origin=header(request, "origin"),
            host=host,
            has_cookie=request.getCookie(SESSION_COOKIE.encode()) is not None,
        ):
            return Forbidden("this request did not come from a page of this server")
        return self._too_often(request)

    def _too_often(self, request: Request) -> PeerError | None:
        if request.method.decode("ascii", "replace") in SAFE_METHODS or request.path in COUNTED_ELSEWHERE:
            return None
        try:
            limiting.check(request, "write")
        except PeerError as why:
            return why
        return None


def refuse_unguarded(request: Request, why: PeerError) -> bytes:
    """The answer to a request that is refused before it has come to `Guarded`."""
    for name, value in SECURITY_HEADERS.items():
        request.setHeader(name, value)
    return refuse(request, why)


class QuietSite(Site):
    """A site that logs a request without its query, its cookies and its headers."""

    log_lines = Logger()
    noisy = False
    requestFactory = BoundedRequest

    def __init__(
        self,
        guard: Guard,
        tree: IResource,
        *,
        reactor: Any,
        unguarded: Collection[bytes] = (),
        limits: Limits | None = None,
        address_of: AddressRule = peer_address,
    ) -> None:
        """`limits` and `address_of` are for whoever handles a request (relay/limiting.py)."""
        super().__init__(Guarded(guard, tree, unguarded), reactor=reactor)
        self.limits = limits
        self.address_of = address_of

    def log(self, request: Request) -> None:
        self.log_lines.debug(
            "{method} {path} {status} {size}",
            method=request.method.decode("ascii", "replace"),
            path=request.path.decode("ascii", "replace"),
            status=request.code,
            size=request.sentLength,
        )
