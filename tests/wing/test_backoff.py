"""How long to wait before the next try."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wing.backoff import Backoff


class BackoffTests(TestCase):
    def test_doubles_up_to_ten_seconds(self) -> None:
        backoff = Backoff(lambda: 1.0)
        self.assertEqual([backoff.seconds() for _ in range(6)], [1, 2, 4, 8, 10, 10])
        backoff.reset()
        self.assertEqual(backoff.seconds(), 1)

    def test_jitter_takes_away_at_most_half(self) -> None:
        backoff = Backoff(lambda: 0.0)
        self.assertEqual([backoff.seconds() for _ in range(6)], [0.5, 1, 2, 4, 5, 5])
