"""What a rehearsal tells of itself: over the control socket, and from there to people and tests."""

from __future__ import annotations

import msgspec


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One machine."""

    id: str
    region: str
    role: str
    address: str
    """Its own, `HOST:PORT`."""

    dns: str
    """Its resolver, `HOST:PORT`."""

    state: str
    ready: bool
    """Whether the public proxy sends it requests."""

    pid: int | None
    starts: int
    last_exit: str
    partitioned: bool
    public_cut: bool
    slow_ms: int
    wings: int | None
    browsers: int | None
    log: str


class FleetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    app: str
    pid: int
    directory: str
    log: str
    volume: str
    urls: dict[str, str]
    """The public URL of each region; the first is the app's base URL."""

    machines: list[MachineStatus]
