"""The headers that Fly's proxy adds on the way in, and what does not travel on (Fly: request headers)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import h11

from wingthing.rehearsal import replay
from wingthing.rehearsal.facts import MACHINE_HEADER

HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"trailer", b"upgrade"}
)
"""They speak of one connection and not of the message. `transfer-encoding` is seen to where it matters."""

OURS = frozenset({b"fly-client-ip", b"fly-forwarded-port", b"fly-region", b"x-forwarded-proto"})
"""What the proxy says itself, in place of what a client says."""

VIA = (b"Via", b"1.1 fly.io")


@attrs.frozen
class Entry:
    """Where a request came in: the region whose port it was, that port, and the client's address."""

    region: str
    port: int
    client: str


def value(message: h11.Request | h11.Response | h11.InformationalResponse, name: bytes) -> str:
    """A header as text; several of one name are joined as HTTP has it, and none is empty."""
    return ",".join(found.decode("latin-1") for key, found in message.headers if key == name)


def asks_upgrade(request: h11.Request) -> bool:
    """Whether the client wants to leave HTTP."""
    words = value(request, b"connection").lower().split(",")
    return bool(value(request, b"upgrade")) and "upgrade" in {word.strip() for word in words}


def to_machine(request: h11.Request, entry: Entry, extra: Mapping[bytes, str]) -> h11.Request:
    """The request as a machine gets it.

    `extra` are headers that take the place of a client's own of the same name (lower case). Nothing else of a
    client's is taken away: no page of Fly's says that its copies of `fly-replay-src` and the like are.
    """
    chunked = bool(value(request, b"transfer-encoding"))
    headers: list[tuple[bytes, bytes]] = []
    forwarded = []
    for name, content in request.headers.raw_items():
        key = name.lower()
        if key == b"x-forwarded-for":
            forwarded.append(content)
        elif key in HOP_BY_HOP or key in OURS or key in extra or (chunked and key == b"content-length"):
            continue
        else:
            headers.append((name, content))
    if asks_upgrade(request):
        headers += [(b"Connection", b"Upgrade"), (b"Upgrade", value(request, b"upgrade").encode("latin-1"))]
    if not value(request, b"host"):
        headers.append((b"Host", f"{entry.region}:{entry.port}".encode()))
    client = entry.client.encode()
    headers += [
        (b"Fly-Client-IP", client),
        (b"Fly-Forwarded-Port", str(entry.port).encode()),
        (b"Fly-Region", entry.region.encode()),
        (b"X-Forwarded-For", b", ".join([*forwarded, client])),
        (b"X-Forwarded-Proto", b"http"),
        VIA,
        *((name.title(), content.encode("latin-1")) for name, content in extra.items()),
    ]
    return h11.Request(method=request.method, target=request.target, headers=headers)


def to_client(head: h11.Response | h11.InformationalResponse, machine_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of a machine's answer as the client gets them: nothing of a replay among them."""
    switching = head.status_code == 101
    gone = {replay.HEADER, *replay.CACHE_HEADERS, MACHINE_HEADER.lower(), b"transfer-encoding"}
    if not switching:
        gone |= HOP_BY_HOP
    headers = [(name, content) for name, content in head.headers.raw_items() if name.lower() not in gone]
    return [*headers, VIA, (MACHINE_HEADER, machine_id.encode())]
