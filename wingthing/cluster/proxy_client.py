"""The edge's connections to login: Twisted's HTTP/1.1 client, one level below its Agent.

treq's client would decode gzip and keep one cookie jar for all users, so it is of no use to a proxy. The
Agent below it does neither, but it keeps an answer back until the request is sent completely, and stops
reading where an answer comes before that: a login that refuses an upload would leave everybody waiting. So
the pool and the protocol under the Agent are used, with a request that says it is written once its headers
are, and sends its body beside that.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import attrs
from twisted.internet.abstract import isIPAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IPushProducer, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol, Request
from twisted.web.client import HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from wingthing.wire.limits import (
    PROXY_CONNECT_SECONDS,
    PROXY_HELD_BYTES,
    PROXY_KEEP_SECONDS,
    PROXY_KEPT_CONNECTIONS,
)

Address = Callable[[], Awaitable[tuple[str, int]]]
"""Where login is now: host and port. Raises TemporarilyUnavailable when that cannot be found out."""


class Login:
    """Where requests go, over connections that are kept for the next ones."""

    log = Logger()

    def __init__(self, reactor: Any, address: Address) -> None:
        self._reactor = reactor
        self._address = address
        self._pool = _Pool(reactor)
        self._away = False

    async def ask(self, request: Outgoing) -> Incoming:
        """Send a request; the answer comes once its headers are there.

        Raises TemporarilyUnavailable, ConnectError, DNSLookupError or defer.TimeoutError when there is no
        connection, and what HTTP11ClientProtocol.request raises when no answer comes over one. A request
        without a body, of a method that may be repeated, is sent once more when a kept connection is dead.
        """
        where = Deferred.fromCoroutine(self._find()).addTimeout(PROXY_CONNECT_SECONDS, self._reactor)
        host, port = await where
        connection = await self._pool.getConnection((host, port), self._endpoint(host, port))
        answer: Any = await connection.request(request)
        assert isinstance(answer, Incoming)
        return answer

    def close(self) -> Deferred[None]:
        """Close the connections that nobody uses; fires when they are closed."""
        return self._pool.closeCachedConnections()

    def is_away(self, why: BaseException) -> None:
        """Say once that login cannot be reached."""
        if not self._away:
            self.log.warn("login cannot be reached: {why}", why=why)
        self._away = True

    def is_there(self) -> None:
        """Say once that it can be again."""
        if self._away:
            self.log.info("login can be reached again")
        self._away = False

    async def _find(self) -> tuple[str, int]:
        return await self._address()

    def _endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        host = _unmapped(host)
        # An address needs no resolver, and HostnameEndpoint would ask one all the same.
        kind: Any = HostnameEndpoint
        if ":" in host:
            kind = TCP6ClientEndpoint
        elif isIPAddress(host):
            kind = TCP4ClientEndpoint
        endpoint: IStreamClientEndpoint = kind(self._reactor, host, port, timeout=PROXY_CONNECT_SECONDS)
        return endpoint


def _unmapped(host: str) -> str:
    """An IPv4-mapped address as the IPv4 address that it stands for."""
    try:
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
    except ValueError:
        return host
    return str(mapped) if mapped is not None else host


@attrs.frozen
class Incoming:
    """The beginning of an answer."""

    response: IResponse
    connection_headers: list[bytes]
    """Its `Connection` headers."""

    connection: Connection


class Connection(HTTP11ClientProtocol):
    """One connection to login."""

    was_reset = False
    """Lost in another way than by an orderly close."""

    def request(self, request: Request) -> Deferred[Any]:
        assert isinstance(request, Outgoing)
        answering: Deferred[Any] = super().request(request)
        parser = self._parser

        def begin(response: IResponse) -> Incoming:
            assert parser is not None
            named: list[bytes] = list(parser.connHeaders.getRawHeaders(b"connection", ()))
            if any(b"close" in value.lower() for value in named):
                request.not_again()
            return Incoming(response, named, self)

        return answering.addCallback(begin)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.was_reset = reason.check(ConnectionDone) is None
        super().connectionLost(reason)


class _ConnectionFactory(_HTTP11ClientFactory):
    """What the pool makes its connections with."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> HTTP11ClientProtocol:
        return Connection(self._quiescentCallback)


