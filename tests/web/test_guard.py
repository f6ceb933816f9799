"""Which names are served and which pages may write: the whole table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.web.guard import Guard, host_name, machine_names

LOCAL = Guard()
PUBLIC = Guard("https://wt.example.com")
REMOTE = Guard(None, True, frozenset({"tower", "tower.local"}))

LOOPBACK = [
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.1.2.3:1",
    "[::1]",
    "[::1]:8080",
    "localhost",
    "LOCALHOST:8080",
    "localhost.",
    "app.localhost:8080",
]
FOREIGN = [
    "",
    " ",
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8080",
    "evil-localhost",
    "wt.example.com.evil.example",
    "127.0.0.1:80:80",
    "127.0.0.1:x",
    "127.0.0.1@evil.example",
    "evil.example#127.0.0.1",
    "[::1",
    "[::1]x",
    "::1",
    "0x7f000001",
    "2130706433",
    "127.1",
    "192.168.1.5",
    "[fe80::1]",
    "localhost/../evil",
    "localhost,evil.example",
]


class HostTests(TestCase):
    def test_loopback_is_always_served(self) -> None:
        for guard in (LOCAL, PUBLIC, REMOTE):
            for host in LOOPBACK:
                self.assertTrue(guard.host_allowed(host), host)

    def test_anything_else_is_not(self) -> None:
        for host in FOREIGN:
            self.assertFalse(LOCAL.host_allowed(host), host)
            self.assertFalse(PUBLIC.host_allowed(host), host)

    def test_the_public_name_is_served_where_there_is_one(self) -> None:
        for host in ("wt.example.com", "WT.example.com:443", "wt.example.com:8443"):
            self.assertTrue(PUBLIC.host_allowed(host), host)
            self.assertFalse(LOCAL.host_allowed(host), host)

    def test_addresses_and_the_machines_names_only_when_it_may_be_reached(self) -> None:
        for host in ("192.168.1.5:8080", "[fe80::1]:8080", "tower", "TOWER:8080", "tower.local"):
            self.assertTrue(REMOTE.host_allowed(host), host)
            self.assertFalse(Guard(None, False, REMOTE.names).host_allowed(host), host)
        for host in ("evil.example", "tower.evil.example", "xtower", "2130706433"):
            self.assertFalse(REMOTE.host_allowed(host), host)

    @given(st.text(max_size=50))
    def test_no_header_raises(self, host: str) -> None:
        for guard in (LOCAL, PUBLIC, REMOTE):
            guard.host_allowed(host)
            guard.origin_allowed(host, host)

    def test_names_of_this_machine(self) -> None:
        names = machine_names()
        self.assertEqual({name.lower() for name in names}, set(names))

    def test_the_name_in_a_host(self) -> None:
        self.assertEqual(host_name("[::1]:8080"), "::1")
        self.assertEqual(host_name("Example.ORG:1"), "example.org")
        self.assertIsNone(host_name("x:y"))


class OriginTests(TestCase):
    def test_the_page_itself(self) -> None:
        for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
            self.assertTrue(LOCAL.origin_allowed(f"http://{host}", host), host)
        self.assertTrue(PUBLIC.origin_allowed("https://wt.example.com", "wt.example.com"))

    def test_the_public_page_through_a_proxy_that_changes_the_host(self) -> None:
        self.assertTrue(PUBLIC.origin_allowed("https://wt.example.com", "127.0.0.1:8080"))

    def test_other_pages(self) -> None:
        host = "127.0.0.1:8080"
        for origin in (
            "",
            "null",
            "http://evil.example",
            f"http://{host}0",
            "http://127.0.0.1",
            "http://127.0.0.1:3000",
            "http://localhost:8080",
            f"http://{host}.evil.example",
            f"http://{host}/",
            f"http://user@{host}",
            f"file://{host}",
            f"chrome-extension://{host}",
            host,
            f"//{host}",
        ):
            self.assertFalse(LOCAL.origin_allowed(origin, host), origin)

    def test_a_rebound_name_is_not_its_own_origin(self) -> None:
        self.assertFalse(LOCAL.origin_allowed("http://evil.example:8080", "evil.example:8080"))

    def test_the_public_name_in_clear_text_is_somebody_on_the_way(self) -> None:
        self.assertFalse(PUBLIC.origin_allowed("http://wt.example.com", "wt.example.com"))


class WriteTests(TestCase):
    def refused(self, method: str, origin: str | None, has_cookie: bool) -> bool:
        return LOCAL.write_refused(method=method, origin=origin, host="127.0.0.1:8080", has_cookie=has_cookie)

    def test_reading_is_free(self) -> None:
        for method in ("GET", "HEAD", "OPTIONS"):
            self.assertFalse(self.refused(method, "http://evil.example", True))

    def test_writing_with_the_cookie_needs_our_origin(self) -> None:
        for method in ("POST", "PUT", "DELETE", "PATCH", "BREW"):
            self.assertTrue(self.refused(method, None, True), method)
            self.assertTrue(self.refused(method, "null", True), method)
            self.assertTrue(self.refused(method, "http://evil.example", True), method)
            self.assertFalse(self.refused(method, "http://127.0.0.1:8080", True), method)

    def test_writing_without_it_must_not_come_from_a_foreign_page_either(self) -> None:
        self.assertFalse(self.refused("POST", None, False))
        self.assertTrue(self.refused("POST", "http://evil.example", False))
        self.assertTrue(self.refused("POST", "null", False))
