"""An edge says that it is there, and when it has news: at once, together, and no oftener than it helps."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, FakeNews, record
from wingthing.cluster.client import Reply
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.reporter import Reporter
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.relay.calls import Call
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Round
from wingthing.wire.internal import HELLO_PATH, Hello
from wingthing.wire.limits import DIRECTORY_STALE_SECONDS, GOSSIP_SECONDS, NUDGE_COALESCE_SECONDS


class FakeLogin:
    """Login, which takes a hello, or fails. `waiting` set: it answers when that fires."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.failure: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.said: list[tuple[float, Hello]] = []

    async def post(self, path: str, body: object, *, seconds: float) -> Reply:
        assert path == HELLO_PATH
        assert isinstance(body, Hello)
        self.said.append((self.clock.seconds(), body))
        if self.waiting is not None:
            await self.waiting
        if self.failure is not None:
            raise self.failure
        return Reply("login", 200, b'{"ok":true}', "")


class ReporterCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.login = FakeLogin(self.clock)
        self.gossip = EdgeGossip(
            EdgeDirectory("edge-a"), "", "edge-boot", FakeNews(), lambda: (), lambda: (0, 0)
        )
        self.reporter = Reporter(self.clock, self.gossip, self.login)
        self.reporter.startService()
        self.addCleanup(self.stop)
        self.clock.advance(0)

    def stop(self) -> None:
        if self.reporter.running:
            self.reporter.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def hear(self) -> None:
        """A round of login comes, and takes what there is."""
        for _ in range(2):
            asked = Round(
                machine="login",
                boot="b",
                seq=0,
                events=[],
                edge_boot=self.gossip.boot,
                edge_seq=self.gossip.log.seq,
            )
            self.gossip.receive(asked, self.clock.seconds())

    def times(self) -> list[float]:
        """When login was told, in seconds since the start."""
        return [at - 1000 for at, _hello in self.login.said]


class HelloTests(ReporterCase):
    def test_at_the_start_and_until_login_has_been_heard(self) -> None:
        self.assertEqual(self.login.said, [(1000.0, Hello(boot="edge-boot"))])
        self.clock.pump([GOSSIP_SECONDS] * 3)
        self.assertEqual(self.times(), [0.0, 2.0, 4.0, 6.0])
        self.hear()
        self.clock.pump([GOSSIP_SECONDS] * 3)
        self.assertEqual(len(self.times()), 5, "the one that was under way is the last")

    def test_login_away_is_asked_again(self) -> None:
        for why in (TemporarilyUnavailable("away"), NotFound("another program")):
            self.login.failure = why
            self.clock.advance(GOSSIP_SECONDS)
        self.login.failure = None
        self.clock.advance(GOSSIP_SECONDS)
        self.assertEqual(len(self.times()), 4)

    def test_it_says_so_once_it_is_not_even_running(self) -> None:
        self.reporter.stopService()
        self.gossip.local_up(record("c1"), NOW)
        self.reporter.report_now()
        self.clock.advance(10)
        self.assertEqual(self.times(), [0.0])


class NewsTests(ReporterCase):
    def setUp(self) -> None:
        super().setUp()
        self.hear()
        self.clock.advance(GOSSIP_SECONDS)
        self.hear()
        self.login.said.clear()

    def news(self, number: int = 1) -> None:
        self.gossip.attention(WING_ID, Call(str(number)))

    def test_news_are_said_at_once_and_together(self) -> None:
        for number in range(100):
            self.news(number)
        self.assertEqual(self.times(), [])
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 1)
        self.clock.advance(60)
        self.assertEqual(len(self.times()), 1, "login's own rounds come anyway")

    def test_once_it_is_said_login_comes_for_all_that_there_is_then(self) -> None:
        self.login.waiting = Deferred()
        self.news(1)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.news(2)
        self.clock.advance(1)
        waiting, self.login.waiting = self.login.waiting, None
        waiting.callback(None)
        self.news(3)
        self.clock.advance(1)
        self.assertEqual(len(self.times()), 1)
        self.hear()
        self.news(4)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 2)

    def test_news_while_it_says_so_are_said_after_it_when_login_has_come_before_them(self) -> None:
        self.login.waiting = Deferred()
        self.news(1)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.hear()
        self.news(2)
        waiting, self.login.waiting = self.login.waiting, None
        waiting.callback(None)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 2)

    def test_unless_login_has_fetched_them_meanwhile(self) -> None:
        self.login.waiting = Deferred()
        self.news(1)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.news(2)
        self.hear()
        waiting, self.login.waiting = self.login.waiting, None
        waiting.callback(None)
        self.clock.advance(60)
        self.assertEqual(len(self.times()), 1)

    def test_login_away_is_given_time(self) -> None:
        self.login.waiting = Deferred()
        self.news(1)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.news(2)
        self.login.waiting.errback(TemporarilyUnavailable("away"))
        self.clock.advance(GOSSIP_SECONDS - 0.1)
        self.assertEqual(len(self.times()), 1)
        self.clock.advance(0.1)
        self.assertEqual(len(self.times()), 2)

    def test_news_that_do_not_end_are_said_in_time_too(self) -> None:
        for number in range(20):
            self.news(number)
            self.clock.advance(NUDGE_COALESCE_SECONDS / 4)
        self.assertEqual(len(self.times()), 1)

    def test_the_last_word_is_said_though_it_is_no_news(self) -> None:
        self.reporter.report_now()
        self.clock.advance(0)
        self.assertEqual(len(self.times()), 1)
        self.news()
        self.reporter.report_now()
        self.clock.advance(0)
        self.assertEqual(len(self.times()), 2, "and not only after the moment in which news are gathered")
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 2)

    def test_the_last_word_comes_before_the_next_one_would(self) -> None:
        self.hear()
        self.news()
        self.reporter.report_now()
        self.clock.advance(0)
        self.assertEqual(len(self.times()), 1)
        self.clock.advance(60)
        self.assertEqual(len(self.times()), 1)

    def test_and_also_when_something_is_being_said_already(self) -> None:
        self.login.waiting = Deferred()
        self.reporter.report_now()
        self.clock.advance(0)
        self.reporter.report_now()
        waiting, self.login.waiting = self.login.waiting, None
        waiting.callback(None)
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 2)
        self.clock.advance(60)
        self.assertEqual(len(self.times()), 2)

    def test_a_bug_does_not_silence_it(self) -> None:
        self.login.failure = RuntimeError("a bug")
        self.news()
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.login.failure = None
        self.news()
        self.clock.advance(NUDGE_COALESCE_SECONDS)
        self.assertEqual(len(self.times()), 2)


class StaleTests(ReporterCase):
    def test_thirty_seconds_without_a_round(self) -> None:
        for begin in (lambda: None, self.hear):
            begin()
            self.assertFalse(self.reporter.stale)
            self.clock.advance(DIRECTORY_STALE_SECONDS - 0.1)
            self.assertFalse(self.reporter.stale)
            self.clock.advance(0.1)
            self.assertTrue(self.reporter.stale)

    def test_for_how_long_and_why(self) -> None:
        self.login.failure = TemporarilyUnavailable("login is away")
        self.clock.advance(GOSSIP_SECONDS)
        self.assertEqual((self.reporter.silent_seconds, self.reporter.why_not), (2.0, "login is away"))
        self.hear()
        self.assertEqual((self.reporter.silent_seconds, self.reporter.why_not), (0.0, ""))
