"""The edge's reverse proxy: what an edge does not serve itself is streamed to login and back.

treq's client is not used, because it would decode gzip and keep one cookie jar for all users: the HTTP/1.1
client below it is, with a pool of kept connections (proxy_client.py). Redirects, cookies and encodings pass
as they are.

Bodies are never held whole. Twisted's server gives a request to its resource once the body is in memory or in
a file; so the request itself decides, as soon as its headers are there, whether it is for login:

    proxy = ReverseProxy(reactor, login=..., edge_token=..., refuse=...)
    site.requestFactory = proxy.requests(BoundedRequest)

Requests that an edge serves itself go on as they would without the proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from twisted.web.server import Request

from wingthing.cluster.proxy_client import Address, Login
from wingthing.cluster.proxy_exchange import BUSY, Exchange, Observer
from wingthing.cluster.proxy_headers import Fields, is_websocket, to_login
from wingthing.cluster.proxy_paths import check_target, is_local
from wingthing.errors import PeerError, TemporarilyUnavailable
from wingthing.wire.limits import (
    MAX_BODY_BYTES,
    PROXY_HEADERS_SECONDS,
    PROXY_LINGER_SECONDS,
    PROXY_MAX_REQUESTS,
    PROXY_RETRY_SECONDS,
    PROXY_SILENT_SECONDS,
)

Refuse = Callable[[Request, PeerError], bytes]
"""Sets the status and the headers of a refusal and returns its body, as `web.answers.refuse` does."""


class NoWebSocket(PeerError):
    """A WebSocket at an address that has none."""


class _Unobserved:
    """Counts nothing."""

    def started(self) -> None:
        pass

    def answered(self, status: int, seconds: float) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass


class ReverseProxy:
    """The edge's way to login, for all its requests."""

    def __init__(
        self,
        reactor: Any,
        *,
        login: Address,
        edge_token: Callable[[], str],
        refuse: Refuse,
        observer: Observer | None = None,
        login_is_silent: Callable[[], bool] = lambda: False,
    ) -> None:
        """`login` says where login is now, `edge_token` gives what proves to it that this is an edge.

        While `login_is_silent`, requests are tried, and given up sooner.
        """
        self.reactor = reactor
        self.refuse = refuse
        self.active = 0
        """Requests that are with login at the moment."""

        self._login = Login(reactor, login)
        self._edge_token = edge_token
        self._login_is_silent = login_is_silent
        self._observer: Observer = observer or _Unobserved()

    def requests(self, base: type[Request] = Request) -> type[Request]:
        """The request class of the edge's site; `base` is the class that requests of its own would have."""
        return cast(type[Request], type("EdgeRequest", (ProxyRequest, base), {"proxy": self}))

    def close(self) -> Deferred[None]:
        """Close the connections that are kept for later requests; those in use end with their requests."""
        return self._login.close()

    def begin(self, request: ProxyRequest, length: int | None) -> Exchange:
        """Start a request on its way to login. Raises PeerError when it does not go there."""
        check_target(request.method, request.uri)
        headers = request.requestHeaders
        if is_websocket(headers):
            raise NoWebSocket("this address takes no WebSocket connections")
        if len(headers.getRawHeaders(b"host", ())) != 1:
            raise PeerError("a request names exactly one host")
        if self.active >= PROXY_MAX_REQUESTS:
            self._observer.started()
            self._observer.failed(BUSY)
            raise TemporarilyUnavailable(
                "too many requests at a time: try again in a few seconds",
                headers={"Retry-After": str(PROXY_RETRY_SECONDS)},
            )
        passed = to_login(headers, peer=request.getClientAddress(), edge_token=self._edge_token())
        self.active += 1
        exchange = Exchange(
            self.reactor,
            self._login,
            request,
            self._observer,
            self._ended,
            method=request.method,
            target=request.uri,
            patience=PROXY_SILENT_SECONDS if self._login_is_silent() else PROXY_HEADERS_SECONDS,
        )
        exchange.begin(passed, length, says_empty=headers.hasHeader(b"content-length"))
        return exchange

    def _ended(self) -> None:
        self.active -= 1


