"""Finds the nodes of the fleet through Fly's internal DNS (fly.io/docs: networking/private-networking).

Names stand for started machines only. A machine's address may change when it starts again, so it is asked for
by the machine's own name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.names import client, dns
from twisted.names.error import DNSNameError

from wingthing.errors import TemporarilyUnavailable
from wingthing.failures import error_words
from wingthing.names import FLEET_PORT
from wingthing.wire.limits import DISCOVERY_SECONDS

Address = tuple[str, int]
LOOKUP_SECONDS = (1, 2)
RESOLV_CONF = "/etc/resolv.conf"


class Resolver(Protocol):
    """What is needed of twisted.names."""

    def lookupIPV6Address(self, name: str, timeout: Iterable[int]) -> Deferred[Any]: ...

    def lookupText(self, name: str, timeout: Iterable[int]) -> Deferred[Any]: ...


@attrs.frozen
class Found:
    """A machine of the fleet."""

    machine: str
    region: str
    address: str


class InternalNames:
    """The `.internal` names of one app. All methods raise TemporarilyUnavailable when DNS does not answer."""

    def __init__(self, resolver: Resolver, app: str) -> None:
        self._resolver = resolver
        self._app = app

    async def group(self, name: str) -> list[str]:
        """The addresses of the started machines of a process group."""
        return await self._addresses(f"{name}.process.{self._app}.internal")

    async def edges(self, own_machine: str) -> list[Found]:
        """The started edges, without this machine."""
        addresses = await self.group("edge")
        machines = await self._machines() if addresses else []
        others = [(machine, region) for machine, region in machines if machine != own_machine]
        asking = [
            Deferred.fromCoroutine(self._addresses(f"{machine}.vm.{self._app}.internal"))
            for machine, _region in others
        ]
        try:
            own = await gatherResults(asking, consumeErrors=True)
        except FirstError as why:
            why.subFailure.raiseException()
        return [
            Found(machine, region, found[0])
            for (machine, region), found in zip(others, own, strict=True)
            if found and found[0] in addresses
        ]

    async def _machines(self) -> list[tuple[str, str]]:
        texts = await self._look_up(self._resolver.lookupText, f"vms.{self._app}.internal", dns.TXT)
        found = []
        for text in texts:
            for entry in b"".join(text.data).decode("ascii", "replace").split(","):
                machine, _, region = entry.strip().partition(" ")
                if machine:
                    found.append((machine, region.strip()))
        return found

    async def _addresses(self, name: str) -> list[str]:
        records = await self._look_up(self._resolver.lookupIPV6Address, name, dns.AAAA)
        return [connectable(record._address) for record in records]

    async def _look_up(self, ask: Any, name: str, kind: int) -> list[Any]:
        try:
            answers, _authority, _additional = await ask(name, timeout=LOOKUP_SECONDS)
        except DNSNameError:
            # There is no such name: no such machine is started.
            return []
        except Exception as why:
            raise TemporarilyUnavailable(f"{name} cannot be looked up: {error_words(why)}") from why
        return [answer.payload for answer in answers if answer.type == kind]


class LoginAddress:
    """Where login is: as given, or by its name, asked for again when the answer is DISCOVERY_SECONDS old."""

    def __init__(self, clock: IReactorTime, names: InternalNames, fixed: Address | None) -> None:
        self._clock = clock
        self._names = names
        self._fixed = fixed
        self._known: tuple[Address, float] | None = None

    async def get(self) -> Address:
        """Raises TemporarilyUnavailable when no login is started, or DNS is silent and never was not."""
        if self._fixed is not None:
            return self._fixed
        now = self._clock.seconds()
        if self._known is not None and now - self._known[1] < DISCOVERY_SECONDS:
            return self._known[0]
        try:
            found = await self._names.group("login")
        except TemporarilyUnavailable:
            if self._known is not None:
                return self._known[0]
            raise
        if not found:
            raise TemporarilyUnavailable("no login node is started: try again in a moment")
        self._known = ((found[0], FLEET_PORT), now)
        return self._known[0]


def make_resolver(reactor: Any, server: Address | None) -> Resolver:
    """A resolver that asks `server`, or the ones of /etc/resolv.conf."""
    known: dict[str, Any] = {"resolv": RESOLV_CONF} if server is None else {"servers": [server]}
    resolver: Resolver = client.Resolver(reactor=reactor, **known)
    return resolver


def connectable(packed: bytes) -> str:
    """An IPv6 address as text; one that stands for an IPv4 address as that."""
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)
