"""Who is there by DNS: answers as Fly's resolver gives them, wrong ones, and none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.names.client import Resolver as TwistedResolver
from twisted.names.error import DNSNameError, DNSQueryRefusedError, DNSQueryTimeoutError, DNSServerError
from twisted.trial.unittest import TestCase

from wingthing.cluster.discovery import Found, InternalNames, LoginAddress, connectable, make_resolver
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.limits import DISCOVERY_SECONDS

EDGES = "edge.process.wt.internal"
LOGIN = "login.process.wt.internal"


class FakeResolver:
    """Answers from tables; a name that is in none does not exist. What is an exception is raised."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[str] | Exception] = {}
        self.texts: dict[str, list[bytes] | Exception] = {}
        self.asked: list[str] = []

    def lookupIPV6Address(self, name: str, timeout: Iterable[int]) -> Deferred[Any]:
        found = self.addresses.get(name)
        if isinstance(found, list):
            found = [dns.Record_AAAA(address) for address in found]
        return self._answer(name, dns.AAAA, found)

    def lookupText(self, name: str, timeout: Iterable[int]) -> Deferred[Any]:
        found = self.texts.get(name)
        if isinstance(found, list):
            found = [dns.Record_TXT(*found)]
        return self._answer(name, dns.TXT, found)

    def _answer(self, name: str, kind: int, found: Any) -> Deferred[Any]:
        self.asked.append(name)
        if found is None:
            return fail(DNSNameError())
        if isinstance(found, Exception):
            return fail(found)
        answers = [dns.RRHeader(name, kind, payload=payload) for payload in found]
        # Resolvers may add what nobody asked for.
        answers.append(dns.RRHeader(name, dns.CNAME, payload=dns.Record_CNAME("elsewhere")))
        return succeed((answers, [], []))


class DiscoveryCase(TestCase):
    def setUp(self) -> None:
        self.resolver = FakeResolver()
        self.names = InternalNames(self.resolver, "wt")
        self.resolver.addresses = {
            EDGES: ["fdaa::a", "fdaa::b"],
            "aaa.vm.wt.internal": ["fdaa::a"],
            "bbb.vm.wt.internal": ["fdaa::b"],
            "ccc.vm.wt.internal": ["fdaa::c"],
            LOGIN: ["fdaa::c"],
        }
        self.resolver.texts = {"vms.wt.internal": [b"aaa nrt,bbb lhr,ccc ewr"]}

    def edges(self, own: str = "ccc") -> list[Found]:
        return self.successResultOf(Deferred.fromCoroutine(self.names.edges(own)))


class EdgesTests(DiscoveryCase):
    def test_the_edges_and_where_they_are(self) -> None:
        self.assertEqual(self.edges(), [Found("aaa", "nrt", "fdaa::a"), Found("bbb", "lhr", "fdaa::b")])

    def test_without_this_machine(self) -> None:
        self.assertEqual([edge.machine for edge in self.edges("aaa")], ["bbb"])
        self.assertNotIn("aaa.vm.wt.internal", self.resolver.asked[-3:])

    def test_the_list_may_come_in_pieces_and_with_spaces(self) -> None:
        self.resolver.texts = {"vms.wt.internal": [b"aaa nrt, bb", b"b lhr,,ccc", b" "]}
        self.assertEqual(
            [(edge.machine, edge.region) for edge in self.edges()], [("aaa", "nrt"), ("bbb", "lhr")]
        )

    def test_no_edge_is_started(self) -> None:
        del self.resolver.addresses[EDGES]
        self.assertEqual((self.edges(), self.resolver.asked), ([], [EDGES]))

    def test_a_machine_that_is_listed_and_not_started(self) -> None:
        del self.resolver.addresses["aaa.vm.wt.internal"]
        self.assertEqual([edge.machine for edge in self.edges()], ["bbb"])

    def test_an_address_that_nobody_of_the_group_has(self) -> None:
        self.resolver.addresses["aaa.vm.wt.internal"] = ["fdaa::99"]
        self.assertEqual([edge.machine for edge in self.edges()], ["bbb"])

    def test_no_list(self) -> None:
        self.resolver.texts = {}
        self.assertEqual(self.edges(), [])

    def test_a_resolver_that_fails(self) -> None:
        for why in (DNSQueryTimeoutError(1), DNSServerError(), OSError("network is down")):
            for table, name in (
                (self.resolver.addresses, EDGES),
                (self.resolver.texts, "vms.wt.internal"),
                (self.resolver.addresses, "bbb.vm.wt.internal"),
            ):
                before = table[name]
                table[name] = why  # type: ignore[assignment]
                looking = Deferred.fromCoroutine(self.names.edges("ccc"))
                self.failureResultOf(looking, TemporarilyUnavailable)
                table[name] = before  # type: ignore[assignment]
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_why_it_failed_is_said_with_the_name(self) -> None:
        self.resolver.addresses[EDGES] = OSError("network is down")
        looking = Deferred.fromCoroutine(self.names.edges("ccc"))
        why = str(self.failureResultOf(looking, TemporarilyUnavailable).value)
        self.assertIn(EDGES, why)
        self.assertIn("network is down", why)


