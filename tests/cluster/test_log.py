"""Numbered events: against a list that forgets nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.cluster.log import EventLog
from wingthing.wire.gossip import Attention


def event(number: int) -> Attention:
    return Attention(wing_id="w", session_id=str(number), machine="m")


class EventLogTests(TestCase):
    def test_nothing_has_happened_yet(self) -> None:
        log = EventLog()
        self.assertEqual((log.seq, log.since(0)), (0, []))
        self.assertIsNone(log.since(1))
        self.assertIsNone(log.since(-1))

    def test_each_new_one_is_told(self) -> None:
        log = EventLog()
        seen: list[int] = []
        log.appended = lambda: seen.append(log.seq)
        log.append(event(1))
        log.append(event(2))
        self.assertEqual(seen, [1, 2])

    @given(
        st.integers(1, 8),
        st.lists(st.just("event") | st.integers(-2, 30), max_size=40),
    )
    def test_it_answers_in_full_or_not_at_all(self, most: int, steps: list[str | int]) -> None:
        log, everything, acknowledged = EventLog(most), [], 0
        for step in steps:
            if step == "event":
                everything.append(event(len(everything) + 1))
                log.append(everything[-1])
            elif isinstance(step, int):
                log.acknowledged(step)
                acknowledged = max(acknowledged, min(step, len(everything)))
            self.assertEqual(log.seq, len(everything))
            oldest = max(acknowledged, len(everything) - most)
            for seq in range(-2, len(everything) + 3):
                answer = log.since(seq)
                self.assertEqual(log.reaches(seq), answer is not None)
                if oldest <= seq <= len(everything):
                    self.assertEqual(answer, everything[seq:])
                    self.assertEqual(log.since(seq, 2), everything[seq : seq + 2])
                else:
                    self.assertIsNone(answer, (seq, oldest))
