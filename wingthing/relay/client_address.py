"""From which address a request comes, and what of it counts as one client.

The address is what this node sees, never what a client says of itself. Who may be believed besides the
socket's peer depends on where the node stands, so assembly gives the site a rule (`address_of`); a site
without one believes nobody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

AddressRule = Callable[[Any], str]
"""A request -> the address of its client; empty when it has none."""


def client_address(request: Any) -> str:
    """The address of the client behind a request, in its usual form; empty for a peer that has none, as at a
    Unix socket."""
    rule: AddressRule = getattr(getattr(request, "site", None), "address_of", peer_address)
    return rule(request)


def peer_address(request: Any) -> str:
    """The address of the socket's peer: the rule of a node that stands behind nobody."""
    return host_of(request.getClientAddress())


def host_of(peer: object) -> str:
    """The host of a Twisted address in its usual form; empty when it has none."""
    return usual_form(str(getattr(peer, "host", "")))


def usual_form(text: str) -> str:
    """An IP address as it is usually written, an IPv4 address as one; empty when it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one line has whole."""
    return _network(address, v4=32, v6=64)


def neighbours_of(address: str) -> str:
    """The network around a client, which nobody has by the thousand: a /16, or the /32 of an IPv6 address."""
    return _network(address, v4=16, v6=32)


def _network(address: str, *, v4: int, v6: int) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    # Without the scope, which a network has no place for.
    plain = parsed.packed
    length = v4 if parsed.version == 4 else v6
    if length == len(plain) * 8:
        return str(parsed)
    return str(ipaddress.ip_network((plain, length), strict=False))
