"""The resolver of one machine: the `.internal` names of Fly, as this machine sees them.

| question | answer |
|---|---|
| AAAA `<app>.internal` | every machine that is started |
| AAAA `<region>.<app>.internal` | those of a region |
| AAAA `<group>.process.<app>.internal` | those of a process group |
| AAAA `<machine id>.vm.<app>.internal` | that one |
| TXT `vms.<app>.internal` | `<machine id> <region>,<machine id> <region>` |
| TXT `regions.<app>.internal` | `<region>,<region>` |

Everything else, and a name that no started machine answers to, is NXDOMAIN. Addresses are IPv4 ones of
loopback, mapped into IPv6 (`::ffff:127.1.2.3`), because `.internal` has AAAA records only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.names import dns
from twisted.names.common import ResolverBase
from twisted.names.server import DNSServerFactory

from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import DNS_TTL

TXT_BYTES = 255
"""One character string of a TXT record holds no more; a reader joins them."""

Answer = tuple[list[dns.RRHeader], list[dns.RRHeader], list[dns.RRHeader]]


@attrs.frozen
class Started:
    """A started machine, at the address where the asking machine finds it."""

    id: str
    region: str
    group: str
    address: str


class Internal(ResolverBase):
    """Answers from `started()`, asked anew for every question."""

    def __init__(self, app: str, started: Callable[[], Sequence[Started]]) -> None:
        super().__init__()
        self._domain = f"{app}.internal"
        self._started = started

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Any) -> Deferred[Answer]:
        asked = name.decode("ascii", "replace").rstrip(".").lower()
        records = self._records(asked)
        if not records:
            return fail(dns.AuthoritativeDomainError(name))
        answers = [
            dns.RRHeader(name, record.TYPE, dns.IN, DNS_TTL, record, auth=True)
            for record in records
            if type in (record.TYPE, dns.ALL_RECORDS)
        ]
        return succeed((answers, [], []))

    def _records(self, asked: str) -> list[Any]:
        machines = self._started()
        if asked == self._domain:
            return _addresses(machines)
        label, dot, domain = asked.partition(".")
        kind = domain.removesuffix("." + self._domain) if dot else ""
        if domain == self._domain:
            if label == "vms":
                return _text(f"{machine.id} {machine.region}" for machine in machines)
            if label == "regions":
                return _text(dict.fromkeys(machine.region for machine in machines))
            return _addresses(machine for machine in machines if machine.region == label)
        if kind == "process":
            return _addresses(machine for machine in machines if machine.group == label)
        if kind == "vm":
            return _addresses(machine for machine in machines if machine.id == label)
        return []


def _addresses(machines: Iterable[Started]) -> list[Any]:
    return [dns.Record_AAAA(f"::ffff:{machine.address}", DNS_TTL) for machine in machines]


def _text(words: Iterable[str]) -> list[Any]:
    text = ",".join(words).encode()
    strings = [text[start : start + TXT_BYTES] for start in range(0, len(text), TXT_BYTES)]
    return [dns.Record_TXT(*strings, ttl=DNS_TTL)] if strings else []


class Resolver:
    """`Internal` on UDP and TCP at one address."""

    def __init__(self, reactor: Any, host: str, port: int, internal: Internal) -> None:
        self.host = host
        self.port = port
        self._reactor = reactor
        self._factory = DNSServerFactory(authorities=[internal])
        self._factory.noisy = False
        self._ports: list[IListeningPort] = []

    def listen(self) -> None:
        """Raises OperatorError when the address is taken."""
        datagrams = dns.DNSDatagramProtocol(self._factory, reactor=self._reactor)
        datagrams.noisy = False
        try:
            self._ports.append(self._reactor.listenUDP(self.port, datagrams, interface=self.host))
            self._ports.append(self._reactor.listenTCP(self.port, self._factory, interface=self.host))
        except CannotListenError as why:
            raise OperatorError(
                f"Port {self.port} at {self.host} is taken, and the DNS of the rehearsal needs it: stop the "
                f"program that listens on 0.0.0.0:{self.port}."
            ) from why

    def close(self) -> Deferred[Any]:
        """Fires when nothing listens any more."""
        for session in tuple(self._factory.connections):
            session.transport.abortConnection()
        ports, self._ports = self._ports, []
        stopping = [port.stopListening() for port in ports]
        return gatherResults([done for done in stopping if isinstance(done, Deferred)])
