"""Connection errors in words."""

from __future__ import annotations

from twisted.internet.error import ConnectionRefusedError, DNSLookupError, UserError
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web._newclient import ResponseNeverReceived

from wingthing.failures import error_words


class WordsTests(TestCase):
    def test_words(self) -> None:
        for why, words in (
            (ConnectionRefusedError(osError=111), "connection refused"),
            (ValueError("Something odd."), "something odd"),
            (ValueError("DNS is odd"), "DNS is odd"),
            (ValueError(), "ValueError"),
            (ResponseNeverReceived([Failure(ConnectionRefusedError(osError=111))]), "connection refused"),
        ):
            self.assertEqual(error_words(why), words)
        self.assertIn("no such host", error_words(DNSLookupError("no such host")))
        self.assertTrue(error_words(UserError()))
