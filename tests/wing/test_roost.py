"""The address of a server, as people type it."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.wing.roost import Roost


class RoostTests(TestCase):
    def test_what_people_type(self) -> None:
        for typed, url, socket in (
            ("https://a.example", "https://a.example", "wss://a.example/ws/wing"),
            ("https://a.example/", "https://a.example", "wss://a.example/ws/wing"),
            ("https://A.example:8443/x/", "https://a.example:8443/x", "wss://a.example:8443/x/ws/wing"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/wing"),
            ("http://[::1]:80", "http://[::1]", "ws://[::1]/ws/wing"),
            ("wss://a.example", "https://a.example", "wss://a.example/ws/wing"),
            (" a.example ", "https://a.example", "wss://a.example/ws/wing"),
            ("localhost:8080", "http://localhost:8080", "ws://localhost:8080/ws/wing"),
            ("127.0.0.1", "http://127.0.0.1", "ws://127.0.0.1/ws/wing"),
        ):
            roost = Roost.parse(typed)
            self.assertEqual((roost.url, roost.websocket_url), (url, socket))

    def test_what_is_no_address(self) -> None:
        for typed in (
            "",
            "ftp://a",
            "https://",
            "http://a:99999",
            "http://a:0",
            "http://a:x",
            "http://user:secret@a",
            "http://a?x=1",
            "http://a#x",
            "http://a b",
            "file:///etc",
        ):
            self.assertRaises(OperatorError, Roost.parse, typed)

    def test_who_could_listen(self) -> None:
        for url, exposed in (
            ("https://a.example", False),
            ("http://a.example", True),
            ("http://192.168.1.5", True),
            ("http://127.0.0.1:8080", False),
            ("http://[::1]:8080", False),
            ("http://localhost", False),
            ("http://localhost.evil.example", True),
        ):
            self.assertIs(Roost.parse(url).exposes_token, exposed, url)

    def test_one_server_by_several_names(self) -> None:
        for one, other, same in (
            ("http://127.0.0.1:8080", "http://localhost:8080/", True),
            ("http://[::1]:8080", "http://localhost:8080", True),
            ("https://a.example", "https://A.example:443", True),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8081", False),
            ("http://127.0.0.1:8080", "http://127.0.0.2:8080", False),
            ("http://127.0.0.1:8080", "https://127.0.0.1:8080", False),
            ("https://a.example", "https://a.example/x", False),
            ("https://a.example", "http://a.example:443", False),
            ("https://a.example", "https://b.example", False),
        ):
            self.assertIs(Roost.parse(one).is_same(Roost.parse(other)), same, (one, other))
