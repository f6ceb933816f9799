"""Close codes that a WebSocket may carry."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wire.closing import CloseCode


class CloseCodeTests(TestCase):
    def test_all_may_be_sent(self) -> None:
        """RFC 6455 section 7.4: 1004-1006 and 1015 are never sent, 4000-4999 are for applications."""
        for code in CloseCode:
            self.assertTrue(1000 <= code <= 1014 or 4000 <= code <= 4999, code)
            self.assertNotIn(code, (1004, 1005, 1006))

    def test_those_of_the_protocol(self) -> None:
        self.assertEqual(CloseCode.NOT_TEXT, 1003)
        self.assertEqual(CloseCode.NOT_UTF8, 1007)
        self.assertEqual(CloseCode.TOO_BIG, 1009)
        self.assertEqual(CloseCode.TOO_SLOW, 4008)
