"""Fly's own headers (fly.io/docs: networking/dynamic-request-routing, networking/request-headers)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IAddress

from wingthing.relay.client_address import host_of, usual_form
from wingthing.relay.credentials import header as header_of
from wingthing.wire.limits import REPLAY_TIMEOUT_SECONDS

REPLAY: Final = "fly-replay"
"""In an answer: Fly's proxy is to send the request to another machine."""

REPLAY_SOURCE: Final = "fly-replay-src"
"""In a request that was sent on: by whom, when, and the `state`. A client may have written it itself."""

REPLAY_FAILED: Final = "fly-replay-failed"
"""In a request that came back: the machine could not be reached."""

CLIENT: Final = "fly-client-ip"
"""In a request through Fly's proxy: the peer that the proxy has seen."""

PORT: Final = "fly-forwarded-port"
"""In a request through Fly's proxy: the public port."""

PUBLIC_HEADERS: Final = (CLIENT, PORT, "fly-region", "x-forwarded-for")
"""Each request through Fly's proxy carries them; one in the private network carries none."""

_PART = re.compile(r"\s*[;,]\s*")

Header = Callable[[str], str | None]
"""Gives a header of the request by its name."""


def is_public(header: Header) -> bool:
    """Whether a request shows that it came through Fly's proxy. The contrary proves nothing."""
    return any(header(name) is not None for name in PUBLIC_HEADERS)


def from_proxy(peer: IAddress, header: Header) -> bool:
    """Whether a request has come from Fly's proxy, so that these headers are its word.

    It reaches a node by IPv4, and sets both headers whatever the client has sent. The machines of the private
    network come by IPv6, and can write what they like.
    """
    host = host_of(peer)
    by_ipv4 = bool(host) and ":" not in host
    return by_ipv4 and header(CLIENT) is not None and header(PORT) is not None


def client_address(peer: IAddress, header: Header) -> str:
    """The address of the client behind a request to a node on Fly.io; empty when there is none."""
    return (usual_form(header(CLIENT) or "") if from_proxy(peer, header) else "") or host_of(peer)


def behind_fly(request: Any) -> str:
    """The same for a request of Twisted's: the rule of a node of a fleet (relay/client_address.py)."""
    return client_address(request.getClientAddress(), lambda name: header_of(request, name))


def was_replayed(header: Header) -> bool:
    """Whether a request has been sent on, has come back, or says so: it must not be sent on again."""
    return header(REPLAY_SOURCE) is not None or header(REPLAY_FAILED) is not None


def did_not_answer(header: Header, machine: str) -> bool:
    """Whether a request has come back, as far as it says, because that machine could not be reached."""
    failed = header(REPLAY_FAILED)
    return failed is not None and fields(failed).get("instance", machine) == machine


def replay_to(machine: str, state: str) -> str:
    """The value of `fly-replay` that sends a request to `machine`, and back here if that one is away."""
    timeout = f"timeout={REPLAY_TIMEOUT_SECONDS}s"
    return f"instance={machine};{timeout};fallback=force_self;state={state}"


def fields(value: str) -> dict[str, str]:
    """The fields of one of these headers. Fly's pages show both `;` and `,` between them."""
    pairs = (part.partition("=") for part in _PART.split(value.strip()) if part)
    return {name.strip(): text.strip() for name, _, text in pairs}
