"""The header `fly-replay` and those that go with it (Fly's networking/dynamic-request-routing).

A machine answers with `fly-replay: instance=ID;timeout=5s;fallback=force_self;state=TEXT`; the proxy throws
the answer away and sends the same request to the named machine, with `fly-replay-src`. When that cannot be
done and a fallback is named, the request comes back with `fly-replay-failed`; then the answer counts.
"""

from __future__ import annotations

import enum
import re

import attrs

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")

HEADER = b"fly-replay"
SOURCE_HEADER = b"fly-replay-src"
FAILED_HEADER = b"fly-replay-failed"
CACHE_HEADERS = (b"fly-replay-cache", b"fly-replay-cache-ttl-secs")
"""Fly may remember a replay, best effort; the rehearsal never does, and tells no client of it."""


class Fallback(enum.StrEnum):
    """Who gets the request when the target does not."""

    FORCE_SELF = "force_self"
    """The machine that asked for the replay, or nobody."""

    PREFER_SELF = "prefer_self"
    """That one if it can, else any."""


class Reason(enum.StrEnum):
    """Why a replay failed."""

    TIMEOUT = "timeout"
    RETRIES_EXHAUSTED = "retries_exhausted"
    NO_CANDIDATE = "no_candidate"


class BadReplay(ValueError):
    """A `fly-replay` that Fly would not take. `str()` says what is wrong with it."""


@attrs.frozen
class Replay:
    """What a machine has asked for. `timeout` is in seconds."""

    instance: str = ""
    prefer_instance: str = ""
    region: str = ""
    app: str = ""
    state: str = ""
    elsewhere: bool = False
    timeout: float | None = None
    fallback: Fallback | None = None


def parse(value: str) -> Replay:
    """The fields of a header, joined with `;`. Raises BadReplay for one that is unknown or makes no sense."""
    found: dict[str, object] = {}
    for field in filter(None, (part.strip() for part in value.split(";"))):
        name, _, text = field.partition("=")
        name, text = name.strip().lower(), text.strip()
        if name not in attrs.fields_dict(Replay):
            raise BadReplay(f"there is no field {name!r}")
        if name in found:
            raise BadReplay(f"the field {name!r} is there twice")
        found[name] = _value(name, text)
    if not found:
        raise BadReplay("it is empty")
    return Replay(**found)  # type: ignore[arg-type]


def _value(name: str, text: str) -> object:
    if name == "elsewhere":
        if text not in ("true", "false"):
            raise BadReplay(f"elsewhere is {text!r}, which is neither true nor false")
        return text == "true"
    if name == "timeout":
        match = DURATION.fullmatch(text)
        if match is None:
            raise BadReplay(f"timeout is {text!r}; it is written as 10s or 800ms")
        return float(match[1]) / (1000 if match[2] == "ms" else 1)
    if name == "fallback":
        try:
            return Fallback(text)
        except ValueError:
            raise BadReplay(f"fallback is {text!r}; there are {' and '.join(Fallback)}") from None
    if not text:
        raise BadReplay(f"the field {name!r} has no value")
    return text


def source(*, instance: str, region: str, now: float, state: str) -> str:
    """`fly-replay-src`: who has sent the request on. `now` in seconds since the epoch."""
    fields = [f"instance={instance}", f"region={region}", f"t={round(now * 1_000_000)}"]
    return ";".join([*fields, f"state={state}"] if state else fields)


def failed(
    replay: Replay, *, app: str, region: str, replay_source: str, reason: Reason, elapsed: float
) -> str:
    """`fly-replay-failed`: `region` is the target's as far as it is known, `elapsed` in seconds."""
    fields = {
        "instance": replay.instance or replay.prefer_instance,
        "app": replay.app or app,
        "region": replay.region or region,
        "replay_source": replay_source,
        "reason": str(reason),
        "elapsed_ms": str(round(elapsed * 1000)),
    }
    return ";".join(f"{name}={value}" for name, value in fields.items() if value)
