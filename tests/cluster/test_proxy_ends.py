"""How proxied requests end: connections that are kept or lost, early answers, refusals."""

from __future__ import annotations

from twisted.logger import LogLevel

from tests.cluster.proxy_case import HOST, ProxyCase, chunked, parse
from wingthing.wire.limits import (
    MAX_BODY_BYTES,
    PROXY_KEEP_SECONDS,
    PROXY_LINGER_SECONDS,
    PROXY_MAX_REQUESTS,
)


class ConnectionTests(ProxyCase):
    def test_requests_on_one_connection_use_one_connection(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        login = self.login()
        login.answer(body=b"one")
        for number, body in ((2, b"two"), (3, b"three")):
            login.forget()
            browser.ask("POST", f"/{number}", "Content-Length: 1", body=b"x")
            self.assertEqual(login.request().first, f"POST /{number} HTTP/1.1")
            login.answer(body=body)
        self.assertEqual([answer.body for answer in browser.answers()], [b"one", b"two", b"three"])
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assertFalse(browser.wire.disconnecting)

    def test_requests_that_are_sent_ahead_are_answered_in_order(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        browser.ask("POST", "/2", "Content-Length: 3", body=b"abc")
        browser.ask("GET", "/health")
        browser.ask("GET", "/3")
        login = self.login()
        self.assertEqual(login.request().first, "GET /1 HTTP/1.1")
        login.answer(body=b"one")
        request, rest = parse(parse(login.received)[1])
        self.assertEqual((request.first, request.body, rest), ("POST /2 HTTP/1.1", b"abc", b""))
        login.forget()
        login.answer(body=b"two")
        self.assertEqual(login.request().first, "GET /3 HTTP/1.1")
        login.answer(body=b"three")
        bodies = [answer.body for answer in browser.answers()]
        self.assertEqual(bodies, [b"one", b"two", b"local GET /health 0", b"three"])

    def test_two_clients_do_not_share_a_connection_at_one_time(self) -> None:
        first, second = self.browser(), self.browser()
        first.ask("GET", "/1")
        second.ask("GET", "/2")
        one, two = self.login(), self.login()
        two.answer(body=b"two")
        one.answer(body=b"one")
        self.assertEqual((first.answer().body, second.answer().body), (b"one", b"two"))

    def test_a_client_that_wants_to_close(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/", "Connection: close")
        login = self.login()
        self.assertNotIn("connection", login.request().names)
        login.answer(body=b"x")
        self.assertEqual(browser.answer().header("connection"), "close")
        self.assertTrue(browser.wire.disconnecting)
        self.assertFalse(login.wire.disconnecting)

    def test_a_connection_that_login_closes_is_not_kept(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        login = self.login()
        login.answer("200 OK", "Connection: Close", body=b"x")
        self.assertTrue(login.wire.disconnecting)
        browser.ask("GET", "/2")
        self.assertEqual(self.connecting, 1)

    def test_kept_connections_are_closed_in_time(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        login = self.login()
        login.answer(body=b"x")
        self.turn(PROXY_KEEP_SECONDS)
        self.assertTrue(login.wire.disconnecting)

    def test_a_dead_connection_is_replaced_where_that_does_no_harm(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        login = self.login()
        login.answer(body=b"x")
        browser.ask("GET", "/2?q")
        login.close()
        again = self.login()
        self.assertEqual(again.request().first, "GET /2?q HTTP/1.1")
        again.answer(body=b"y")
        self.assertEqual([answer.body for answer in browser.answers()], [b"x", b"y"])

    def test_and_only_there(self) -> None:
        for method, headers in (("POST", ()), ("PATCH", ()), ("DELETE", ("Content-Length: 1",))):
            browser = self.browser()
            browser.ask("GET", "/1")
            login = self.login()
            login.answer(body=b"x")
            browser.ask(method, "/2", *headers, body=b"b" if headers else b"")
            login.close()
            self.assertEqual(browser.answers()[1].status, 503)
            self.assertEqual(browser.answers()[1].header("retry-after"), "2")
            self.assertEqual(self.connecting, 0)

    def test_when_login_moves_requests_go_to_the_new_address(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        self.login().answer(body=b"x")
        for address, host in ((("::ffff:127.1.0.2", 81), "127.1.0.2"), (("fdaa::7", 82), "fdaa::7")):
            self.address = address
            browser.ask("GET", "/2")
            self.assertEqual(self.reactor.tcpClients[-1][:2], (host, address[1]))
            self.login().answer(body=b"x")

    def test_a_name_is_looked_up(self) -> None:
        self.address = ("localhost", 81)
        self.browser().ask("GET", "/")
        self.turn()
        self.assertEqual(self.reactor.tcpClients[0][:2], ("127.0.0.1", 81))

    def test_closing(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/1")
        login = self.login()
        login.answer(body=b"x")
        closed = self.proxy.close()
        self.assertNoResult(closed)
        self.turn()
        self.successResultOf(closed)
        self.assertTrue(login.wire.lost)


class EarlyAnswerTests(ProxyCase):
    """Login answers before it has the whole request."""

    def test_it_reaches_the_client_which_is_told_that_this_was_all(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 1000000", body=b"x" * 1000)
        login = self.login()
        login.answer("413 Too Large", body=b'{"error": "too large"}')
        answer = browser.answer("POST")
        self.assertEqual((answer.status, answer.header("connection")), (413, "close"))
        self.assertTrue(answer.complete)
        self.assertTrue(browser.wire.half_closed)
        self.assertTrue(login.wire.aborted, "the rest of the request would be taken for the next one")
        self.assertEqual(self.counts.ends, [(413, 0)])

    def test_the_rest_is_read_but_not_for_ever(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 1000000", body=b"x" * 1000)
        self.login().answer("413 Too Large", body=b"no")
        self.turn(PROXY_LINGER_SECONDS / 2)
        self.assertTrue(browser.wire.reading)
        browser.send(b"x" * 1000)
        self.assertFalse(browser.wire.disconnecting)
        self.turn(PROXY_LINGER_SECONDS / 2)
        self.assertTrue(browser.wire.aborted)
        self.assertEqual(len(browser.answers("POST")), 1)

    def test_a_client_that_sends_all_of_it_is_closed_in_good_order(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 2000", body=b"x" * 1000)
        self.login().answer("413 Too Large", body=b"no")
        browser.send(b"x" * 1000 + b"GET /health HTTP/1.1\r\nHost: edge.example\r\n\r\n")
        self.assertTrue(browser.wire.disconnecting)
        self.assertFalse(browser.wire.aborted)
        self.turn()
        self.assertEqual(len(browser.answers("POST")), 1, "nothing that came after was taken for a request")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_body_that_looks_like_a_request_is_none(self) -> None:
        smuggled = b"GET /secret HTTP/1.1\r\nHost: edge.example\r\n\r\n"
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 100000")
        login = self.login()
        login.answer("413 Too Large", body=b"no")
        browser.send(smuggled * 10)
        self.turn()
        self.assertEqual(self.connecting, 0)
        self.assertNotIn(b"secret", login.received)
        self.assertEqual(len(browser.answers("POST")), 1)

    def test_an_answer_longer_than_one_piece_comes_while_the_upload_waits(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 1000000", body=b"x" * 1000)
        login = self.login()
        login.wire.fill()
        login.answer("413 Too Large", "Content-Length: 200000")
        for _ in range(4):
            self.assertTrue(login.wire.reading)
            login.send(b"y" * 50000)
        self.assertEqual(browser.answer("POST").body, b"y" * 200000)

    def test_login_may_take_the_rest_while_it_answers(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Transfer-Encoding: chunked")
        login = self.login()
        login.answer("200 OK", "Transfer-Encoding: chunked")
        for piece in (b"one", b"two"):
            browser.send(chunked(piece, end=False))
            self.assertTrue(login.request().body.endswith(piece))
            login.send(chunked(piece, end=False))
            self.assertTrue(browser.answer("POST").body.endswith(piece))
        browser.send(chunked())
        self.assertTrue(login.request().complete)
        login.send(chunked())
        self.assertTrue(browser.answer("POST").complete)
        self.assertFalse(login.wire.disconnecting, "both are complete: it can be used again")
        self.assertTrue(browser.wire.disconnecting, "it was told so with the headers")

    def test_a_login_that_answers_at_length_and_takes_nothing_has_made_up_its_mind(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/up", "Content-Length: 10000000")
        login = self.login()
        login.wire.fill()
        login.answer("413 Too Large", "Content-Length: 200000")
        before = len(login.received)
        for _ in range(20):
            # What the channel does whenever its own buffer has drained, whoever has paused it.
            browser.wire.resumeProducing()
            browser.send(b"x" * 65536)
        self.assertTrue(browser.wire.reading)
        self.assertEqual(len(login.received), before)
        login.send(b"y" * 200000)
        self.assertTrue(browser.answer("POST").complete)

    def test_an_early_answer_of_unknown_length_to_an_old_client_ends(self) -> None:
        browser = self.browser()
        browser.send(f"POST /up HTTP/1.0\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\n".encode())
        login = self.login()
        login.answer("413 No", "Transfer-Encoding: chunked")
        login.send(chunked(b"no"))
        self.assertTrue(browser.wire.half_closed)


class RefusalTests(ProxyCase):
    def test_tricks_with_the_path_end_here(self) -> None:
        for target in (
            "//internal/x",
            "/%69nternal/x",
            "/./internal",
            "/a/../metrics",
            "http://x/internal/y",
        ):
            browser = self.browser()
            browser.ask("GET", target)
            self.assertEqual(browser.answer().status, 404, target)
            self.assertFalse(browser.wire.disconnecting)
        self.assertEqual(self.connecting, 0)
        self.assertEqual(self.counts.begun, 0)

    def test_no_websockets(self) -> None:
        for target in ("/app", "/", "/api/x"):
            browser = self.browser()
            browser.ask("GET", target, "Upgrade: WebSocket", "Connection: Upgrade", "Sec-WebSocket-Key: x")
            self.assertEqual(browser.answer().status, 400)
            self.assertEqual(list(browser.answer().json), ["error"])
        self.assertEqual(self.connecting, 0)

    def test_other_upgrades_are_not_passed_on(self) -> None:
        self.browser().ask(
            "GET", "/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: x"
        )
        names = self.login().request().names
        self.assertFalse(names & {"upgrade", "connection", "http2-settings"})

    def test_one_host(self) -> None:
        for hosts in ((), (f"Host: {HOST}", "Host: other.example")):
            browser = self.browser()
            browser.ask("GET", "/", *hosts, host=None)
            self.assertEqual(browser.answer().status, 400)

    def test_bytes_that_no_address_has(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/\x90")
        self.assertEqual(browser.answer().status, 400)
        self.assertEqual(self.connecting, 0)

    def test_a_small_body_is_read_first_and_the_connection_goes_on(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/%69nternal", "Content-Length: 5", body=b"he")
        self.assertEqual(browser.received, b"")
        browser.send(b"llo")
        self.assertEqual(browser.answer("POST").status, 404)
        browser.ask("GET", "/health")
        self.assertEqual(browser.answers()[1].status, 200)

    def test_a_large_one_is_not(self) -> None:
        for length in (f"Content-Length: {MAX_BODY_BYTES + 1}", "Transfer-Encoding: chunked"):
            browser = self.browser()
            browser.ask("POST", "/%69nternal", length)
            self.assertEqual(browser.answer("POST").status, 404)
            self.assertEqual(browser.answer("POST").header("connection"), "close")
            browser.leave()

    def test_to_head_only_the_headers(self) -> None:
        browser = self.browser()
        browser.ask("HEAD", "/%69nternal")
        answer = browser.answer("HEAD")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertNotEqual(answer.header("content-length"), "0")

    def test_too_many_at_a_time(self) -> None:
        browsers = [self.browser() for _ in range(PROXY_MAX_REQUESTS)]
        for browser in browsers:
            browser.ask("GET", "/")
        self.assertEqual(self.proxy.active, PROXY_MAX_REQUESTS)
        late = self.browser()
        late.ask("GET", "/api/x")
        self.assertEqual((late.answer().status, late.answer().header("retry-after")), (503, "2"))
        self.assertEqual(list(late.answer().json), ["error"])
        self.assertEqual(self.counts.ends, ["busy"])
        browsers[0].leave()
        late.ask("GET", "/api/x")
        self.assertEqual(self.proxy.active, PROXY_MAX_REQUESTS)
        late.leave()
        for browser in browsers:
            browser.leave()
        self.assertEqual(self.proxy.active, 0)
        self.assertEqual(self.counts.begun, len(self.counts.ends))

    def test_a_fault_of_ours_is_an_answer(self) -> None:
        self.proxy._edge_token = lambda: 1 // 0
        browser = self.browser()
        browser.ask("GET", "/api/x")
        self.assertEqual(browser.answer().status, 500)
        self.assertEqual(browser.answer().json, {"error": "internal error"})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_secrets_are_not_logged(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/x?token=secret", "Cookie: wt_session=secret")
        login = self.login()
        login.answer("200 OK", "Content-Length: 100", "Set-Cookie: wt_session=secret")
        login.reset()
        self.turn()
        self.assertEqual(len(self.logged()), 1)
        for line in self.logged(LogLevel.debug):
            self.assertNotIn("secret", line)
