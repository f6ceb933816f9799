"""What waits for one peer: in order, bounded, and thrown away or finished as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from wingthing.sockets.outbox import Outbox

LIMIT, RESUME = 100, 40


class OutboxTests(TestCase):
    def setUp(self) -> None:
        self.written: list[bytes] = []
        self.events: list[str] = []
        self.outbox = self.make()

    def make(self) -> Outbox:
        return Outbox(
            lambda messages, size: self.written.extend(messages),
            limit=LIMIT,
            resume=RESUME,
            on_full=lambda: self.events.append("full"),
            on_room=lambda: self.events.append("room"),
        )

    def test_it_is_a_push_producer(self) -> None:
        verifyObject(IPushProducer, self.outbox)

    def test_while_the_peer_reads_messages_go_at_once(self) -> None:
        self.outbox.send(b"x" * 10 * LIMIT)
        self.assertEqual((len(self.written), self.outbox.size, self.events), (1, 0, []))

    def test_while_it_does_not_they_wait_in_order(self) -> None:
        self.outbox.pauseProducing()
        for message in (b"a", b"bb", b"ccc"):
            self.outbox.send(message)
        self.assertEqual((self.written, self.outbox.size), ([], 6))
        self.outbox.resumeProducing()
        self.assertEqual((self.written, self.outbox.size), ([b"a", b"bb", b"ccc"], 0))

    def test_a_transport_that_pauses_again_gets_no_more(self) -> None:
        def write(messages: Sequence[bytes], size: int) -> None:
            self.written.extend(messages)
            if len(self.written) == 2:
                outbox.pauseProducing()

        outbox = Outbox(write, limit=LIMIT, resume=RESUME, on_full=self.fail, on_room=self.fail, at_once=1)
        outbox.pauseProducing()
        for message in (b"1", b"2", b"3"):
            outbox.send(message)
        outbox.resumeProducing()
        self.assertEqual((self.written, outbox.size), ([b"1", b"2"], 1))
        outbox.send(b"4")
        outbox.resumeProducing()
        self.assertEqual(self.written, [b"1", b"2", b"3", b"4"])

    def test_full_is_said_once_and_room_once(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.send(b"x" * LIMIT)
        self.assertFalse(self.outbox.full)
        for _ in range(3):
            self.outbox.send(b"x")
        self.assertTrue(self.outbox.full)
        self.assertEqual(self.events, ["full"])
        self.outbox.resumeProducing()
        self.assertEqual((self.events, self.outbox.full), (["full", "room"], False))
        self.outbox.resumeProducing()
        self.assertEqual(self.events, ["full", "room"])

    def test_it_stays_full_until_it_has_shrunk_to_resume(self) -> None:
        outbox = Outbox(
            lambda messages, size: outbox.pauseProducing(),
            limit=LIMIT,
            resume=RESUME,
            on_full=lambda: self.events.append("full"),
            on_room=lambda: self.events.append("room"),
            at_once=1,
        )
        outbox.pauseProducing()
        for _ in range(11):
            outbox.send(b"x" * 10)
        for expected in range(100, RESUME, -10):
            outbox.resumeProducing()
            self.assertEqual((outbox.size, outbox.full, self.events), (expected, True, ["full"]))
        outbox.resumeProducing()
        self.assertEqual((outbox.size, outbox.full, self.events), (RESUME, False, ["full", "room"]))

    def test_close_throws_away_and_takes_no_more(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.send(b"a")
        self.outbox.close()
        self.outbox.send(b"b")
        self.outbox.resumeProducing()
        self.outbox.send(b"c")
        self.assertEqual((self.written, self.outbox.size, self.outbox.closed), ([], 0, True))

    def test_the_end_of_the_transport_closes_it(self) -> None:
        self.outbox.stopProducing()
        self.assertTrue(self.outbox.closed)

    def test_finish_calls_when_all_is_written(self) -> None:
        self.outbox.finish(lambda: self.events.append("then"))
        self.assertEqual(self.events, ["then"])
        outbox = self.make()
        outbox.pauseProducing()
        outbox.send(b"a")
        outbox.finish(lambda: self.events.append("later"))
        outbox.send(b"never")
        self.assertEqual(self.events, ["then"])
        outbox.resumeProducing()
        self.assertEqual((self.written, self.events), ([b"a"], ["then", "later"]))
        outbox.resumeProducing()
        self.assertEqual(self.events, ["then", "later"])

    def test_finish_when_full_does_not_say_that_there_is_room(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.send(b"x" * (LIMIT + 1))
        self.outbox.finish(lambda: self.events.append("then"))
        self.outbox.resumeProducing()
        self.assertEqual(self.events, ["full", "then"])

    def test_what_has_waited_goes_in_runs(self) -> None:
        runs: list[tuple[Sequence[bytes], int]] = []
        outbox = Outbox(
            lambda messages, size: runs.append((list(messages), size)),
            limit=LIMIT,
            resume=RESUME,
            on_full=self.fail,
            on_room=self.fail,
            at_once=4,
        )
        outbox.pauseProducing()
        for message in (b"1", b"22", b"333", b"55555", b"1"):
            outbox.send(message)
        self.assertEqual((runs, outbox.size), ([], 12))
        outbox.resumeProducing()
        self.assertEqual(runs, [([b"1", b"22", b"333"], 6), ([b"55555"], 5), ([b"1"], 1)])
        self.assertEqual(outbox.size, 0)

    def test_a_run_is_the_same_as_one_after_the_other(self) -> None:
        run = [b"a" * 60, b"b" * 60, b"c"]
        self.outbox.send_all(run, 121)
        self.assertEqual((self.written, self.outbox.size), (run, 0))
        self.outbox.pauseProducing()
        self.outbox.send_all(run, 121)
        self.assertEqual((len(self.written), self.outbox.size, self.events), (3, 121, ["full"]))
        self.outbox.close()
        self.outbox.send_all(run, 121)
        self.outbox.resumeProducing()
        self.assertEqual(self.written, run)

    @given(st.lists(st.integers(0, 60) | st.sampled_from(["pause", "resume"])), st.integers(1, 100))
    def test_nothing_is_lost_or_reordered_and_the_books_are_right(
        self, steps: list[int | str], at_once: int
    ) -> None:
        written: list[bytes] = []
        full: list[bool] = []
        outbox = Outbox(
            lambda messages, size: written.extend(messages),
            limit=LIMIT,
            resume=RESUME,
            on_full=lambda: full.append(True),
            on_room=lambda: full.append(False),
            at_once=at_once,
        )
        sent: list[bytes] = []
        for step in steps:
            if step == "pause":
                outbox.pauseProducing()
            elif step == "resume":
                outbox.resumeProducing()
            else:
                sent.append(bytes([len(sent) % 256]) * int(step))
                outbox.send(sent[-1])
            self.assertEqual(written, sent[: len(written)])
            self.assertEqual(outbox.size, sum(map(len, sent[len(written) :])))
            self.assertEqual(outbox.full, bool(full) and full[-1])
            self.assertTrue(outbox.full or outbox.size <= LIMIT)
        self.assertTrue(all(a != b for a, b in pairwise(full)))
        outbox.resumeProducing()
        self.assertEqual(written, sent)
