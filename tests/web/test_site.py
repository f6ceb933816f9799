"""What every request meets first: the guard, the headers, the bound on bodies, and the log."""

from __future__ import annotations

from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from tests.web.support import HOST, URL, Exchange, WebCase
from wingthing.wire.limits import MAX_BODY_BYTES

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class HeaderTests(WebCase):
    def test_every_answer_carries_them(self) -> None:
        self.log_in()
        for path, status in (
            ("/", 303),
            ("/app/", 200),
            ("/health", 200),
            ("/static/pages.css", 200),
            ("/api/app/me", 200),
            ("/api/nothing", 404),
            ("/nothing", 404),
            ("/ws/nothing", 404),
            ("/auth/claim", 200),
        ):
            answer = self.get(path)
            self.assertEqual(answer.status, status, path)
            self.assertEqual(answer.header("content-security-policy"), CSP, path)
            self.assertEqual(answer.header("x-content-type-options"), "nosniff", path)
            policy = "same-origin" if path == "/auth/claim" else "no-referrer"
            self.assertEqual(answer.header("referrer-policy"), policy, path)
            self.assertEqual(answer.header("cross-origin-opener-policy"), "same-origin", path)
            self.assertEqual(answer.header("cross-origin-resource-policy"), "same-origin", path)
            self.assertIsNotNone(answer.header("cache-control"), path)

    def test_what_changes_is_not_kept(self) -> None:
        self.log_in()
        for path in ("/", "/api/app/me", "/auth/claim", "/health", "/nothing"):
            self.assertEqual(self.get(path).header("cache-control"), "no-store", path)


class HostTests(WebCase):
    def test_dns_rebinding_gets_nowhere_whatever_it_asks_for(self) -> None:
        self.log_in()
        for path in ("/", "/app/", "/health", "/api/app/me", "/static/pages.css", "/ws/wing", "/nothing"):
            for host in ("evil.example:8080", "127.0.0.1.evil.example", ""):
                answer = self.get(path, Host=host)
                self.assertEqual(answer.status, 421, path)
                self.assertNotIn(b"Robin", answer.body)
        self.assertIn("does not serve", self.get("/api/app/me", Host="evil.example").error)

    def test_a_rebound_page_cannot_spend_the_link(self) -> None:
        key = self.local_key.current()
        self.assertEqual(self.get(f"/auth/local?key={key}", Host="evil.example").status, 421)
        self.assertEqual(self.local_key.current(), key)

    def test_no_host_at_all(self) -> None:
        self.assertIn(self.get("/api/app/me", Host=None).status, (400, 421))


class OriginTests(WebCase):
    def test_a_foreign_page_writes_nothing(self) -> None:
        self.log_in()
        for path in ("/auth/logout", "/auth/claim", "/api/app/upgrade"):
            for origin in ("http://evil.example", "null", f"{URL}0", "http://localhost:8080"):
                self.assertEqual(self.post(path, {}, Origin=origin).status, 403, (path, origin))
        self.assertEqual(self.get("/api/app/me").status, 200, "still logged in")

    def test_a_write_with_the_cookie_and_no_origin_is_refused(self) -> None:
        self.log_in()
        answer = self.post("/api/app/upgrade", {}, Origin=None)
        self.assertEqual(answer.status, 403)
        self.assertIn("did not come from", answer.error)
        self.assertEqual(self.ask("DELETE", "/api/app/wings/x/label", headers={"Origin": None}).status, 403)

    def test_with_our_own_it_works(self) -> None:
        self.log_in()
        answer = self.ask("DELETE", "/api/app/wings/x/label", headers={"Origin": URL})
        self.assertEqual(answer.status, 200)


class BodyTests(WebCase):
    def test_the_largest_body_is_read(self) -> None:
        body = b'{"device_code": "' + b"x" * (MAX_BODY_BYTES - 19) + b'"}'
        self.assertEqual(len(body), MAX_BODY_BYTES)
        answer = self.ask("POST", "/auth/token", body, {"Content-Type": "application/json"})
        self.assertEqual((answer.status, answer.json), (200, {"error": "invalid_code"}))

    def test_one_byte_more_is_413_and_is_not_kept(self) -> None:
        answer = self.ask("POST", "/auth/token", b"x" * (MAX_BODY_BYTES + 1))
        self.assertEqual(answer.status, 413)
        self.assertIn(str(MAX_BODY_BYTES), answer.error)

    def test_a_body_of_unknown_length_is_bounded_too(self) -> None:
        exchange = Exchange(self)
        head = f"POST /auth/token HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
        exchange.send(head.encode())
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        for _ in range(200):
            exchange.send(chunk)
            request = exchange.protocol._channel.requests[0]
            self.assertLessEqual(request.content.tell(), MAX_BODY_BYTES)
        exchange.send(b"0\r\n\r\n")
        self.assertEqual(exchange.answer().status, 413)

    def test_and_so_is_one_that_lies_about_it(self) -> None:
        exchange = Exchange(self)
        exchange.send(self.raw("POST", "/auth/token", b"", {"Content-Length": str(10**12)}))
        for _ in range(50):
            exchange.send(b"x" * 65536)
        self.assertFalse(exchange.protocol._channel.requests[0].content.tell())
        self.assertFalse(exchange.answered)

    def test_the_connection_of_others_goes_on(self) -> None:
        self.ask("POST", "/auth/token", b"x" * (MAX_BODY_BYTES + 1))
        self.assertEqual(self.get("/health").status, 200)


class OddRequestTests(WebCase):
    def test_an_address_that_is_no_text_is_an_answer(self) -> None:
        for path in ("/%ff", "/api/%ff", "/app/assets/%c3%28", "/\xff\xfe"):
            self.assertEqual(self.get(path).status, 400, path)

    def test_other_odd_addresses(self) -> None:
        self.log_in()
        for path in (
            "//evil.example/",
            "//auth//local",
            "/app//",
            "/app/assets/%00",
            "/app/assets/" + "x" * 5000,
            "/app/../../etc/passwd",
            "/app/%2e%2e/%2e%2e/etc/passwd",
            "/static/..%2f..%2f__init__.py",
            "/api/app/wings/%00/label/",
            "/auth/",
            "/%0d%0aSet-Cookie:%20a=b",
            "/{{7*7}}",
        ):
            answer = self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertIsNone(answer.header("location"), path)
            self.assertIsNone(answer.header("set-cookie"), path)
            self.assertNotIn(b"49", answer.body)

    def test_unknown_methods(self) -> None:
        self.log_in()
        for method in ("BREW", "TRACE", "OPTIONS", "CONNECT", "PATCH"):
            answer = self.ask(method, "/api/app/me", headers={"Origin": URL})
            self.assertEqual(answer.status, 405, method)
            self.assertEqual(answer.header("allow"), "GET, HEAD")


class LogTests(WebCase):
    def test_one_line_without_query_cookie_or_token(self) -> None:
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        key = self.local_key.current()
        cookie = self.log_in()
        token = self.token()
        self.get(f"/auth/check?token={token}")
        self.get("/auth/check", Authorization=f"Bearer {token}")
        lines = [
            event["log_format"].format(**event)
            for event in events
            if event.get("log_namespace", "").startswith("wingthing.web.site")
        ]
        self.assertEqual(lines[0], "GET /auth/local 303 0")
        self.assertEqual([line[:20] for line in lines[1:]], ["GET /auth/check 200 "] * 2)
        for event in events:
            for secret in (key, cookie, token):
                self.assertNotIn(secret, repr({k: v for k, v in event.items() if k != "log_logger"}))
        self.assertFalse([event for event in events if event["log_level"] >= LogLevel.warn])
