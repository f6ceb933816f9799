"""The `.internal` names, as one machine sees them."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.names import client, dns
from twisted.names.error import DNSNameError

from tests.rehearsal.case import SocketCase, eventually, reactor
from wingthing.errors import OperatorError
from wingthing.rehearsal.dns import Internal, Resolver, Started

LOGIN = Started("1" * 14, "ewr", "login", "127.1.2.1")
NRT = Started("2" * 14, "nrt", "edge", "127.1.0.2")
LHR = Started("3" * 14, "lhr", "edge", "127.1.2.3")


class DnsCase(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.started = [LOGIN, NRT, LHR]
        # One port for both: TCP finds a free one, and UDP's are others.
        _server, free = self.listen(host="127.0.0.2")
        self.resolver = Resolver(
            reactor, "127.0.0.1", free, Internal("wingthing", lambda: list(self.started))
        )
        self.resolver.listen()
        self.addCleanup(self.resolver.close)
        self.client = client.Resolver(servers=[(self.resolver.host, free)], reactor=reactor)

    async def ask(self, name: str, kind: int = dns.AAAA) -> list[Any]:
        answers, _authority, _additional = await self.client.query(dns.Query(name.encode(), kind))
        return [answer.payload for answer in answers]

    async def addresses(self, name: str) -> list[str]:
        return [mapped(payload) for payload in await self.ask(name)]

    async def missing(self, name: str, kind: int = dns.AAAA) -> None:
        with self.assertRaises(DNSNameError):
            await self.ask(name, kind)


def mapped(record: Any) -> str:
    """The IPv4 address that is mapped into an AAAA record."""
    address = ipaddress.IPv6Address(record._address).ipv4_mapped
    assert address is not None
    return str(address)


class AnswerTests(DnsCase):
    async def test_addresses(self) -> None:
        for name, machines in (
            ("wingthing.internal", [LOGIN, NRT, LHR]),
            ("nrt.wingthing.internal", [NRT]),
            ("login.process.wingthing.internal", [LOGIN]),
            ("edge.process.wingthing.internal", [NRT, LHR]),
            (f"{LHR.id}.vm.wingthing.internal", [LHR]),
            ("EDGE.Process.wingthing.INTERNAL", [NRT, LHR]),
        ):
            self.assertEqual(await self.addresses(name), [machine.address for machine in machines], name)

    async def test_texts(self) -> None:
        (vms,) = await self.ask("vms.wingthing.internal", dns.TXT)
        self.assertEqual(b"".join(vms.data).decode(), f"{LOGIN.id} {LOGIN.region},{NRT.id} nrt,{LHR.id} lhr")
        (regions,) = await self.ask("regions.wingthing.internal", dns.TXT)
        self.assertEqual(regions.data, [b"ewr,nrt,lhr"])

    async def test_a_long_text_comes_in_pieces(self) -> None:
        self.started = [Started(f"{number:014x}", "ewr", "edge", "127.1.0.1") for number in range(80)]
        (vms,) = await self.ask("vms.wingthing.internal", dns.TXT)
        self.assertGreater(len(vms.data), 1)
        self.assertEqual(
            b"".join(vms.data).decode(), ",".join(f"{machine.id} ewr" for machine in self.started)
        )

    async def test_ttl_and_authority(self) -> None:
        response = await self.message("wingthing.internal")
        self.assertEqual({answer.ttl for answer in response.answers}, {5})
        self.assertTrue(response.auth)

    async def test_names_that_are_not_there(self) -> None:
        for name in (
            "fra.wingthing.internal",
            "web.process.wingthing.internal",
            f"{'9' * 14}.vm.wingthing.internal",
            "other.internal",
            "edge.process.other.internal",
            "a.edge.process.wingthing.internal",
            "process.wingthing.internal",
            "example.org",
        ):
            await self.missing(name)

    async def test_a_name_that_has_other_records_only(self) -> None:
        self.assertEqual(await self.ask("wingthing.internal", dns.A), [])
        self.assertEqual(await self.ask("vms.wingthing.internal", dns.AAAA), [])

    async def test_started_machines_only(self) -> None:
        self.started.remove(NRT)
        await self.missing("nrt.wingthing.internal")
        self.assertEqual(await self.addresses("edge.process.wingthing.internal"), [LHR.address])
        self.started.clear()
        await self.missing("wingthing.internal")
        await self.missing("vms.wingthing.internal", dns.TXT)
        self.started.append(NRT)
        self.assertEqual(await self.addresses("nrt.wingthing.internal"), [NRT.address])

    async def test_over_tcp(self) -> None:
        response = await self.client.queryTCP([dns.Query(b"wingthing.internal", dns.AAAA)])
        found = [mapped(answer.payload) for answer in response.answers]
        self.assertEqual(found, [machine.address for machine in self.started])
        await self.resolver.close()
        await eventually(lambda: not self.client.connections)

    async def test_a_port_that_is_taken(self) -> None:
        second = Resolver(reactor, self.resolver.host, self.resolver.port, Internal("wingthing", list))
        self.assertIn("DNS", str(self.assertRaises(OperatorError, second.listen)))
        await second.close()

    async def message(self, name: str) -> Any:
        return await self.client.queryUDP([dns.Query(name.encode(), dns.AAAA)])