class LoginAddressTests(DiscoveryCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.address = LoginAddress(self.clock, self.names, None)

    def get(self) -> tuple[str, int]:
        return self.successResultOf(Deferred.fromCoroutine(self.address.get()))

    def refused(self) -> str:
        failure = self.failureResultOf(Deferred.fromCoroutine(self.address.get()), TemporarilyUnavailable)
        return str(failure.value)

    def test_by_its_name_and_asked_for_again_after_a_while(self) -> None:
        self.assertEqual(self.get(), ("fdaa::c", 8080))
        self.resolver.addresses[LOGIN] = ["fdaa::d"]
        self.clock.advance(DISCOVERY_SECONDS - 0.1)
        self.assertEqual(self.get(), ("fdaa::c", 8080))
        self.clock.advance(0.1)
        self.assertEqual(self.get(), ("fdaa::d", 8080))
        self.assertEqual(len(self.resolver.asked), 2)

    def test_as_given_nobody_is_asked(self) -> None:
        self.address = LoginAddress(self.clock, self.names, ("127.1.0.1", 9000))
        self.assertEqual((self.get(), self.resolver.asked), (("127.1.0.1", 9000), []))

    def test_a_resolver_that_is_silent_is_no_reason_to_lose_it(self) -> None:
        self.get()
        for why in (OSError("network is down"), DNSServerError(), DNSQueryRefusedError()):
            self.resolver.addresses[LOGIN] = why
            self.clock.advance(100)
            self.assertEqual(self.get(), ("fdaa::c", 8080), why)

    def test_no_login(self) -> None:
        self.resolver.addresses[LOGIN] = OSError("network is down")
        self.assertIn("network is down", self.refused())
        del self.resolver.addresses[LOGIN]
        self.assertIn("no login node is started", self.refused())
        self.resolver.addresses[LOGIN] = ["fdaa::c"]
        self.assertEqual(self.get(), ("fdaa::c", 8080), "and it is found as soon as there is one")

    def test_a_login_that_has_gone(self) -> None:
        self.get()
        self.resolver.addresses[LOGIN] = []
        self.clock.advance(DISCOVERY_SECONDS)
        self.assertIn("no login node", self.refused())


class AddressTests(TestCase):
    def test_a_mapped_address_is_the_ipv4_one(self) -> None:
        for text, expected in (
            ("::ffff:127.1.0.2", "127.1.0.2"),
            ("fdaa:0:1::3", "fdaa:0:1::3"),
            ("::1", "::1"),
        ):
            self.assertEqual(connectable(dns.Record_AAAA(text)._address), expected)


class FakeVerified(TestCase):
    """The fake is asked as twisted.names' resolver is, and fails as it fails."""

    def test_the_methods_that_are_used(self) -> None:
        for name in ("lookupIPV6Address", "lookupText"):
            self.assertTrue(callable(getattr(TwistedResolver, name)))

    def test_what_it_raises_for_an_answer_without_a_name(self) -> None:
        resolver = make_resolver(Clock(), ("127.0.0.1", 53))
        assert isinstance(resolver, TwistedResolver)
        for code, kind in ((dns.ENAME, DNSNameError), (dns.ESERVER, DNSServerError)):
            message = dns.Message(rCode=code)
            failed = resolver.filterAnswers(message)
            self.assertTrue(failed.check(kind))
        answer = dns.Message()
        answer.answers = [dns.RRHeader("x", dns.AAAA, payload=dns.Record_AAAA("::1"))]
        answers, _authority, _additional = resolver.filterAnswers(answer)
        self.assertEqual(answers[0].payload._address, dns.Record_AAAA("::1")._address)
