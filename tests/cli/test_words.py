"""Times, counts and lists in words."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.cli._words import ago, count, size, split


class WordsTests(TestCase):
    def test_words(self) -> None:
        for seconds, words in ((-1, "0 seconds"), (1.9, "1 second"), (61, "1 minute"), (7200, "2 hours")):
            self.assertEqual(ago(seconds), words)
        self.assertEqual(ago(200_000), "2 days")
        self.assertEqual((count(1, "terminal"), count(0, "terminal")), ("1 terminal", "0 terminals"))
        self.assertEqual((size(999), size(84e9), size(2e15)), ("999 bytes", "84 GB", "2000.0 TB"))
        self.assertEqual(split(("a, b", "c,", "")), ["a", "b", "c"])
