"""Addresses of clients, and what of them counts as one."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import TestCase

from wingthing.relay.client_address import client_address, client_of, neighbours_of, usual_form


class Request:
    """As much of one as is looked at."""

    site: Any

    def __init__(self, peer: object, site: object = None) -> None:
        self._peer = peer
        if site is not None:
            self.site = site

    def getClientAddress(self) -> object:
        return self._peer


class ClientAddressTests(TestCase):
    def test_the_sockets_peer(self) -> None:
        for peer, address in (
            (IPv4Address("TCP", "192.0.2.1", 5), "192.0.2.1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 5), "192.0.2.1"),
            (IPv6Address("TCP", "2001:DB8:0::1", 5), "2001:db8::1"),
            (UNIXAddress(b"/run/x"), ""),
            (None, ""),
        ):
            self.assertEqual(client_address(Request(peer)), address)
            self.assertEqual(client_address(Request(peer, object())), address)

    def test_a_site_may_know_better(self) -> None:
        class Site:
            address_of = staticmethod(lambda request: "198.51.100.1")

        self.assertEqual(client_address(Request(IPv4Address("TCP", "192.0.2.1", 5), Site())), "198.51.100.1")

    def test_what_is_no_address(self) -> None:
        for text in ("", "unknown", "1.2.3.4, 5.6.7.8", "127.1", "1.2.3.4:80", "[::1]", "'; DROP"):
            self.assertEqual(usual_form(text), "", text)

    def test_one_client(self) -> None:
        for address, client, neighbours in (
            ("192.0.2.1", "192.0.2.1", "192.0.0.0/16"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8::/32"),
            ("fe80::1%eth0", "fe80::/64", "fe80::/32"),
            ("", "", ""),
            ("no address", "no address", "no address"),
        ):
            self.assertEqual((client_of(address), neighbours_of(address)), (client, neighbours))