class _Pool(HTTPConnectionPool):
    """Connections that wait for the next request."""

    _factory = _ConnectionFactory
    maxPersistentPerHost = PROXY_KEPT_CONNECTIONS
    cachedConnectionTimeout = PROXY_KEEP_SECONDS


class Outgoing(Request):
    """A request to login."""

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: Headers,
        upload: Upload | None,
        *,
        says_empty: bool,
        sent: Callable[[], None],
    ) -> None:
        """`says_empty`: without a body, and saying so. `sent` is called when the headers are on their way;
        twice when they had to be sent again."""
        # The pool repeats a request only when it has no bodyProducer.
        super().__init__(method, target, headers, upload, persistent=True)
        self._upload = upload
        self._says_empty = says_empty
        self._sent = sent
        self._transport: Any = None
        self._last = False

    def writeTo(self, transport: Any) -> Deferred[None]:
        self._transport = transport
        if self._upload is None:
            self._writeHeaders(transport, b"Content-Length: 0\r\n" if self._says_empty else None)
        else:
            self._writeHeaders(transport, self._upload.framing)
            # Until the body is sent no other request may use this connection.
            self.persistent = False
            self._upload.start(transport)
        self._sent()
        return succeed(None)

    def uploaded(self) -> None:
        """The body is sent."""
        self.persistent = not self._last

    def not_again(self) -> None:
        """Login closes the connection after this."""
        self._last = True
        self.persistent = False

    def abort(self) -> None:
        """Cut the connection. Only while it is this request's: until its answer has been read."""
        if self._transport is not None:
            self._transport.abortConnection()


class UploadOwner(Protocol):
    """Who sends a request's body."""

    def hold(self) -> None:
        """Nothing more is taken at the moment: the client must wait."""

    def go_on(self) -> None:
        """There is room again."""

    def uploaded(self) -> None:
        """The whole body is on its way."""

    def overflowing(self) -> None:
        """The client does not wait, and too much is held for it."""


@implementer(IPushProducer)
class Upload:
    """The body of a request, passed on as it comes.

    What comes before there is a connection, or while it takes nothing, is held; the owner sees to it that
    this is little.
    """

    def __init__(self, length: int | None, owner: UploadOwner) -> None:
        self.framing = b"Transfer-Encoding: chunked\r\n"
        if length is not None:
            self.framing = b"Content-Length: %d\r\n" % length
        self.complete = False
        """Whether the whole body is on its way."""

        self._chunked = length is None
        self._owner = owner
        self._held: list[bytes] = []
        self._transport: Any = None
        self._waiting = True
        self._ended = False
        self._dropped = False

    def write(self, data: bytes) -> None:
        """A piece of the body."""
        if self._dropped or not data:
            return
        if self._waiting:
            self._held.append(data)
            # Again each time: the HTTP channel takes reading up by itself when its own buffer has drained.
            self._owner.hold()
            if sum(map(len, self._held)) > PROXY_HELD_BYTES:
                self._owner.overflowing()
        else:
            self._send(data)

    def end(self) -> None:
        """That was all of it."""
        self._ended = True
        self._finish()
        # Nothing more comes of this request, but the end of the connection is noticed by reading alone.
        self._owner.go_on()

    def drop(self) -> None:
        """Whatever has not been sent is not wanted any more."""
        self._dropped = True
        self._held.clear()
        self._leave()

    def start(self, transport: Any) -> None:
        """There is a connection, and the headers are sent."""
        self._transport = transport
        transport.registerProducer(self, True)
        self.resumeProducing()

    # -- IPushProducer: the connection to login -------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._waiting = True
        if not self._ended:
            self._owner.hold()

    def resumeProducing(self) -> None:
        if self._dropped:
            return
        self._waiting = False
        held, self._held = self._held, []
        for data in held:
            # All of it, though it may be more than is wanted: it is held here or there.
            self._send(data)
        self._finish()
        if not self._waiting:
            self._owner.go_on()

    def stopProducing(self) -> None:
        self._transport = None
        self.drop()

    # -- inside ---------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._chunked:
            self._transport.writeSequence([b"%x\r\n" % len(data), data, b"\r\n"])
        else:
            self._transport.write(data)

    def _finish(self) -> None:
        if self._ended and not self._held and not self.complete and self._transport is not None:
            if self._chunked:
                self._transport.write(b"0\r\n\r\n")
            self.complete = True
            self._leave()
            self._owner.uploaded()

    def _leave(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.unregisterProducer()
