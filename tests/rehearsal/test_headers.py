"""What travels on, and what the proxy says itself. The rest is in test_proxy, over sockets."""

from __future__ import annotations

import h11
from twisted.trial.unittest import TestCase

from wingthing.rehearsal import headers
from wingthing.rehearsal.headers import Entry

ENTRY = Entry("nrt", 8801, "127.0.0.1")


def request(*lines: tuple[str, str], method: str = "GET", version: str = "1.1") -> h11.Request:
    return h11.Request(method=method, target="/", headers=[("Host", "x"), *lines], http_version=version)


def names(message: h11.Request) -> list[str]:
    return [name.decode() for name, _value in message.headers.raw_items()]


class HeaderTests(TestCase):
    def test_values_of_one_name_are_joined(self) -> None:
        message = request(("A", "1"), ("a", "2"))
        self.assertEqual((headers.value(message, b"a"), headers.value(message, b"b")), ("1,2", ""))

    def test_who_asks_for_an_upgrade(self) -> None:
        for lines, asks in (
            ((("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")), True),
            ((("Connection", "Upgrade"),), False),
            ((("Upgrade", "websocket"),), False),
            ((), False),
        ):
            self.assertIs(headers.asks_upgrade(request(*lines)), asks)

    def test_a_chunked_body_has_no_length(self) -> None:
        told = headers.to_machine(
            request(("Content-Length", "3"), ("Transfer-Encoding", "chunked"), method="POST"), ENTRY, {}
        )
        self.assertEqual(headers.value(told, b"transfer-encoding"), "chunked")
        self.assertNotIn("Content-Length", names(told))

    def test_a_request_without_host(self) -> None:
        old = h11.Request(method="GET", target="/", headers=[], http_version="1.0")
        told = headers.to_machine(old, ENTRY, {})
        self.assertEqual((headers.value(told, b"host"), told.http_version), ("nrt:8801", b"1.1"))

    def test_more_headers_take_the_place_of_a_clients(self) -> None:
        told = headers.to_machine(request(("fly-replay-src", "forged")), ENTRY, {b"fly-replay-src": "true"})
        self.assertEqual(headers.value(told, b"fly-replay-src"), "true")

    def test_several_forwarders(self) -> None:
        told = headers.to_machine(request(("X-Forwarded-For", "1"), ("x-forwarded-for", "2, 3")), ENTRY, {})
        self.assertEqual(headers.value(told, b"x-forwarded-for"), "1, 2, 3, 127.0.0.1")

    def test_an_answer(self) -> None:
        head = h11.Response(
            status_code=200,
            headers=[
                ("fly-replay", "x"),
                ("Connection", "close"),
                ("X-Rehearsal-Machine", "forged"),
                ("A", "1"),
            ],
        )
        self.assertEqual(
            headers.to_client(head, "me"), [(b"A", b"1"), headers.VIA, (b"X-Rehearsal-Machine", b"me")]
        )
