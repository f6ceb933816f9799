"""Which headers pass between a browser and login, and which the edge sets itself.

Dropped both ways is what belongs to one connection (RFC 9110 section 7.6.1). Dropped on the way to login is
whatever says where a request came from: who asks must not be able to say it, so the edge says it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted.internet.interfaces import IAddress
from twisted.web.http_headers import Headers

from wingthing.cluster import fly
from wingthing.wire.internal import EDGE_HEADER

HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
HOP_BY_HOP_PREFIX = b"proxy-"

FRAMING = frozenset({b"content-length", b"expect"})
"""Of the request's body: the edge frames it anew, and has answered `Expect` itself."""

ORIGIN_PREFIXES = (b"forwarded", b"x-forwarded-", b"fly-", b"wingthing-")
"""Of headers that say where a request came from; `wingthing-` begins those between nodes."""

Fields = list[tuple[bytes, list[bytes]]]


def to_login(headers: Headers, *, peer: IAddress, edge_token: str) -> Headers:
    """The headers of a request as login gets them. `peer` is who has the connection to this edge.

    The body's framing is not among them.
    """
    passed = Headers()
    for name, values in _end_to_end(headers, headers.getRawHeaders(b"connection", ())):
        key = name.lower()
        if key not in FRAMING and not key.startswith(ORIGIN_PREFIXES):
            passed.setRawHeaders(name, values)
    client = fly.client_address(peer, lambda name: _last(headers, name))
    passed.setRawHeaders(b"X-Forwarded-For", [client.encode() or b"unknown"])
    passed.setRawHeaders(b"X-Forwarded-Proto", [_scheme(headers, peer)])
    passed.setRawHeaders(b"X-Forwarded-Host", headers.getRawHeaders(b"host", ()))
    passed.setRawHeaders(EDGE_HEADER.encode(), [edge_token.encode()])
    return passed


def to_client(headers: Headers, connection: Iterable[bytes], length: int | None) -> Fields:
    """The headers of an answer as the client gets them.

    `connection` has the values of login's `Connection` header, and `length` the length of the body if it is
    known: Twisted's client keeps both apart from `headers`.
    """
    passed = list(_end_to_end(headers, connection))
    if length is not None:
        passed = [field for field in passed if field[0].lower() != b"content-length"]
        passed.append((b"Content-Length", [b"%d" % length]))
    return passed


def is_websocket(headers: Headers) -> bool:
    """Whether a request asks for a WebSocket."""
    return b"websocket" in _tokens(headers.getRawHeaders(b"upgrade", ()))


def _end_to_end(headers: Headers, connection: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    # A client that names Host as a matter of this connection would take its own address away.
    named = _tokens(connection) - {b"host"}
    for name, values in headers.getAllRawHeaders():
        key = name.lower()
        if key not in HOP_BY_HOP and key not in named and not key.startswith(HOP_BY_HOP_PREFIX):
            yield name, list(values)


def _tokens(values: Iterable[bytes]) -> set[bytes]:
    return {token.strip().lower() for value in values for token in value.split(b",")}


def _last(headers: Headers, name: str) -> str | None:
    """Of several values the last: the one nearest to this node."""
    values = headers.getRawHeaders(name.encode("ascii"), ())
    return values[-1].decode("latin-1") if values else None


def _scheme(headers: Headers, peer: IAddress) -> bytes:
    """Of several values the rightmost is Fly's."""
    if not fly.from_proxy(peer, lambda name: _last(headers, name)):
        return b"http"
    scheme = (_last(headers, "x-forwarded-proto") or "").rpartition(",")[2].strip().lower()
    return scheme.encode() if scheme in ("http", "https") else b"http"
