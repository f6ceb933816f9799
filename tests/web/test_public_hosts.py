"""Nobody may have this server ask its neighbours, by whatever name."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from wingthing.web.public_hosts import agent, is_public, is_public_or_loopback

PRIVATE = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fdaa::3",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "",
    "localhost",
    "0x7f000001",
)
PUBLIC = ("1.1.1.1", "142.250.1.1", "2606:4700::1111", "::ffff:1.1.1.1")


class AddressTests(TestCase):
    def test_public_ones(self) -> None:
        for host in PUBLIC:
            self.assertTrue(is_public(host), host)
        for host in PRIVATE:
            self.assertFalse(is_public(host), host)

    def test_on_a_server_of_ones_own_this_machine_too(self) -> None:
        for host in (*PUBLIC, "127.0.0.1", "::1"):
            self.assertTrue(is_public_or_loopback(host), host)
        for host in ("10.1.2.3", "169.254.169.254", "fdaa::3", "fe80::1", "", "localhost"):
            self.assertFalse(is_public_or_loopback(host), host)


@implementer(IHostnameResolver)
class Names:
    """DNS: every answer is used once, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0, *rest: Any) -> Any:
        self.asked.append(hostName)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        receiver.resolutionBegan(self)
        for host in answer:
            kind = IPv6Address if ":" in host else IPv4Address
            receiver.addressResolved(kind("TCP", host, portNumber))
        receiver.resolutionComplete()
        return self


class AgentTests(TestCase):
    def ask(self, url: str, names: Names, **how: Any) -> tuple[list[tuple[str, int]], Any]:
        """Where it connects to, and what has become of the request."""
        reactor = MemoryReactorClock()
        reactor.nameResolver = names
        asked = agent(reactor, **how).request(b"POST", url.encode())
        reactor.advance(1)
        return [(client[0], client[1]) for client in reactor.tcpClients], asked

    def test_a_public_name(self) -> None:
        connected, asked = self.ask("https://push.example/x", Names(["1.1.1.1"]))
        self.assertEqual(connected, [("1.1.1.1", 443)])
        self.assertNoResult(asked)
        asked.addErrback(lambda _failure: None)
        asked.cancel()

    def test_names_that_mean_a_neighbour(self) -> None:
        for host in PRIVATE[:-3]:
            connected, asked = self.ask("https://push.example/x", Names([host]))
            self.assertEqual(connected, [], host)
            self.failureResultOf(asked)

    def test_of_several_addresses_only_the_public_ones(self) -> None:
        connected, asked = self.ask("https://push.example:8443/x", Names(["10.0.0.1", "1.1.1.1", "fdaa::3"]))
        self.assertEqual(connected, [("1.1.1.1", 8443)])
        asked.addErrback(lambda _failure: None)
        asked.cancel()

    def test_addresses_in_place_of_names(self) -> None:
        for host in ("127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]"):
            names = Names([host.strip("[]")])
            connected, asked = self.ask(f"http://{host}:80/x", names)
            self.assertEqual(connected, [], host)
            self.failureResultOf(asked)

    def test_a_name_that_changes_between_two_looks(self) -> None:
        """It is looked up once; and were it twice, the second would be looked at as the first."""
        names = Names(["1.1.1.1"], ["127.0.0.1"])
        connected, asked = self.ask("https://push.example/x", names)
        self.assertEqual((connected, len(names.asked)), ([("1.1.1.1", 443)], 1))
        asked.addErrback(lambda _failure: None)
        asked.cancel()
        connected, asked = self.ask("https://push.example/x", names)
        self.assertEqual(connected, [])
        self.failureResultOf(asked)

    def test_another_rule(self) -> None:
        connected, asked = self.ask(
            "http://localhost:9/x", Names(["127.0.0.1"]), allowed=is_public_or_loopback
        )
        self.assertEqual(connected, [("127.0.0.1", 9)])
        asked.addErrback(lambda _failure: None)
        asked.cancel()
