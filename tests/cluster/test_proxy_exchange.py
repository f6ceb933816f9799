"""What an edge does when somebody is slow, gone or broken."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, NoRouteError, TimeoutError
from twisted.logger import LogLevel

from tests.cluster.proxy_case import Browser, LoginEnd, ProxyCase, chunked
from wingthing.cluster.proxy import ReverseProxy
from wingthing.errors import TemporarilyUnavailable
from wingthing.web.answers import refuse
from wingthing.web.site import BoundedRequest
from wingthing.wire.limits import (
    PROXY_CONNECT_SECONDS,
    PROXY_HEADERS_SECONDS,
    PROXY_IDLE_SECONDS,
    PROXY_LINGER_SECONDS,
)


class AwayTests(ProxyCase):
    def assertAway(self, browser: Browser) -> None:
        answer = browser.answer()
        self.assertEqual((answer.status, answer.header("retry-after")), (503, "2"))
        self.assertIn("cannot be reached", answer.body.decode())
        self.assertFalse(browser.wire.disconnecting)
        self.assertEqual(self.counts.ends[-1], "away")
        self.assertEqual(self.proxy.active, 0)

    def test_no_connection(self) -> None:
        for why in (ConnectionRefusedError(), TimeoutError(), NoRouteError(), DNSLookupError()):
            browser = self.browser()
            browser.ask("GET", "/api/x")
            self.refuse_connection(why)
            self.assertAway(browser)
            self.assertEqual(list(browser.answer().json), ["error"])

    def test_people_get_a_page(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/app/", "Accept: text/html")
        self.refuse_connection(ConnectionRefusedError())
        self.assertAway(browser)
        self.assertIn("<html", browser.answer().body.decode())

    def test_the_time_for_a_connection(self) -> None:
        self.browser().ask("GET", "/")
        self.assertEqual(self.reactor.tcpClients[0][3], PROXY_CONNECT_SECONDS)

    def test_no_address(self) -> None:
        self.address = TemporarilyUnavailable("DNS is away")
        browser = self.browser()
        browser.ask("GET", "/api/x")
        self.assertAway(browser)

    def test_an_address_that_does_not_come(self) -> None:
        never: Deferred[Any] = Deferred()
        proxy = ReverseProxy(
            self.reactor, login=lambda: never, edge_token=str, refuse=refuse, observer=self.counts
        )
        self.site.requestFactory = proxy.requests(BoundedRequest)
        browser = self.browser()
        browser.ask("GET", "/api/x")
        self.turn(PROXY_CONNECT_SECONDS - 0.1)
        self.assertEqual(browser.received, b"")
        self.turn(0.1)
        self.assertAway(browser)

    def test_an_upload_in_the_meantime(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/api/x", "Content-Length: 10", body=b"half ")
        self.refuse_connection(ConnectionRefusedError())
        self.assertEqual(browser.received, b"", "the body is small, and the connection can go on")
        self.assertTrue(browser.wire.reading)
        browser.send(b"of it")
        self.assertAway(browser)
        browser.ask("GET", "/health")
        self.assertEqual(browser.answers()[1].status, 200)

    def test_a_large_upload_in_the_meantime(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/api/x", "Content-Length: 1000000", body=b"x" * 65536)
        self.refuse_connection(ConnectionRefusedError())
        self.assertEqual(browser.answer("POST").status, 503)
        self.assertEqual(browser.answer("POST").header("connection"), "close")
        self.assertTrue(browser.wire.reading)
        self.turn(PROXY_LINGER_SECONDS)
        self.assertTrue(browser.wire.aborted)

    def test_it_is_said_once_and_once_that_it_is_over(self) -> None:
        for _ in range(3):
            self.browser().ask("GET", "/")
            self.refuse_connection(ConnectionRefusedError())
        self.assertEqual(len(self.logged()), 1)
        for _ in range(2):
            self.browser().ask("GET", "/")
            self.login().answer("200 OK", "Connection: close", body=b"")
        self.assertEqual(self.logged(LogLevel.info)[1:], ["login can be reached again"])

    def test_a_fault_in_finding_it(self) -> None:
        self.address = ZeroDivisionError()
        browser = self.browser()
        browser.ask("GET", "/api/x")
        self.assertEqual(browser.answer().status, 500)
        self.assertEqual(self.counts.ends, ["bug"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class NoAnswerTests(ProxyCase):
    def ask(self, *headers: str, method: str = "GET", body: bytes = b"") -> tuple[Browser, LoginEnd]:
        browser = self.browser()
        browser.ask(method, "/api/x", *headers, body=body)
        return browser, self.login()

    def test_login_closes_instead(self) -> None:
        browser, login = self.ask()
        login.close()
        self.assertEqual((browser.answer().status, browser.answer().header("retry-after")), (503, "2"))
        self.assertEqual(self.counts.ends, ["broken"])
        self.assertEqual(len(self.logged()), 1)

    def test_login_is_cut_off_in_the_headers(self) -> None:
        browser, login = self.ask()
        login.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        login.reset()
        self.assertEqual(browser.answer().status, 503)

    def test_login_is_cut_off_in_the_upload(self) -> None:
        browser, login = self.ask("Content-Length: 10", method="POST", body=b"half ")
        login.reset()
        self.assertEqual(browser.received, b"")
        browser.send(b"of it")
        self.assertEqual(browser.answer("POST").status, 503)
        self.assertFalse(browser.wire.disconnecting)

    def test_nonsense(self) -> None:
        for nonsense in (b"SSH-2.0-x\r\n", b"HTTP/1.1 x\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"):
            browser, login = self.ask()
            login.send(nonsense)
            self.assertEqual(browser.answer().status, 502, nonsense)
            self.assertTrue(login.wire.disconnecting)
        browser, login = self.ask()
        login.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(browser.answer().status, 502)

    def test_slow(self) -> None:
        browser, login = self.ask()
        self.turn(PROXY_HEADERS_SECONDS - 1)
        self.assertEqual(browser.received, b"")
        self.turn(1)
        self.assertEqual(browser.answer().status, 504)
        self.assertEqual(list(browser.answer().json), ["error"])
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["slow"])
        self.assertEqual(self.proxy.active, 0)
        browser.ask("GET", "/health")
        self.assertEqual(browser.answers()[1].status, 200)

    def test_interim_answers_do_not_count(self) -> None:
        browser, login = self.ask()
        for _ in range(3):
            self.turn(PROXY_HEADERS_SECONDS / 3)
            login.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        self.assertEqual(browser.answer().status, 504)

    def test_the_time_begins_when_the_request_is_complete(self) -> None:
        browser, login = self.ask("Content-Length: 3", method="POST")
        for _ in range(3):
            self.turn(PROXY_IDLE_SECONDS - 1)
            browser.send(b"x")
        self.turn(PROXY_HEADERS_SECONDS - 1)
        self.assertEqual(browser.received, b"")
        login.answer(body=b"in time")
        self.assertEqual(browser.answer("POST").body, b"in time")
        self.assertEqual(self.counts.ends, [(200, 3 * (PROXY_IDLE_SECONDS - 1) + PROXY_HEADERS_SECONDS - 1)])

    def test_the_client_leaves(self) -> None:
        browser, login = self.ask()
        browser.leave()
        self.turn()
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["client_gone"])
        self.assertEqual(self.proxy.active, 0)
        self.assertEqual(self.connecting, 0, "it is not asked again")
        self.assertEqual(self.logged(), [])

    def test_the_client_leaves_before_there_is_a_connection(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        connector = self.reactor.connectors[0]
        browser.leave()
        self.assertTrue(connector.stoppedConnecting)
        self.assertEqual(self.counts.ends, ["client_gone"])
        self.assertEqual(self.logged(), [])

    def test_the_client_leaves_in_its_upload(self) -> None:
        browser, login = self.ask("Content-Length: 10", method="POST", body=b"half ")
        browser.leave()
        self.turn()
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["client_gone"])

    def test_on_a_kept_connection_too(self) -> None:
        browser, login = self.ask()
        login.answer(body=b"x")
        browser.ask("GET", "/2")
        browser.leave()
        self.turn()
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.connecting, 0, "it is not asked again")


class BrokenAnswerTests(ProxyCase):
    def ask(self, *headers: str) -> tuple[Browser, LoginEnd]:
        browser = self.browser()
        browser.ask("GET", "/x?token=secret")
        login = self.login()
        login.answer("200 OK", *headers)
        return browser, login

    def test_the_client_is_not_left_with_what_looks_like_all(self) -> None:
        for headers, piece in (
            (("Content-Length: 100",), b"half"),
            (("Transfer-Encoding: chunked",), chunked(b"half", end=False)),
            (("Transfer-Encoding: chunked",), b"5\r\nhel"),
            (("Transfer-Encoding: chunked",), b"nonsense\r\n"),
        ):
            self.events.clear()
            browser, login = self.ask(*headers)
            login.send(piece)
            login.close()
            self.turn()
            self.assertTrue(browser.wire.aborted)
            self.assertFalse(browser.answer().complete)
            self.assertEqual(self.logged(), ["login broke off its answer to GET /x"])
            self.assertEqual(self.counts.ends[-1], "broken")
        self.assertEqual(self.proxy.active, 0)

    def test_nor_where_only_the_end_of_the_connection_tells(self) -> None:
        browser, login = self.ask()
        login.send(b"half")
        login.reset()
        self.turn()
        self.assertTrue(browser.wire.aborted)
        self.assertFalse(browser.answer().complete)

    def test_the_client_leaves(self) -> None:
        browser, login = self.ask("Content-Length: 100")
        login.send(b"half")
        browser.leave()
        self.turn()
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["client_gone"])

    def test_a_client_that_left_does_not_take_a_kept_connection_along(self) -> None:
        browser, login = self.ask("Content-Length: 1")
        login.send(b"x")
        browser.leave()
        self.turn()
        self.assertFalse(login.wire.disconnecting)
        self.assertEqual(self.counts.ends, [(200, 0)])

    def test_a_client_that_does_not_read_makes_login_wait(self) -> None:
        browser, login = self.ask("Content-Length: 1000000")
        login.send(b"x" * 65536)
        browser.wire.fill()
        self.assertFalse(login.wire.reading)
        browser.wire.drain()
        self.assertTrue(login.wire.reading)

    def test_also_one_that_stops_with_the_first_piece(self) -> None:
        browser = self.browser()
        browser.ask("GET", "/")
        login = self.login()
        write = browser.wire.write

        def slow_write(data: bytes) -> None:
            write(data)
            browser.wire.fill()

        browser.wire.write = slow_write  # type: ignore[method-assign]
        login.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 60000)
        self.assertFalse(login.wire.reading)

    def test_a_reader_that_has_stopped_for_good(self) -> None:
        browser, login = self.ask("Content-Length: 1000000")
        login.send(b"x" * 65536)
        browser.wire.fill()
        self.turn(PROXY_IDLE_SECONDS - 1)
        self.assertFalse(browser.wire.aborted)
        self.turn(1)
        self.assertTrue(browser.wire.aborted)
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["stalled"])

    def test_a_slow_reader_is_none_of_those(self) -> None:
        browser, login = self.ask("Content-Length: 1000000")
        for _ in range(5):
            login.send(b"x" * 65536)
            browser.wire.fill()
            self.turn(PROXY_IDLE_SECONDS - 1)
            browser.wire.drain()
        self.assertFalse(browser.wire.aborted)

    def test_a_login_that_has_stopped_for_good(self) -> None:
        browser, login = self.ask("Transfer-Encoding: chunked")
        for _ in range(3):
            self.turn(PROXY_IDLE_SECONDS - 1)
            login.send(chunked(b"x", end=False))
        self.turn(PROXY_IDLE_SECONDS)
        self.assertTrue(browser.wire.aborted)
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["stalled"])


class StalledUploadTests(ProxyCase):
    def test_a_client_that_has_stopped(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/x", "Content-Length: 1000000", body=b"x" * 1000)
        login = self.login()
        self.turn(PROXY_IDLE_SECONDS - 1)
        browser.send(b"x")
        self.turn(PROXY_IDLE_SECONDS - 1)
        self.assertFalse(browser.wire.disconnecting)
        self.turn(1)
        self.assertTrue(browser.wire.disconnecting)
        self.assertTrue(login.wire.aborted)

    def test_a_login_that_has_stopped(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/x", "Content-Length: 1000000")
        login = self.login()
        for _ in range(3):
            login.wire.fill()
            self.turn(PROXY_IDLE_SECONDS - 1)
            login.wire.drain()
        self.assertFalse(browser.wire.disconnecting, "slow is not stopped, and the channel is told so")
        login.wire.fill()
        self.turn(PROXY_IDLE_SECONDS)
        self.assertTrue(browser.wire.disconnecting)
        self.assertTrue(login.wire.aborted)
        self.assertEqual(self.counts.ends, ["stalled"])

    def test_a_long_answer_to_an_upload_that_waits_keeps_the_connection_alive(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/x", "Content-Length: 1000000")
        login = self.login()
        login.wire.fill()
        login.answer("200 OK", "Transfer-Encoding: chunked")
        for _ in range(5):
            self.turn(PROXY_IDLE_SECONDS - 1)
            login.send(chunked(b"x", end=False))
        self.assertFalse(browser.wire.disconnecting)

    def test_an_idle_client_after_an_answer_is_closed_as_ever(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/x", "Content-Length: 1", body=b"x")
        self.login().answer(body=b"x")
        self.assertFalse(browser.wire.disconnecting)
        self.turn(60)
        self.assertTrue(browser.wire.disconnecting)

    def test_a_connection_that_the_channel_has_given_up_is_written_to_no_more(self) -> None:
        browser = self.browser()
        browser.ask("POST", "/x", "Transfer-Encoding: chunked")
        login = self.login()
        login.answer("200 OK", "Content-Length: 1000000")
        # The client has sent nonsense and reads nothing: the channel closes, with data still to be sent.
        browser.wire.disconnecting = True
        login.send(b"x" * 1000)
        self.assertTrue(browser.wire.aborted)
        self.turn()
        self.assertTrue(login.wire.aborted)
