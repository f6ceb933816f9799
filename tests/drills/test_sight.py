"""What a browser has seen, how long it saw nothing new, and whether it is true."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from drills.sight import Freeze, Sight, difference, gaps, longest_freeze, numbers_in


def lines(first: int, last: int) -> bytes:
    return b"".join(b"n%d.\r\n" % number for number in range(first, last + 1))


class SightTests(TestCase):
    def setUp(self) -> None:
        self.sight = Sight()

    def test_numbers_that_follow_each_other(self) -> None:
        self.sight.feed(lines(1, 3), 1.0)
        self.sight.feed(b"a prompt, and nothing new", 2.0)
        self.sight.feed(lines(4, 4), 3.0)
        self.assertEqual((self.sight.highest, self.sight.times, self.sight.wrong), (4, [1.0, 3.0], []))

    @given(st.lists(st.integers(1, 30)))
    def test_however_it_is_cut(self, sizes: list[int]) -> None:
        sight, data = Sight(), lines(95, 130)
        for size in sizes:
            sight.feed(data[:size], 1.0)
            data = data[size:]
        sight.feed(data, 1.0)
        self.assertEqual((sight.highest, sight.wrong), (130, []))

    def test_what_is_missing_or_comes_twice(self) -> None:
        self.sight.feed(lines(1, 2) + lines(4, 4), 1.0)
        self.sight.feed(lines(4, 5), 2.0)
        self.assertEqual(self.sight.wrong, ["4 follows 2", "4 follows 4"])

    def test_a_replay_begins_where_it_likes_and_what_follows_must_fit(self) -> None:
        self.sight.feed(lines(1, 50) + b"n5", 1.0)
        self.sight.repaint()
        self.sight.feed(lines(40, 60), 2.0)
        self.sight.feed(lines(61, 61), 3.0)
        self.assertEqual((self.sight.highest, self.sight.wrong), (61, []))
        self.sight.repaint()
        self.sight.feed(lines(1, 61), 4.0)
        self.sight.feed(lines(63, 63), 5.0)
        self.assertEqual(self.sight.wrong, ["63 follows 61"])

    def test_a_replay_of_what_is_known_is_nothing_new(self) -> None:
        self.sight.feed(lines(1, 5), 1.0)
        self.sight.repaint()
        self.sight.feed(lines(1, 5), 9.0)
        self.assertEqual(self.sight.times, [1.0])


class FreezeTests(TestCase):
    def test_the_longest_of_several(self) -> None:
        times = [0.0, 1.0, 1.5, 4.0, 4.5, 5.0]
        self.assertEqual(longest_freeze(times, 0.0, 5.0), Freeze(1.5, 2.5))
        self.assertEqual(longest_freeze(times, 4.2, 5.0), Freeze(4.0, 0.5))

    def test_it_counts_from_its_beginning_and_up_to_the_end(self) -> None:
        self.assertEqual(longest_freeze([1.0, 6.0, 6.1], 5.0, 6.2), Freeze(1.0, 5.0), "began before")
        self.assertEqual(longest_freeze([1.0, 2.0], 1.0, 9.0), Freeze(2.0, 7.0), "still goes on")
        self.assertEqual(longest_freeze([1.0, 2.0, 20.0], 1.0, 9.0), Freeze(2.0, 7.0), "ends after")

    def test_a_terminal_that_never_says_anything(self) -> None:
        self.assertEqual(longest_freeze([], 3.0, 8.0), Freeze(3.0, 5.0))

    @given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 100), st.floats(0, 100))
    def test_no_stretch_within_is_longer(self, times: list[float], one: float, other: float) -> None:
        begin, end = sorted((one, other))
        times.sort()
        worst = longest_freeze(times, begin, end)
        within = [begin, *(time for time in times if begin <= time <= end), end]
        longest = max(after - before for before, after in pairwise(within))
        self.assertGreaterEqual(worst.seconds, longest)
        self.assertLessEqual(worst.seconds, end - min(times[0], begin))


class TruthTests(TestCase):
    def test_the_same(self) -> None:
        self.assertEqual(difference(lines(1, 9), lines(1, 9)), "")
        self.assertEqual(difference(b"", b""), "")

    def test_what_differs(self) -> None:
        true = lines(1, 9)
        for seen, said in (
            (lines(1, 3) + lines(6, 9), "2 of 9 lines are missing, the first is 4"),
            (b"", "9 of 9 lines are missing, the first is 1"),
            (lines(1, 9) + lines(9, 9), "10 lines instead of 9"),
            (true.replace(b"\r", b"\v"), "the text differs from byte 3 on"),
            (true[:-1], "the text differs from byte 44 on"),
            (true + b" ", "the text differs from byte 45 on"),
        ):
            self.assertEqual(difference(seen, true), said)

    def test_numbers(self) -> None:
        self.assertEqual(numbers_in(b"\x1b[0mn1.\x1b[Kn2. n3 n."), [1, 2])
        self.assertEqual(gaps([3, 4, 5]), [])
        self.assertEqual(gaps([1, 3, 3, 2]), ["3 follows 1", "3 follows 3", "2 follows 3"])
        self.assertEqual(gaps([]), [])
