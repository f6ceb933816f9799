"""Which headers pass between a browser and login, and which the edge sets itself.

Dropped both ways is what belongs to one connection (RFC 9110 section 7.6.1). Dropped on the way to login is
whatever says where a request came from: who asks must not be able to say it, so the edge says it anew.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from twisted.internet.interfaces import IAddress
from twisted.web.http_headers import Headers

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
    passed.setRawHeaders(b"X-Forwarded-For", [_client(headers, peer)])
    passed.setRawHeaders(b"X-Forwarded-Proto", [_scheme(headers)])
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


def _through_fly(headers: Headers) -> bool:
    """Whether Fly's proxy has passed this request on: it always sets both, whatever the client sent."""
    return headers.hasHeader(b"fly-client-ip") and headers.hasHeader(b"fly-forwarded-port")


def _client(headers: Headers, peer: IAddress) -> bytes:
    said = headers.getRawHeaders(b"fly-client-ip", ())
    if _through_fly(headers) and (address := _address(said[-1].decode("latin-1"))):
        return address
    return _address(getattr(peer, "host", "")) or b"unknown"


def _address(text: str) -> bytes | None:
    """An IP address in its usual form, an IPv4 address as one; None when it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address).encode()


def _scheme(headers: Headers) -> bytes:
    """Of several values the rightmost is Fly's."""
    said = headers.getRawHeaders(b"x-forwarded-proto", ())
    scheme = said[-1].rpartition(b",")[2].strip().lower() if said and _through_fly(headers) else b""
    return scheme if scheme in (b"http", b"https") else b"http"
