"""The body of a request, sent once or once more."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.rehearsal.body import RequestBody
from wingthing.rehearsal.facts import REPLAY_BODY_BYTES


class Sink:
    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def send(self, data: bytes) -> None:
        assert not self.ended
        self.data += data

    def finish(self) -> None:
        self.ended = True


class BodyTests(TestCase):
    def test_what_came_before_and_after(self) -> None:
        body, first, second = RequestBody(0), Sink(), Sink()
        body.add(b"a")
        body.flow_to(first)
        body.add(b"b")
        body.stop()
        body.add(b"c")
        body.flow_to(second)
        body.add(b"d")
        body.end()
        self.assertEqual((first.data, first.ended), (b"ab", False))
        self.assertEqual((second.data, second.ended, body.complete), (b"abcd", True, True))

    def test_complete_before_it_flows(self) -> None:
        body, sink = RequestBody(0), Sink()
        body.end()
        body.flow_to(sink)
        self.assertEqual((sink.data, sink.ended), (b"", True))

    def test_too_long_to_be_kept(self) -> None:
        body, sink = RequestBody(0), Sink()
        body.flow_to(sink)
        body.add(b"x" * REPLAY_BODY_BYTES)
        self.assertTrue(body.repeatable and body.untouched)
        body.add(b"x")
        self.assertFalse(body.repeatable or body.untouched)
        self.assertEqual(len(sink.data), REPLAY_BODY_BYTES + 1)

    def test_long_and_not_begun(self) -> None:
        body = RequestBody(0)
        body.add(b"x" * (REPLAY_BODY_BYTES + 1))
        self.assertFalse(body.repeatable)
        self.assertTrue(body.untouched)

    def test_said_to_be_too_long(self) -> None:
        self.assertFalse(RequestBody(REPLAY_BODY_BYTES + 1).repeatable)
        self.assertTrue(RequestBody(REPLAY_BODY_BYTES).repeatable)
