"""The edge's reverse proxy, from the browser's bytes to login's and back."""

from __future__ import annotations

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionRefusedError
from twisted.web.server import Request

from tests.cluster.proxy_case import HOST, ProxyCase, chunked, parse
from wingthing.cluster.proxy import ProxyRequest
from wingthing.web.site import BoundedRequest
from wingthing.wire.limits import (
    MAX_BODY_BYTES,
)


class LocalTests(ProxyCase):
    def test_what_an_edge_serves_itself(self) -> None:
        for path in ("/health", "/ready", "/metrics", "/ws/pty?wing_id=w", "/ws", "/internal/gossip"):
            browser = self.browser()
            browser.ask("GET", path)
            expected = f"local GET {path.partition('?')[0]} 0"
            self.assertEqual(browser.answer().body.decode(), expected)
        self.assertEqual(self.connecting, 0)
        self.assertEqual(self.counts.begun, 0)

    def test_local_bodies_are_read_and_bounded_as_ever(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/internal/gossip", "Content-Length: 5", body=b"hello")
        browser.ask("POST", "/internal/gossip", "Transfer-Encoding: chunked", body=chunked(b"hello", b"you"))
        browser.ask("POST", "/internal/x", f"Content-Length: {MAX_BODY_BYTES + 1}", body=b"x" * 70000)
        answers = browser.answers()[:3]
        self.assertEqual([answer.status for answer in answers], [200, 200, 413])
        self.assertEqual(answers[1].body, b"local POST /internal/gossip 8")

    def test_expect_and_upgrades_of_local_paths(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/internal/x", "Expect: 100-continue", "Content-Length: 2")
        self.assertEqual(browser.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        browser.send(b"ok")
        self.assertEqual(browser.answers()[1].status, 200)
        browser = self.browser()
        browser.ask("GET", "/ws/pty", "Upgrade: websocket", "Connection: Upgrade")
        self.assertEqual(browser.answer().body, b"local GET /ws/pty 0")

    def test_options_of_the_server(self) -> None:
        browser = self.browser()
        browser.ask("OPTIONS", "*")
        self.assertEqual(self.connecting, 0)
        self.assertEqual(len(browser.answers()), 1)

    def test_the_class_stands_before_the_one_that_it_is_given(self) -> None:
        made = self.proxy.requests(BoundedRequest)
        self.assertTrue(issubclass(made, BoundedRequest))
        self.assertEqual(made.__mro__[1], ProxyRequest)
        self.assertEqual(self.proxy.requests().__mro__[1:3], (ProxyRequest, Request))


class PassingTests(ProxyCase):
    def test_a_request_and_its_answer(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/app/?a=1&b=%20%2F", "Accept: text/html", "Cookie: wt_session=abc; other=d")
        self.assertEqual(self.reactor.tcpClients[0][:2], ("10.0.0.7", 8080))
        login = self.login()
        request = login.request()
        self.assertEqual(request.first, "GET /app/?a=1&b=%20%2F HTTP/1.1")
        self.assertEqual(request.header("host"), HOST)
        self.assertEqual(request.header("cookie"), "wt_session=abc; other=d")
        self.assertEqual(request.header("wingthing-edge"), "token-of-this-edge")
        self.assertEqual(request.header("x-forwarded-for"), "203.0.113.9")
        self.assertNotIn("content-length", request.names)
        login.answer(
            "200 Just Fine", "Content-Type: text/html", "Date: today", "Server: login", body=b"<p>hi"
        )
        answer = browser.answer()
        self.assertEqual((answer.status, answer.reason, answer.body), (200, "Just Fine", b"<p>hi"))
        self.assertEqual(
            answer.names, {"content-type", "date", "server", "content-length"}, "nothing of the edge's own"
        )
        self.assertEqual(self.counts.ends, [(200, 0)])
        self.assertEqual(self.proxy.active, 0)

    def test_the_address_is_passed_as_it_came(self) -> None:
        for target in (
            "/a//b/",
            "/?",
            "/a?",
            "/a%2fb",
            "/x/../y",
            "/%zz",
            "/a;b=c",
            "/~x?u=http://y/#f",
            "//",
        ):
            browser = self.browser()
            browser.ask("GET", target)
            login = self.login()
            self.assertEqual(login.request().first, f"GET {target} HTTP/1.1")
            login.answer("200 OK", "Connection: close", body=b"")

    def test_other_methods(self) -> None:
        for method in ("DELETE", "OPTIONS", "PATCH", "BREW", "TRACE"):
            browser = self.browser()
            browser.ask(method, "/api")
            login = self.login()
            self.assertEqual(login.request().first, f"{method} /api HTTP/1.1")
            login.answer("405 No", "Allow: GET", "Connection: close", body=b"no")
            self.assertEqual(browser.answer().status, 405)

    def test_several_cookies_stay_several_and_in_order(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/auth/logout", "Content-Length: 0")
        login = self.login()
        self.assertEqual(login.request().header("content-length"), "0")
        login.answer(
            "303 See Other", "Set-Cookie: b=1; Path=/; Secure", "Set-Cookie: a=2", "Set-Cookie: b=3", body=b""
        )
        self.assertEqual(browser.answer().headers("set-cookie"), ["b=1; Path=/; Secure", "a=2", "b=3"])

    def test_cookies_of_one_user_are_not_kept_for_the_next(self) -> None:
        first, second = self.browser(), self.browser()
        first.ask("GET", "/", "Cookie: wt_session=ann")
        login = self.login()
        login.answer("200 OK", "Set-Cookie: wt_session=new; Path=/", body=b"")
        login.forget()
        second.ask("GET", "/")
        self.assertNotIn("cookie", login.request().names)

    def test_redirects_are_not_followed(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/old")
        login = self.login()
        login.answer("302 Found", "Location: http://elsewhere.example/new", body=b"")
        self.assertEqual(browser.answer().status, 302)
        self.assertEqual(browser.answer().header("location"), "http://elsewhere.example/new")
        self.assertEqual(self.connecting, 0)

    def test_gzip_passes_as_it_is(self) -> None:
        packed = gzip.compress(b"hello" * 100)
        browser = self.browser()
        browser.ask("GET", "/", "Accept-Encoding: gzip, br")
        login = self.login()
        self.assertEqual(login.request().header("accept-encoding"), "gzip, br")
        login.answer("200 OK", "Content-Encoding: gzip", body=packed)
        self.assertEqual(browser.answer().body, packed)
        self.assertEqual(browser.answer().header("content-encoding"), "gzip")

    def test_no_content_type_is_made_up(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        self.login().answer(body=b"x")
        self.assertNotIn("content-type", browser.answer().names)

    def test_head(self) -> None:
        browser = self.browser()
        browser.ask("HEAD", "/")
        login = self.login()
        login.answer("200 OK", "Content-Length: 12345", "ETag: x")
        answer = browser.answer("HEAD")
        self.assertEqual((answer.header("content-length"), answer.body), ("12345", b""))
        self.assertNotIn("transfer-encoding", answer.names)
        login.forget()
        browser.ask("HEAD", "/2")
        login.answer("200 OK")
        self.assertEqual(len(browser.answers("HEAD", "HEAD")), 2)

    def test_answers_without_a_body(self) -> None:
        browser = self.browser()
        login = None
        for status in ("204 No Content", "304 Not Modified"):
            browser.ask("GET", "/", 'If-None-Match: "x"')
            login = login or self.login()
            self.assertEqual(login.request().header("if-none-match"), '"x"')
            login.answer(status, 'ETag: "x"')
            login.forget()
        answers = browser.answers()
        self.assertEqual([answer.status for answer in answers], [204, 304])
        for answer in answers:
            self.assertEqual(answer.names, {"etag"})

    def test_an_empty_answer(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        self.login().answer(body=b"")
        self.assertEqual(browser.answer().header("content-length"), "0")

    def test_an_answer_in_chunks_comes_as_it_is_made(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        login = self.login()
        login.answer("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum")
        self.assertEqual(browser.answer().status, 200, "the headers do not wait for the body")
        self.assertEqual(browser.answer().names, {"transfer-encoding"})
        login.send(chunked(b"one ", end=False))
        self.assertEqual(browser.answer().body, b"one ")
        self.assertFalse(browser.answer().complete)
        login.send(chunked(b"two", trailers=b"X-Sum: 1\r\n"))
        self.assertEqual(browser.answer().body, b"one two")
        self.assertTrue(browser.answer().complete)

    def test_an_answer_that_the_end_of_the_connection_ends(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        login = self.login()
        login.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        login.close()
        self.assertTrue(browser.answer().complete)
        self.assertEqual(browser.answer().body, b"all of it")

    def test_interim_answers_are_not_the_answer(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        login = self.login()
        login.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        self.assertEqual(browser.received, b"")
        login.answer(body=b"final")
        self.assertEqual(browser.answer().body, b"final")
        self.assertNotIn("link", browser.answer().names)

    def test_what_belongs_to_logins_connection_does_not_pass(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        self.login().answer(
            "200 OK",
            "Connection: close, X-Hop",
            "X-Hop: 1",
            "Keep-Alive: timeout=5",
            "Proxy-Authenticate: Basic",
            "X-End: 2",
            body=b"",
        )
        self.assertEqual(browser.answer().names, {"x-end", "content-length"})

    def test_an_old_client_gets_its_answer_and_an_end(self) -> None:
        browser = self.browser()
        browser.send(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        login = self.login()
        self.assertEqual(login.request().first, "GET / HTTP/1.1")
        login.answer("200 OK", "Transfer-Encoding: chunked")
        login.send(chunked(b"a", b"b"))
        self.assertEqual(browser.received, b"HTTP/1.0 200 OK\r\n\r\nab")
        self.assertTrue(browser.wire.disconnecting)


class UploadTests(ProxyCase):
    def test_a_body_of_known_length_is_passed_on_as_it_comes(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 10", "Content-Type: text/plain")
        login = self.login()
        self.assertEqual(login.request().header("content-length"), "10")
        browser.send(b"01234")
        self.assertEqual(login.request().body, b"01234")
        browser.send(b"56789")
        self.assertEqual(login.request().body, b"0123456789")
        login.answer(body=b"got it")
        self.assertEqual(browser.answer("POST").body, b"got it")

    def test_a_body_in_chunks(self) -> None:
        browser = self.browser()
        browser.ask("PUT", "/up", "Transfer-Encoding: chunked", "Trailer: X-Sum")
        login = self.login()
        browser.send(chunked(b"one ", b"two ", end=False))
        self.assertEqual((login.request().body, login.request().complete), (b"one two ", False))
        browser.send(chunked(b"three", trailers=b"X-Sum: 1\r\nX-Other: 2\r\n"))
        self.assertEqual((login.request().body, login.request().complete), (b"one two three", True))
        self.assertNotIn("trailer", login.request().names)
        login.answer(body=b"ok")
        self.assertEqual(browser.answer("PUT").status, 200)
        browser.ask("GET", "/next")
        login.forget()
        self.assertEqual(self.connecting, 0)

    def test_an_empty_body_in_chunks(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Transfer-Encoding: chunked", body=chunked())
        login = self.login()
        self.assertEqual((login.request().body, login.request().complete), (b"", True))

    def test_what_comes_before_there_is_a_connection_is_held_and_the_client_waits(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 10", body=b"0123")
        self.assertFalse(browser.wire.reading)
        login = self.login()
        self.assertTrue(browser.wire.reading)
        self.assertEqual(login.request().body, b"0123")

    def test_a_small_body_is_complete_before_there_is_a_connection(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 4", body=b"0123")
        self.assertTrue(browser.wire.reading, "to notice when the client leaves")
        login = self.login()
        self.assertTrue(login.request().complete)
        login.answer(body=b"ok")
        self.assertEqual(browser.answer("POST").body, b"ok")

    def test_a_login_that_does_not_read_makes_the_client_wait(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 1000000")
        login = self.login()
        login.wire.fill()
        self.assertFalse(browser.wire.reading)
        before = len(login.received)
        browser.send(b"x" * 65536)
        self.assertEqual(len(login.received), before, "held here")
        login.wire.drain()
        self.assertEqual(len(login.received), before + 65536)
        self.assertTrue(browser.wire.reading)

    def test_no_body_is_put_into_a_file(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 100000000", body=b"x" * 65536)
        self.login()
        self.assertIsNone(browser.wire.protocol._channel.requests[0].content)

    def test_expect_is_answered_when_there_is_somebody_to_take_it(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Expect: 100-continue", "Content-Length: 4")
        self.assertEqual(browser.received, b"")
        login = self.login()
        self.assertEqual(browser.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertNotIn("expect", login.request().names)
        browser.send(b"body")
        self.assertEqual(login.request().body, b"body")
        login.answer("201 Created", body=b"ok")
        self.assertEqual([answer.status for answer in browser.answers("POST")], [100, 201])

    def test_expect_of_a_client_that_did_not_wait(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Expect: 100-Continue", "Content-Length: 4", body=b"body")
        login = self.login()
        login.answer("201 Created", body=b"ok")
        self.assertEqual(browser.answer("POST").status, 201)

    def test_a_refused_upload_is_not_asked_for(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Expect: 100-continue", "Content-Length: 4")
        self.refuse_connection(ConnectionRefusedError())
        answer = browser.answer("POST")
        self.assertEqual((answer.status, answer.header("connection")), (503, "close"))

    def test_a_body_that_is_no_body(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n")
        login = self.login()
        browser.send(b"nonsense\r\n")
        self.turn()
        self.assertIn(b"400", browser.received)
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["client_gone"])

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_bodies_cut_anywhere(self, data: st.DataObject) -> None:
        """Whatever pieces either side sends in, the other gets the same body and both connections go on."""
        self.setUp()
        pieces = data.draw(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
        body = b"".join(pieces)
        up_chunked, down_chunked = data.draw(st.booleans()), data.draw(st.booleans())
        head = f"POST /up HTTP/1.1\r\nHost: {HOST}\r\n"
        if up_chunked:
            sent = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(
                *pieces, trailers=b"A: b\r\n"
            )
        else:
            sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        answer = b"HTTP/1.1 200 OK\r\n"
        if down_chunked:
            answer += b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*pieces)
        else:
            answer += b"Content-Length: %d\r\n\r\n" % len(body) + body
        browser = self.browser()
        accept_after = data.draw(st.integers(0, 6))
        cuts = [*_cut(data, sent), b""]
        login = None
        for number, piece in enumerate(cuts):
            if self.connecting and number >= accept_after:
                login = self.login()
            browser.send(piece)
        login = login or self.login()
        request = login.request()
        self.assertEqual((request.body, request.complete), (body, True))
        for piece in _cut(data, answer):
            login.send(piece)
        message, rest = parse(browser.received)
        self.assertEqual((message.body, message.complete, rest), (body, True, b""))
        login.forget()
        browser.ask("GET", "/next")
        self.assertEqual(login.request().first, "GET /next HTTP/1.1")


def _cut(data: st.DataObject, raw: bytes) -> list[bytes]:
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    return [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
