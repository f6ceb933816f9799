"""Where a request carries its credentials, and what is no credential."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.credentials import argument, cookie_of, header, token_of


class Request:
    """The part of a request that is read."""

    def __init__(
        self, args: dict[bytes, list[bytes]] | None = None, cookie: bytes | None = None, **headers: bytes
    ) -> None:
        self.args = args
        self._cookie = cookie
        self._headers = headers

    def getHeader(self, key: bytes) -> bytes | None:
        return self._headers.get(key.decode())

    def getCookie(self, key: bytes) -> bytes | None:
        return self._cookie if key == b"wt_session" else None


class CredentialTests(TestCase):
    def test_the_header_comes_before_the_address(self) -> None:
        request = Request({b"token": [b"from-address"]}, authorization=b"Bearer from-header")
        self.assertEqual(token_of(request), "from-header")
        self.assertEqual(token_of(Request({b"token": [b"first", b"second"]})), "first")

    def test_other_schemes_and_empty_values(self) -> None:
        for value in (b"Basic abc", b"Bearer", b"Bearer ", b"Bearer\t", b"", b"token", b"\xff\xfe"):
            self.assertIsNone(token_of(Request(authorization=value)), value)
        self.assertIsNone(token_of(Request({b"token": [b""]})))
        self.assertIsNone(token_of(Request(None)))
        self.assertEqual(token_of(Request(authorization=b"bEaReR  t ")), "t")

    def test_bytes_that_are_no_text(self) -> None:
        self.assertEqual(header(Request(host=b"\xe9\xff"), "host"), "\xe9\xff")
        self.assertIsNone(header(Request(), "host"))
        self.assertEqual(token_of(Request(authorization=b"Bearer \xe9")), "\xe9")
        self.assertEqual(argument(Request({b"wing_id": [b"\xff"]}), "wing_id"), "\ufffd")
        self.assertEqual(cookie_of(Request(cookie=b"\xff")), "\ufffd")

    def test_an_empty_cookie_is_none(self) -> None:
        self.assertIsNone(cookie_of(Request(cookie=b"")))
        self.assertIsNone(cookie_of(Request()))
        self.assertEqual(cookie_of(Request(cookie=b"c")), "c")
