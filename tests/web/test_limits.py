"""How often, and how slowly, anybody may ask: 429 with what is limited and for how long, and an end to what
drips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from klein import Klein
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.web.support import HOST, NOW, WING, Answer, Exchange, WebCase
from wingthing.relay.rates import LIMITS
from wingthing.store import device_codes, users
from wingthing.web import account_log
from wingthing.web.account_log import AccountLog
from wingthing.wire.account_limits import (
    CLAIM_ATTEMPTS,
    CLAIM_ATTEMPTS_PER_ADDRESS,
    CLAIM_WINDOW_SECONDS,
    DEVICE_CODES_PER_ADDRESS,
    DEVICE_POLLS_PER_ADDRESS,
    DOWNLOADS_PER_ACCOUNT,
    LOOKUPS_PER_ACCOUNT,
    ONE_TIME_LINKS_PER_ADDRESS,
    REQUEST_SECONDS,
    WRITES_PER_ACCOUNT,
    WRITES_PER_ADDRESS,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LABEL = f"/api/app/wings/{WING}/label"


def at(host: str) -> IPv4Address:
    return IPv4Address("TCP", host, 40000)


class EnforcedCase(WebCase):
    enforced = frozenset(LIMITS)

    def refused(self, answer: Answer, words: str) -> None:
        self.assertEqual(answer.status, 429, answer)
        self.assertGreater(int(answer.header("retry-after") or "0"), 0)
        self.assertIn(words, answer.text.lower())


class DownloadTests(EnforcedCase):
    def parts(self) -> Mapping[str, Klein]:
        app = AccountLog(
            authenticator=self.authenticator, database=self.database, seconds=self.clock.seconds
        ).app
        return dict.fromkeys(account_log.PARTS, app)

    def test_files_that_take_long_to_make(self) -> None:
        self.log_in()
        paths = ("/api/app/export", "/api/app/audit.csv")
        for number in range(DOWNLOADS_PER_ACCOUNT):
            self.assertEqual(self.get(paths[number % 2]).status, 200)
        for path in paths:
            self.refused(self.get(path), "too many downloads by this account")
        self.assertEqual(self.get("/api/app/audit").status, 200, "a page of it costs little")


class WriteTests(EnforcedCase):
    def test_changes_of_one_account_from_wherever(self) -> None:
        self.log_in()
        for number in range(WRITES_PER_ACCOUNT):
            answer = self.ask("DELETE", LABEL, peer=at(f"192.0.2.{number}"))
            self.assertEqual(answer.status, 200)
        answer = self.ask("DELETE", LABEL, peer=at("198.51.100.1"))
        self.refused(answer, "too many changes by this account: try again in 1 s")
        self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(self.get("/api/app/me").status, 200, "looking is no change")
        self.clock.advance(int(answer.header("retry-after") or ""))
        self.assertEqual(self.ask("DELETE", LABEL).status, 200)

    def test_who_looks_for_addresses_is_no_directory(self) -> None:
        self.log_in()
        for number in range(LOOKUPS_PER_ACCOUNT):
            path = f"/api/app/resolve-email?email=somebody{number}@example.org"
            self.assertEqual(self.get(path, peer=at(f"192.0.2.{number}")).status, 404)
        self.refused(self.get("/api/app/resolve-email?email=x@example.org"), "by this account")

    def test_anything_that_may_be_one_from_one_address(self) -> None:
        for number in range(WRITES_PER_ADDRESS):
            path = ("/api/app/upgrade", "/auth/revoke", "/nothing")[number % 3]
            self.assertNotEqual(self.post(path, {}).status, 429)
        self.refused(self.post("/api/app/upgrade", {}), "too many changes from this address")
        page = self.post("/auth/claim", "user_code=AAAAAA", **FORM)
        self.refused(page, "too many changes from this address")
        self.assertIn("<h1>Not so fast</h1>", page.text)
        self.assertNotEqual(self.ask("POST", "/api/app/upgrade", {}, peer=at("192.0.2.9")).status, 429)
        self.assertEqual(self.get("/health").status, 200)

    def test_who_signs_and_who_waits_is_counted_otherwise(self) -> None:
        for _ in range(WRITES_PER_ADDRESS + 10):
            self.assertEqual(self.post("/auth/token", {"device_code": "x"}).status, 200)
            self.assertEqual(self.post("/billing/webhook", {}).status, 404)

    def test_foreign_pages_use_up_nobodys_changes(self) -> None:
        self.log_in()
        for _ in range(WRITES_PER_ADDRESS + 10):
            self.assertEqual(self.post("/api/app/upgrade", {}, Origin="http://evil.example").status, 403)
        self.assertEqual(self.ask("DELETE", LABEL).status, 200)


class DeviceTests(EnforcedCase):
    def test_codes_for_machines(self) -> None:
        for _ in range(DEVICE_CODES_PER_ADDRESS):
            self.assertEqual(self.post("/auth/device", {"wing_id": WING}).status, 200)
        self.refused(self.post("/auth/device", {"wing_id": WING}), "too many device logins from this address")
        answer = self.ask("POST", "/auth/device", {"wing_id": WING}, peer=at("192.0.2.1"))
        self.assertEqual(answer.status, 200)

    def test_machines_that_wait(self) -> None:
        for _ in range(DEVICE_POLLS_PER_ADDRESS):
            self.assertEqual(self.post("/auth/token", {"device_code": "x"}).json, {"error": "invalid_code"})
        self.refused(self.post("/auth/token", {"device_code": "x"}), "too many questions for a token")


class LinkTests(WebCase):
    """Counts without sign-in too: whoever guesses right has a shell."""

    def test_wrong_one_time_links(self) -> None:
        for _ in range(ONE_TIME_LINKS_PER_ADDRESS):
            self.assertEqual(self.get("/auth/local?key=wrong").status, 401)
        answer = self.get(f"/auth/local?key={self.local_key.current()}")
        self.assertEqual(answer.status, 429)
        self.assertIn("too many wrong links from this address", answer.text.lower())
        self.clock.advance(int(answer.header("retry-after") or ""))
        self.log_in()

    def test_right_ones_are_not_counted(self) -> None:
        for _ in range(2 * ONE_TIME_LINKS_PER_ADDRESS):
            self.log_in()


class ClaimTests(EnforcedCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def guess(self, code: str, host: str = "192.0.2.1", *, look: bool = False) -> Answer:
        if look:
            return self.ask("GET", f"/auth/claim?code={code}", peer=at(host))
        return self.ask("POST", "/auth/claim", f"user_code={code}", FORM, peer=at(host))

    def test_an_account_that_guesses_waits_wherever_it_is(self) -> None:
        for number in range(CLAIM_ATTEMPTS):
            self.guess(f"AAAA{number:02}", f"192.0.2.{number}", look=number % 2 == 0)
        for host in ("192.0.2.1", "203.0.113.1"):
            self.refused(self.guess("ABCDEF", host), "too many wrong codes by this account")
            self.refused(self.guess("ABCDEF", host, look=True), "too many wrong codes by this account")

    def test_an_address_waits_under_whatever_account(self) -> None:
        for number in range(CLAIM_ATTEMPTS_PER_ADDRESS // CLAIM_ATTEMPTS):
            name = f"user-{number}"
            self.run_now(users.add, name, name=name, provider="operator", now=NOW)
            self.cookie = self.session_of(name)
            for code in range(CLAIM_ATTEMPTS):
                self.assertEqual(self.guess(f"AAAA{code:02}").status, 404)
        self.run_now(users.add, "fresh", name="fresh", provider="operator", now=NOW)
        self.cookie = self.session_of("fresh")
        self.refused(self.guess("ABCDEF"), "too many wrong codes from this address")
        self.assertEqual(self.guess("ABCDEF", "203.0.113.1").status, 404)

    def test_a_right_code_costs_nothing(self) -> None:
        for _ in range(CLAIM_ATTEMPTS_PER_ADDRESS):
            made = self.waiting()
            self.assertEqual(self.guess(made.user_code, look=True).status, 200)
            self.assertEqual(self.guess(made.user_code).status, 200)

    def test_a_waiting_code_cannot_be_used_up_to_begin_anew(self) -> None:
        """The attacker's own logins, which are right codes, give back what they cost and no more."""
        for number in range(CLAIM_ATTEMPTS):
            self.guess(f"AAAA{number:02}")
            made = self.waiting()
            if number < CLAIM_ATTEMPTS - 1:
                self.assertEqual(self.guess(made.user_code).status, 200)
        self.assertEqual(self.guess("ABCDEF").status, 429)
        self.clock.advance(CLAIM_WINDOW_SECONDS)
        self.assertEqual(self.guess("ABCDEF").status, 404)

    def waiting(self) -> device_codes.Codes:
        return self.run_now(
            device_codes.create,
            wing_id=WING,
            public_key="",
            user_id=None,
            now=NOW,
            randomness=self.random,
        )

    def random(self, size: int) -> bytes:
        self.drawn = getattr(self, "drawn", 0) + 1
        return (self.drawn * 0x9E3779B97F4A7C15).to_bytes(64, "big")[-size:]

    def session_of(self, user_id: str) -> str:
        made: list[str] = []

        async def make() -> None:
            made.append(await self.authenticator.log_in(user_id))

        coroutine = make()
        try:
            coroutine.send(None)
        except StopIteration:
            return made[0]
        raise AssertionError("the stand-in answers at once")


