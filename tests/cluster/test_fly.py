"""Fly's headers, as its pages show them and as somebody else may write them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import TestCase

from wingthing.cluster import fly


class FlyTests(TestCase):
    def test_who_came_through_the_public_proxy(self) -> None:
        for name in fly.PUBLIC_HEADERS:
            self.assertTrue(fly.is_public({name: ""}.get), name)
        self.assertFalse(fly.is_public({}.get))
        self.assertFalse(fly.is_public({"host": "x", "fly-replay-src": "y"}.get))

    def test_the_client_is_whom_the_proxy_has_seen(self) -> None:
        said = {"fly-client-ip": "198.51.100.4", "fly-forwarded-port": "443"}
        for peer, sent, client in (
            (IPv4Address("TCP", "172.16.0.1", 5), said, "198.51.100.4"),
            (IPv6Address("TCP", "::ffff:172.16.0.1", 5), said, "198.51.100.4"),
            (IPv4Address("TCP", "172.16.0.1", 5), {**said, "fly-client-ip": "2001:DB8::0:1"}, "2001:db8::1"),
            # A machine of the private network, which writes what it likes.
            (IPv6Address("TCP", "fdaa::3", 5), said, "fdaa::3"),
            (IPv6Address("TCP", "fe80::1%eth0.1", 5), said, "fe80::1%eth0.1"),
            (UNIXAddress(b"/run/x"), said, ""),
            # The proxy sets both.
            (IPv4Address("TCP", "172.16.0.1", 5), {"fly-client-ip": "198.51.100.4"}, "172.16.0.1"),
            (IPv4Address("TCP", "172.16.0.1", 5), {"fly-forwarded-port": "443"}, "172.16.0.1"),
            (IPv4Address("TCP", "172.16.0.1", 5), {**said, "fly-client-ip": "evil"}, "172.16.0.1"),
            (IPv4Address("TCP", "172.16.0.1", 5), {"x-forwarded-for": "6.6.6.6"}, "172.16.0.1"),
        ):
            self.assertEqual(fly.client_address(peer, sent.get), client, (peer, sent))

    def test_who_has_been_sent_on(self) -> None:
        for name in ("fly-replay-src", "fly-replay-failed"):
            self.assertTrue(fly.was_replayed({name: ""}.get), name)
        self.assertFalse(fly.was_replayed({"fly-client-ip": "::1"}.get))

    def test_both_ways_to_write_fields(self) -> None:
        expected = {"instance": "56833dd5", "region": "ams", "t": "1729", "state": "a.b-c_d"}
        for value in (
            "instance=56833dd5;region=ams;t=1729;state=a.b-c_d",
            "instance=56833dd5, region=ams, t=1729, state=a.b-c_d",
            " instance = 56833dd5 ;region=ams; t=1729 ; state=a.b-c_d; ",
        ):
            self.assertEqual(fly.fields(value), expected, value)
        self.assertEqual(fly.fields("state=a=b=="), {"state": "a=b=="})
        self.assertEqual((fly.fields(""), fly.fields("x")), ({}, {"x": ""}))

    def test_where_to_send_a_request(self) -> None:
        self.assertEqual(
            fly.replay_to("683d314fdd4d68", "a.b.c"),
            "instance=683d314fdd4d68;timeout=5s;fallback=force_self;state=a.b.c",
        )

    def test_which_machine_did_not_answer(self) -> None:
        failed = "instance=56833dd5;app=wingthing;region=ams;reason=timeout;elapsed_ms=5000"
        self.assertTrue(fly.did_not_answer({"fly-replay-failed": failed}.get, "56833dd5"))
        self.assertFalse(fly.did_not_answer({"fly-replay-failed": failed}.get, "683d314f"))
        for unsaid in ("", "reason=no_candidate"):
            self.assertTrue(fly.did_not_answer({"fly-replay-failed": unsaid}.get, "56833dd5"), unsaid)
        self.assertFalse(fly.did_not_answer({"fly-replay-src": "instance=56833dd5"}.get, "56833dd5"))

    @given(st.text(max_size=100))
    def test_any_text_can_be_read(self, text: str) -> None:
        for name, value in fly.fields(text).items():
            self.assertIn(name, text)
            self.assertIn(value, text)