class ProxyRequest(Request):
    """A request of an edge's site. What is for login never reaches a resource.

    It stands before the class that bounds local bodies, and hands everything local on to it.
    """

    proxy: ReverseProxy
    channel: Any
    transport: Any

    _for_login = False
    _exchange: Exchange | None = None
    _complete = False
    """Whether the whole request has been read."""

    _length: int | None = 0
    _expects_word = False
    _refusal: PeerError | None = None
    """Answers the request once it is complete."""

    _held = False
    _lingering: IDelayedCall | None = None

    # -- IRequest, for the HTTP channel ---------------------------------------------------------------------

    def gotLength(self, length: int | None) -> None:
        path = self.channel._path.partition(b"?")[0]
        if is_local(path):
            super().gotLength(length)
            return
        self._for_login, self._length = True, length
        # The exchange has timeouts of its own, and login looks at how long a request takes.
        getattr(super(), "is_here", lambda: None)()
        # What requestReceived would set when it is too late.
        self.method, self.uri, self.clientproto = (
            self.channel._command,
            self.channel._path,
            self.channel._version,
        )
        self.path, self.args = path, {}
        self.defaultContentType = None
        # The channel would answer `Expect` now, when nobody knows yet whether login is there.
        expected = self.requestHeaders.getRawHeaders(b"expect", ())
        self.requestHeaders.removeHeader(b"expect")
        self._expects_word = self.clientproto == b"HTTP/1.1" and b"100-continue" in map(bytes.lower, expected)
        try:
            self._exchange = self.proxy.begin(self, length)
        except PeerError as why:
            self.refuse(why)
        except Exception:
            self._log.failure("{path} could not be passed on", path=path.decode("ascii", "replace"))
            self.refuse(PeerError("internal error", status=500))

    def handleContentChunk(self, data: bytes) -> None:
        if not self._for_login:
            super().handleContentChunk(data)
        elif self._exchange is not None:
            self._expects_word = False
            self._exchange.body_received(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self._for_login:
            super().requestReceived(command, path, version)
            return
        self._complete = True
        if self._lingering is not None:
            # Answered long ago, with the word that the connection is closed after it.
            self._stop_lingering()
            self.channel.loseConnection()
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
        elif self._exchange is not None:
            self._exchange.body_ended()

    def connectionLost(self, reason: Failure) -> None:
        self._stop_lingering()
        super().connectionLost(reason)
        if self._exchange is not None:
            self._exchange.client_gone()

    # -- Client ---------------------------------------------------------------------------------------------

    def hold_reading(self) -> None:
        if self._is_open():
            self._held = True
            self.transport.pauseProducing()

    def go_on_reading(self) -> None:
        if self._held and self._is_open():
            self._held = False
            self.transport.resumeProducing()

    def go_ahead(self) -> None:
        if self._expects_word:
            self._expects_word = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def touch(self) -> None:
        if not self._complete and self._is_open():
            # The channel counts only what the client sends, and the client may have been told to wait.
            self.channel.resetTimeout()

    def answer(self, code: int, reason: bytes, fields: Fields, producer: IPushProducer) -> None:
        for name, values in fields:
            self.responseHeaders.setRawHeaders(name, values)
        self.setResponseCode(code, reason)
        self._close_after_this()
        self.registerProducer(producer, True)
        self.write(b"")

    def pass_on(self, data: bytes) -> None:
        if self.transport.disconnecting:
            # The channel has given this connection up, and nobody would say when to stop.
            self.abort()
            return
        self.write(data)

    def end(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        if self._complete:
            self.finish()
        else:
            self._linger()

    def refuse(self, why: PeerError) -> None:
        small = self._length is not None and self._length <= MAX_BODY_BYTES
        if self._complete or not small or self._expects_word:
            self._send_refusal(why)
        else:
            # Worth waiting for: the connection can be used again.
            self._refusal = why
            self.go_on_reading()

    def abort(self) -> None:
        if not self._disconnected:
            self.transport.abortConnection()

    # -- inside ---------------------------------------------------------------------------------------------

    def _is_open(self) -> bool:
        return not self._disconnected and not self.transport.disconnecting

    def _close_after_this(self) -> None:
        """An answer that comes before the end of its request is the last on its connection: what follows
        would be taken for the next request."""
        if not self._complete:
            self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            self.channel.persistent = False

    def _send_refusal(self, why: PeerError) -> None:
        if isinstance(why, NoWebSocket):
            self.setResponseCode(why.status)
            self.setHeader(b"Content-Type", b"application/json")
            body = msgspec.json.encode({"error": str(why)})
        else:
            body = self.proxy.refuse(self, why)
        self._close_after_this()
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(body)
        self.end()

    def _linger(self) -> None:
        """Read on for a while: a connection that is closed with unread data on it takes the answer along."""
        # finish() would let the channel go on to the next request; with `queued` it only ends the answer.
        self.queued = True
        self.finish()
        self.go_on_reading()
        if ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        self._lingering = self.proxy.reactor.callLater(PROXY_LINGER_SECONDS, self._lingered)

    def _lingered(self) -> None:
        self._lingering = None
        self.abort()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
