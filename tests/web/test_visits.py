"""From where and with what a login session is used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.web.visits import MOST_CHARS, short_agent
from wingthing.wire.text import is_plain

MOZILLA = "Mozilla/5.0"
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
KNOWN = {
    f"{MOZILLA} (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox 128 on Linux",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/126.0 Safari/537.36": "Chrome 126 on Windows",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0": (
        "Edge 126 on Windows"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {KHTML} Chrome/125.0 Safari/537.36 OPR/111.0": (
        "Opera 111 on macOS"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15": "Safari 17 on macOS",
    f"{MOZILLA} (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1": "Safari 17 on iPhone",
    f"{MOZILLA} (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/126.0 Mobile/15E148 Safari/604.1": "Chrome 126 on iPhone",
    f"{MOZILLA} (Linux; Android 14; SM-S911B) {KHTML} SamsungBrowser/25.0 Chrome/121.0 Mobile": (
        "Samsung Internet 25 on Android"
    ),
    f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/126.0 Safari/537.36": "Chrome 126 on ChromeOS",
    f"{MOZILLA} (X11; Linux x86_64) {KHTML} HeadlessChrome/126.0 Safari/537.36": "Chrome 126 on Linux",
    "curl/8.5.0": "curl/8.5.0",
    "": "",
    "   ": "",
}


class ShortAgentTests(TestCase):
    def test_browsers_are_called_as_people_call_them(self) -> None:
        for said, short in KNOWN.items():
            self.assertEqual(short_agent(said), short)

    def test_what_would_mislead_is_left_out(self) -> None:
        self.assertEqual(short_agent("evil\x1b[31m\u202etool\x00 more"), "evil[31mtool")

    @given(st.text())
    def test_whatever_a_client_says_is_short_and_plain(self, said: str) -> None:
        for text in (said, f"Firefox/{said}", f"{said} Chrome/12345678 Linux"):
            short = short_agent(text)
            self.assertLessEqual(len(short), MOST_CHARS)
            self.assertTrue(is_plain(short))
