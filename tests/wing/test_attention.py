from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.wing.attention import AttentionWatch
from wingthing.wire.wing_limits import BELL_BURST_SECONDS, BELLS_FOR_ATTENTION


class AttentionTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[str] = []
        self.watch = AttentionWatch(self.clock, self.calls.append)

    def ring(self, times: int = BELLS_FOR_ATTENTION) -> None:
        for _ in range(times):
            self.watch.bell()

    def test_one_bell_is_nothing(self) -> None:
        for _ in range(5):
            self.watch.bell()
            self.clock.advance(BELL_BURST_SECONDS + 0.1)
        self.assertEqual(self.calls, [])

    def test_a_burst(self) -> None:
        self.watch.bell()
        self.clock.advance(BELL_BURST_SECONDS)
        self.watch.bell()
        self.assertEqual(self.calls, [self.watch.nonce])

    def test_once_an_episode(self) -> None:
        self.ring(100)
        self.assertEqual(len(self.calls), 1)
        self.clock.advance(3600)
        self.ring()
        self.assertEqual(len(self.calls), 1)

    def test_armed_again(self) -> None:
        self.ring()
        self.watch.acknowledge()
        self.assertIsNone(self.watch.nonce)
        self.watch.bell()
        self.assertEqual(len(self.calls), 1, "the bells before do not count again")
        self.watch.bell()
        self.assertEqual(len(set(self.calls)), 2)
