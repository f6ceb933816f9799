"""Requests from node to node under `/internal/`, with a token each way.

Twisted's own agent and not treq's client: that one takes no IPv6 address as a host, and on Fly.io nodes have
no other.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import treq
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IConsumer, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotAuthenticated, NotFound, TemporarilyUnavailable
from wingthing.failures import error_words
from wingthing.wire.internal import NODE_HEADER
from wingthing.wire.limits import MAX_GOSSIP_BYTES

T = TypeVar("T")
NOT_MODIFIED, NOT_FOUND = 304, 404
POOLED_PER_HOST = 4


class Reply(msgspec.Struct, frozen=True):
    """An answer whose sender has been proved. `status` is 200 or 304, `etag` empty when there is none."""

    machine: str
    status: int
    body: bytes
    etag: str


@implementer(IBodyProducer)
class _Body:
    """A body that is there as a whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing is left to hold back."""

    def resumeProducing(self) -> None:
        """Nothing was held back."""

    def stopProducing(self) -> None:
        """It has stopped."""


class NodeClient:
    """Asks other nodes.

    Every method raises TemporarilyUnavailable when the node does not answer as it should, NotFound when it
    answers 404.
    """

    def __init__(self, clock: Any, http: IAgent, trust: Trust) -> None:
        """`clock` provides IReactorTime."""
        self._clock = clock
        self._http = http
        self._trust = trust

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        """Ask with a JSON body, which may be given as bytes."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        return await self._ask("POST", address, path, data, headers, seconds)

    async def get(self, address: tuple[str, int], path: str, *, etag: str = "", seconds: float) -> Reply:
        """Ask for what may have changed since `etag`."""
        headers = {"If-None-Match": etag} if etag else {}
        return await self._ask("GET", address, path, None, headers, seconds)

    async def _ask(
        self,
        method: str,
        address: tuple[str, int],
        path: str,
        data: bytes | None,
        headers: dict[str, str],
        seconds: float,
    ) -> Reply:
        token, jti = self._trust.token(Audience.INTERNAL)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        url = f"http://{host}:{address[1]}{path}"
        try:
            response, body = await self._in_time(
                Deferred.fromCoroutine(self._exchange(method, url, data, {**headers, NODE_HEADER: token})),
                seconds,
            )
        except TimeoutError as why:
            raise TemporarilyUnavailable(f"{url} did not answer within {seconds:g} seconds") from why
        except (CancelledError, TemporarilyUnavailable):
            raise
        except Exception as why:
            # Whatever goes wrong below HTTP: name, route, port, a line that breaks.
            raise TemporarilyUnavailable(f"{url} cannot be reached: {error_words(why)}") from why
        return self._proved(url, response, body, jti)

    async def _exchange(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[IResponse, bytes]:
        response: IResponse = await self._http.request(
            method.encode("ascii"),
            url.encode("ascii"),
            Headers({name: [value] for name, value in headers.items()}),
            None if data is None else _Body(data),
        )
        parts: list[bytes] = []
        size = 0

        def take(part: bytes) -> None:
            nonlocal size
            size += len(part)
            if size > MAX_GOSSIP_BYTES:
                raise TemporarilyUnavailable(f"{url} answers at too great a length")
            parts.append(part)

        await treq.collect(response, take)
        return response, b"".join(parts)

    def _proved(self, url: str, response: IResponse, body: bytes, jti: str) -> Reply:
        if response.code not in (200, NOT_MODIFIED, NOT_FOUND):
            raise TemporarilyUnavailable(f"{url} answered {response.code}: {body[:200]!r}")
        try:
            claims = self._trust.check_answer(_header(response, NODE_HEADER), jti)
        except NotAuthenticated as why:
            raise TemporarilyUnavailable(f"{url} does not answer as a node of this fleet: {why}") from why
        if response.code == NOT_FOUND:
            raise NotFound("not found")
        return Reply(claims.machine, response.code, body, _header(response, "etag"))

    def _in_time(self, waiting: Deferred[Any], seconds: float) -> Deferred[Any]:
        # A cancelled request fails in ways of its own: whichever it is, time was the reason.
        def too_late(_result: object, _seconds: float) -> Failure:
            return Failure(TimeoutError())

        return waiting.addTimeout(seconds, self._clock, too_late)


def _header(response: IResponse, name: str) -> str:
    # Asked for by a text, the headers would be decoded, and fail on what is not UTF-8.
    values = response.headers.getRawHeaders(name.encode("ascii")) or [b""]
    return values[0].decode("latin-1")


def decode(reply: Reply, kind: type[T]) -> T:
    """The body of a reply. Raises TemporarilyUnavailable when it is not what it should be."""
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise TemporarilyUnavailable(f"{reply.machine} answers what it should not: {why}") from why


@implementer(IAgentEndpointFactory)
class Endpoints:
    """Where a request goes. Nearly always that is an address, and what Agent makes of its own accord would
    treat it as a name, for each request anew: a tenth of what a round costs."""

    def __init__(self, reactor: Any, connect_seconds: float) -> None:
        self._reactor = reactor
        self._seconds = connect_seconds

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        host = uri.host.decode("ascii")
        kind: Any = HostnameEndpoint
        if isIPAddress(host):
            kind = TCP4ClientEndpoint
        elif isIPv6Address(host):
            kind = TCP6ClientEndpoint
        endpoint: IStreamClientEndpoint = kind(self._reactor, host, uri.port, timeout=self._seconds)
        return endpoint


def http_client(reactor: Any, connect_seconds: float) -> IAgent:
    """A client that keeps connections."""
    pool = HTTPConnectionPool(reactor, persistent=True)
    pool.maxPersistentPerHost = POOLED_PER_HOST
    agent: IAgent = Agent.usingEndpointFactory(reactor, Endpoints(reactor, connect_seconds), pool=pool)
    return agent
