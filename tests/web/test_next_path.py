"""Where a browser goes after sign-in: open redirects."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.web.next_path import HOME, login_path, safe_next

HOSTILE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/a//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "app/",
    "/app\r\nSet-Cookie: x=1",
    "/\u2215evil.example",
    "/app/\x00",
    "/" + "a" * 2000,
    "",
)


class SafeNextTests(TestCase):
    def test_pages_of_this_server(self) -> None:
        for path in ("/", "/app/", "/auth/claim?code=ABCDEF", "/invite/x?y=//z", "/app/#account"):
            self.assertEqual(safe_next(path), path)

    def test_everything_else_is_the_app(self) -> None:
        for given_path in (*HOSTILE, None):
            self.assertEqual(safe_next(given_path), HOME, given_path)

    def test_not_round_and_round(self) -> None:
        for path in ("/auth/login", "/auth/login/", "/auth/login?next=/auth/login", "/auth/login#a"):
            self.assertEqual(safe_next(path), HOME)

    @given(st.text(alphabet="/\\@:.ab%\t\r\n?# ", max_size=12))
    def test_a_browser_never_leaves(self, path: str) -> None:
        # As browsers read addresses (WHATWG URL): tabs and line ends go, a backslash is a slash.
        chosen = safe_next(path).replace("\\", "/")
        for dropped in "\t\r\n":
            chosen = chosen.replace(dropped, "")
        self.assertEqual(urlsplit(urljoin("https://wt.example/auth/login", chosen)).netloc, "wt.example")


class LoginPathTests(TestCase):
    def test_it_comes_back(self) -> None:
        path = login_path("/auth/claim?code=A&b=c")
        self.assertEqual(path, "/auth/login?next=%2Fauth%2Fclaim%3Fcode%3DA%26b%3Dc")
        self.assertEqual(unquote(path.partition("next=")[2]), "/auth/claim?code=A&b=c")
        self.assertEqual(login_path("/app/"), "/auth/login")
        self.assertEqual(login_path("//evil.example"), "/auth/login")