class SpoofingTests(EnforcedCase):
    """On a node that is alone nothing that a client says of its address counts."""

    def test_headers(self) -> None:
        self.log_in()
        for number in range(CLAIM_ATTEMPTS_PER_ADDRESS + 1):
            host = f"198.51.100.{number}"
            answer = self.ask(
                "GET",
                "/auth/local?key=wrong",
                headers={
                    "Cookie": None,
                    "Fly-Client-IP": host,
                    "Fly-Forwarded-Port": "443",
                    "X-Forwarded-For": host,
                    "X-Real-IP": host,
                    "Forwarded": f"for={host}",
                },
            )
        self.assertEqual(answer.status, 429)


class SlowTests(WebCase):
    """A request has its time, and then the line is cut, however lively it is."""

    @property
    def site_clock(self) -> MemoryReactorClock:
        return cast(MemoryReactorClock, self.site.reactor)

    def drip(self, head: bytes, drop: bytes) -> tuple[Exchange, float]:
        """Send `head`, and then a drop each second until the line is cut. Answers when that was."""
        exchange = Exchange(self)
        exchange.send(head)
        for second in range(200):
            if cast(Any, exchange.transport).disconnected or exchange.transport.disconnecting:
                return exchange, second
            self.site_clock.advance(1)
            if not exchange.transport.disconnecting:
                exchange.send(drop)
        raise AssertionError("it is never cut")

    def test_a_body_that_drips(self) -> None:
        head = self.raw("POST", "/auth/token", b"", {"Content-Length": "60000"})
        exchange, seconds = self.drip(head, b" ")
        self.assertEqual(seconds, REQUEST_SECONDS)
        self.assertFalse(exchange.answered)

    def test_one_of_unknown_length(self) -> None:
        head = f"POST /auth/token HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
        _exchange, seconds = self.drip(head.encode(), b"1\r\nx\r\n")
        self.assertEqual(seconds, REQUEST_SECONDS)

    def test_headers_that_drip(self) -> None:
        _exchange, seconds = self.drip(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode(), b"X: y\r\n")
        self.assertEqual(seconds, REQUEST_SECONDS)

    def test_silence(self) -> None:
        exchange = Exchange(self)
        exchange.send(b"")
        self.site_clock.pump([1] * 100)
        self.assertTrue(exchange.transport.disconnecting)

    def test_a_request_in_time_leaves_nothing_behind(self) -> None:
        exchange = Exchange(self)
        exchange.send(self.raw("GET", "/health"))
        self.assertEqual(exchange.answer().status, 200)
        self.site_clock.pump([1] * int(REQUEST_SECONDS + 5))
        self.assertFalse(exchange.transport.disconnecting)
        exchange.send(self.raw("GET", "/health"))
        self.assertEqual(exchange.transport.value().count(b"200 OK"), 2)

    def test_nor_does_one_whose_client_leaves(self) -> None:
        exchange = Exchange(self)
        exchange.send(self.raw("POST", "/auth/token", b"", {"Content-Length": "60000"}))
        exchange.protocol.connectionLost(Failure(ConnectionDone()))
        later = [call for call in self.site_clock.getDelayedCalls() if call.active()]
        self.assertEqual([call for call in later if "_too_slow" in repr(call.func)], [])
