"""Fly's own headers (fly.io/docs: networking/dynamic-request-routing, networking/request-headers)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wingthing.wire.limits import REPLAY_TIMEOUT_SECONDS

REPLAY: Final = "fly-replay"
"""In an answer: Fly's proxy is to send the request to another machine."""

REPLAY_SOURCE: Final = "fly-replay-src"
"""In a request that was sent on: by whom, when, and the `state`. A client may have written it itself."""

REPLAY_FAILED: Final = "fly-replay-failed"
"""In a request that came back: the machine could not be reached."""

PUBLIC_HEADERS: Final = ("fly-client-ip", "fly-forwarded-port", "fly-region", "x-forwarded-for")
"""Each request through Fly's proxy carries them; one in the private network carries none."""

_PART = re.compile(r"\s*[;,]\s*")

Header = Callable[[str], str | None]
"""Gives a header of the request by its name."""


def is_public(header: Header) -> bool:
    """Whether a request shows that it came through Fly's proxy. The contrary proves nothing."""
    return any(header(name) is not None for name in PUBLIC_HEADERS)


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
