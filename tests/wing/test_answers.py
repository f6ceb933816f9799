from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.wing.answers import MAX_WAITING, REPORTS, QueryAnswers, is_report
from wingthing.wire.wing_limits import LATE_ANSWER_SECONDS, QUERY_ANSWER_SECONDS

CURSOR = b"\x1b[3;4R"
OTHER_CURSOR = b"\x1b[9;9R"


class QueryAnswersTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.given: list[bytes] = []
        self.answers = QueryAnswers(self.clock, self.given.append)

    def test_a_browser_answers(self) -> None:
        self.answers.asked(CURSOR)
        self.clock.advance(QUERY_ANSWER_SECONDS / 2)
        self.assertEqual(self.answers.received(OTHER_CURSOR), OTHER_CURSOR)
        self.clock.advance(60)
        self.assertEqual(self.given, [])

    def test_nobody_answers(self) -> None:
        self.answers.asked(CURSOR)
        self.assertEqual(self.given, [])
        self.clock.advance(QUERY_ANSWER_SECONDS)
        self.assertEqual(self.given, [CURSOR])
        self.answers.asked(CURSOR)
        self.assertEqual(self.given, [CURSOR, CURSOR], "the next is answered at once")

    def test_no_wing(self) -> None:
        self.answers.asked(CURSOR)
        self.answers.leave()
        self.assertEqual(self.given, [CURSOR])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_two_answers(self) -> None:
        self.answers.asked(CURSOR)
        self.clock.advance(QUERY_ANSWER_SECONDS)
        self.assertEqual(self.answers.received(b"l" + OTHER_CURSOR + b"s"), b"ls", "late, and dropped")
        self.assertEqual(self.answers.received(OTHER_CURSOR), OTHER_CURSOR, "one answer, one dropped")

    def test_a_late_answer_is_not_waited_for_for_ever(self) -> None:
        self.answers.asked(CURSOR)
        self.clock.advance(QUERY_ANSWER_SECONDS)
        self.clock.advance(LATE_ANSWER_SECONDS + 1)
        self.assertEqual(self.answers.received(OTHER_CURSOR), OTHER_CURSOR)

    def test_keys_are_never_dropped(self) -> None:
        self.answers.leave()
        for reply in (CURSOR, b"\x1b[0n", b"\x1b[?1;2c"):
            self.answers.asked(reply)
        keys = b"\x1b[A \x1bOP \x1b[1;5C \x1b[15~ \x1b \x1b[200~x\x1b[201~ \x1b[<0;1;2M"
        for key in keys.split():
            self.assertEqual(self.answers.received(key), key)

    def test_input_says_that_somebody_is_there(self) -> None:
        self.answers.leave()
        self.answers.received(b"x")
        self.answers.asked(CURSOR)
        self.assertEqual(self.given, [])

    def test_what_a_browser_would_not_answer(self) -> None:
        self.answers.leave()
        self.answers.asked(b"\x1b[?0u")
        self.assertEqual(self.given, [])

    def test_it_answers_as_the_browser_would(self) -> None:
        self.answers.leave()
        self.answers.asked(b"\x1b[?62;22c")
        self.answers.asked(b"\x1b[>1;0;0c")
        self.assertEqual(self.given, [b"\x1b[?1;2c", b"\x1b[>0;276;0c"])

    def test_a_flood_of_queries(self) -> None:
        for _ in range(MAX_WAITING * 10):
            self.answers.asked(CURSOR)
        self.clock.advance(QUERY_ANSWER_SECONDS)
        self.assertEqual(len(self.given), MAX_WAITING)

    def test_reports(self) -> None:
        examples = [
            b"\x1b[?1;2c", b"\x1b[>0;276;0c", b"\x1bP!|00000000\x1b\\", b"\x1b[0n", b"\x1b[1;1R",
            b"\x1b[?1;1R", b"\x1b[?2004;2$y", b"\x1bP>|xterm\x1b\\", b"\x1bP1$r0m\x1b\\",
            b"\x1b]11;rgb:0/0/0\x07", b"\x1b[8;24;80t",
        ]  # fmt: skip
        self.assertEqual(len(examples), len(REPORTS))
        for example in examples:
            self.assertTrue(is_report(example), example)
            self.assertTrue(is_report(example * 2))
            self.assertFalse(is_report(example + b"a"))
        self.assertFalse(is_report(b""))
