"""What is sent to servers that users name: the status is all that comes of it."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, Cooperator
from twisted.trial.unittest import TestCase

from tests.web.test_outbound import Server
from wingthing.errors import TemporarilyUnavailable
from wingthing.web.courier import MAX_ANSWER_BYTES, Courier
from wingthing.wire.account_limits import NOTIFICATION_SECONDS

URL = "https://push.example/the-address"


class CourierTests(TestCase):
    def setUp(self) -> None:
        self.turns = Clock()
        self.patch(task, "_theCooperator", Cooperator(scheduler=lambda call: self.turns.callLater(0, call)))
        self.clock = Clock()
        self.server = Server()
        self.agent = RequestTraversalAgent(self.server)
        self.courier = Courier(self.clock, self.agent)

    def post(self, **headers: str) -> Deferred[int]:
        coroutine: Any = self.courier.post(URL, headers, b"what is sent")
        found: Deferred[int] = Deferred.fromCoroutine(coroutine)
        for _ in range(10):
            self.turns.advance(0)
            self.agent.flush()
        return found

    def test_one_request(self) -> None:
        self.assertEqual(self.successResultOf(self.post(TTL="60")), 200)
        (seen,) = self.server.seen
        self.assertEqual((seen.getHeader("ttl"), self.server.bodies), ("60", [b"what is sent"]))
        self.assertIsNone(seen.getHeader("cookie"))

    def test_a_redirect_is_a_status_like_any_other(self) -> None:
        self.server.status = 302
        self.assertEqual(self.successResultOf(self.post()), 302)
        self.assertEqual(len(self.server.seen), 1)

    def test_a_long_answer_is_not_read(self) -> None:
        self.server.answer = b"x" * (MAX_ANSWER_BYTES + 1)
        self.assertEqual(self.successResultOf(self.post()), 200)

    def test_an_answer_is_not_unpacked(self) -> None:
        """Else 20 KB of anybody's server are 20 MB of this one's memory."""
        self.server.answer, self.server.packed = gzip.compress(bytes(20_000_000)), True
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(self.successResultOf(self.post()), 200)
        self.assertLess(tracemalloc.get_traced_memory()[1], 2_000_000)

    def test_too_late(self) -> None:
        self.server.answer = 0
        waiting = self.post()
        self.assertNoResult(waiting)
        self.clock.advance(NOTIFICATION_SECONDS)
        failure = self.failureResultOf(waiting, TemporarilyUnavailable)
        self.assertNotIn("the-address", str(failure.value))
