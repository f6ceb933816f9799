"""The queue of notifications: bounded, in order for each user, and in nobody's way."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.errors import PeerError, TemporarilyUnavailable
from wingthing.relay.calls import EXIT, Call
from wingthing.store import labels, login_sessions, notifications, users
from wingthing.store.notifications import Ntfy, Subscription
from wingthing.web.notice import Notice, notice_of, trial_notice
from wingthing.web.notifier import Notifier
from wingthing.web.ntfy import NtfySender
from wingthing.web.push import PushSender
from wingthing.wire.account_limits import (
    MAX_WAITING_NOTIFICATIONS,
    NOTIFICATION_WINDOW_SECONDS,
    NOTIFICATION_WORKERS,
    NOTIFICATIONS_PER_ACCOUNT,
)
from wingthing.wire.records import WingRecord

NOW = 1_800_000_000.0
WING = "a1b2c3d4e5f6a1b2c3d4e5f6"


def record(user_id: str = "ann", wing_id: str = WING) -> WingRecord:
    return WingRecord(wing_id=wing_id, connection_id="c", user_id=user_id, owner=user_id, public_key="k")


class Sender:
    """Takes notifications; with `held`, each waits for `release`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Notice]] = []
        self.held: list[Deferred[None]] | None = None
        self.failure: Exception | None = None

    async def take(self, to: str, notice: Notice) -> None:
        self.sent.append((to, notice))
        if self.held is not None:
            waiting: Deferred[None] = Deferred()
            self.held.append(waiting)
            await waiting
        if self.failure is not None:
            raise self.failure

    def release(self) -> None:
        assert self.held is not None
        for waiting in [self.held.pop(0) for _ in list(self.held)]:
            waiting.callback(None)

    @property
    def told(self) -> list[str]:
        return [to for to, _notice in self.sent]


class NotifierCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.ntfy, self.push = Sender(), Sender()

        class FakeNtfy:
            url = "https://ntfy.example"

            async def send(_self, to: Ntfy, notice: Notice) -> None:
                await self.ntfy.take(to.topic, notice)

        class FakePush:
            async def send(_self, to: Subscription, notice: Notice) -> bool:
                await self.push.take(to.endpoint, notice)
                return True

        self.notifier = Notifier(
            self.database,
            cast(NtfySender, FakeNtfy()),
            cast(PushSender, FakePush()),
            self.clock.seconds,
            lambda: "https://wt.example",
        )
        for name in ("ann", "eve"):
            self.add(name)

    def add(self, name: str, events: tuple[str, ...] = ("attention", "exit")) -> None:
        self.run_now(users.add, name, name=name, provider="test", now=NOW)
        self.run_now(notifications.put_ntfy, name, topic=f"of-{name}", token="", events=events)

    def call(self, number: object = 1, user_id: str = "ann", **fields: str) -> None:
        self.notifier.called(record(user_id), Call("0a1b2c3d", **{"nonce": str(number), **fields}))


class WhoTests(NotifierCase):
    def test_the_owner(self) -> None:
        self.call()
        self.assertEqual(self.ntfy.told, ["of-ann"])

    def test_and_who_has_it_open(self) -> None:
        self.call(controller="eve")
        self.assertEqual(self.ntfy.told, ["of-ann", "of-eve"])
        self.call(2, controller="ann")
        self.assertEqual(self.ntfy.told[2:], ["of-ann"], "once, where both are one")

    def test_nobody_who_does_not_want_it(self) -> None:
        self.add("bob", events=("exit",))
        self.call(user_id="bob")
        self.assertEqual(self.ntfy.told, [])
        self.call(user_id="bob", kind=EXIT)
        self.call(user_id="nobody")
        self.assertEqual(self.ntfy.told, ["of-bob"])

    def test_once_for_an_episode_whichever_node_tells(self) -> None:
        for _ in range(5):
            self.call("same")
            self.notifier.called(record(), Call("0a1b2c3d", kind=EXIT))
        self.assertEqual(len(self.ntfy.sent), 2)
        for _ in range(3):
            self.notifier.called(record(), Call("0a1b2c3d"))
        self.assertEqual(len(self.ntfy.sent), 5, "without a nonce each is a new one")


class QueueTests(NotifierCase):
    def test_of_one_user_one_after_the_other(self) -> None:
        self.ntfy.held = []
        for number in range(3):
            self.call(number, agent=str(number))
        self.assertEqual(len(self.ntfy.sent), 1)
        for so_far in (2, 3, 3):
            self.ntfy.release()
            self.assertEqual(len(self.ntfy.sent), so_far)
        self.assertEqual([notice.title[0] for _to, notice in self.ntfy.sent], ["0", "1", "2"])

    def test_who_is_slow_delays_nobody_else(self) -> None:
        self.ntfy.held = []
        for number in range(3):
            self.call(number)
        self.call(user_id="eve")
        self.assertEqual(self.ntfy.told, ["of-ann", "of-eve"])

    def test_so_many_at_a_time(self) -> None:
        self.ntfy.held = []
        for number in range(NOTIFICATION_WORKERS + 5):
            self.add(f"user-{number}")
            self.call(user_id=f"user-{number}")
        self.assertEqual(len(self.ntfy.sent), NOTIFICATION_WORKERS)
        self.ntfy.release()
        self.assertEqual(len(self.ntfy.sent), NOTIFICATION_WORKERS + 5)

    def test_the_queue_is_bounded(self) -> None:
        self.ntfy.held = []
        for number in range(MAX_WAITING_NOTIFICATIONS + 50):
            self.call(number)
        self.assertEqual(sum(map(len, self.notifier._waiting.values())), MAX_WAITING_NOTIFICATIONS)
        self.assertEqual(self.notifier.dropped, 49)

    def test_a_flood_of_calls_is_not_a_flood_of_notifications(self) -> None:
        for number in range(200):
            self.call(number)
        self.assertEqual(len(self.ntfy.sent), NOTIFICATIONS_PER_ACCOUNT)
        self.call(user_id="eve")
        self.assertEqual(self.ntfy.told[-1], "of-eve")
        self.clock.advance(NOTIFICATION_WINDOW_SECONDS)
        self.call("later")
        self.assertEqual(len(self.ntfy.sent), NOTIFICATIONS_PER_ACCOUNT + 2)

    def test_what_is_said_again_uses_up_nothing(self) -> None:
        for _ in range(200):
            self.call("same")
        self.call("new")
        self.assertEqual(len(self.ntfy.sent), 2)

    def test_what_fails_is_over(self) -> None:
        for why in (TemporarilyUnavailable("away"), PeerError("refused")):
            self.ntfy.failure = why
            self.call(str(why))
        self.assertEqual(self.flushLoggedErrors(), [])
        self.ntfy.failure = ZeroDivisionError()
        self.call("bug")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.ntfy.failure = None
        self.call("good")
        self.assertEqual(len(self.ntfy.sent), 4)

    def test_a_database_that_is_busy_loses_a_notification_and_nothing_else(self) -> None:
        self.direct.refusing = True
        self.call()
        self.direct.refusing = False
        self.assertEqual(self.ntfy.sent, [])
        self.call()
        self.assertEqual(len(self.ntfy.sent), 1)

    def test_at_the_end(self) -> None:
        self.ntfy.held = []
        for number in range(5):
            self.call(number)
        self.notifier.stop()
        self.call(user_id="eve")
        self.assertEqual((len(self.ntfy.sent), self.notifier._at_work), (1, {}))

    def subscribe(self, browsers: int) -> None:
        login = self.run_now(login_sessions.create, "ann", now=NOW, randomness=counting())
        for number in range(browsers):
            self.run_now(
                notifications.subscribe,
                "ann",
                session=digest(login),
                endpoint=f"https://push.example/{number}",
                p256dh="k",
                auth="a",
                agent="",
                now=NOW + number,
            )
        self.run_now(notifications.put_push_events, "ann", ("attention",))

    def test_all_services_at_once(self) -> None:
        """Else twenty that answer nothing hold a worker twenty times as long, and a few users hold all."""
        self.subscribe(3)
        self.ntfy.held, self.push.held = [], []
        self.call()
        self.assertEqual((len(self.ntfy.sent), len(self.push.sent)), (1, 3))
        self.call(2)
        self.push.release()
        self.assertEqual(len(self.ntfy.sent), 1, "the next call waits for all of them")
        self.ntfy.release()
        self.assertEqual(len(self.ntfy.sent), 2)
        self.notifier.stop()
        self.assertEqual(self.notifier._at_work, {})

    def test_every_browser_whatever_becomes_of_ntfy(self) -> None:
        self.subscribe(3)
        self.ntfy.failure = self.push.failure = TemporarilyUnavailable("away")
        self.call()
        self.assertEqual(self.push.told, [f"https://push.example/{number}" for number in range(3)])
        self.call(kind=EXIT)
        self.assertEqual((len(self.ntfy.sent), len(self.push.sent)), (2, 3), "each way has its own events")


class WordsTests(NotifierCase):
    def test_the_wings_name_is_in_it(self) -> None:
        self.run_now(labels.put, "ann", WING, "laptop")
        self.call(agent="claude", folder="/home/ann/work")
        self.assertEqual(
            self.ntfy.sent[0][1],
            Notice(
                title="claude wants your attention",
                body="work on laptop",
                url="https://wt.example/app/#s/0a1b2c3d",
                tag="#s/0a1b2c3d",
                urgent=True,
            ),
        )

    def test_what_is_not_known(self) -> None:
        for call, label, title, body in (
            (Call("s1"), "", "A terminal wants your attention", "Terminal s1"),
            (Call("s1", kind=EXIT, agent="bash"), "", "bash has ended", "Terminal s1"),
            (Call("s1"), "laptop", "A terminal wants your attention", "laptop"),
            (Call("s1", folder="C:\\Users\\ann\\shop\\"), "", "A terminal wants your attention", "shop"),
            (Call("s1", folder="/"), "", "A terminal wants your attention", "Terminal s1"),
        ):
            notice = notice_of(call, label, "https://wt.example")
            self.assertEqual((notice.title, notice.body), (title, body))

    def test_nothing_that_a_wing_says_looks_like_something_else(self) -> None:
        call = Call("s1", agent="\u202eevil\n\x1b[31m" + "x" * 1000, folder="/a/\u2066b\r\nc" + "y" * 1000)
        notice = notice_of(call, "", "https://wt.example")
        self.assertTrue(notice.title.startswith("evil[31mxxx"), notice.title)
        self.assertTrue(notice.body.startswith("bcyyy"), notice.body)
        self.assertLess(len(notice.title) + len(notice.body), 200)

    def test_of_the_path_only_the_last_part_is_kept(self) -> None:
        self.assertEqual(Call("s1", folder="/home/ann/secret-customer/work").folder, "work")

    def test_a_trial(self) -> None:
        self.assertEqual(trial_notice("https://wt.example").url, "https://wt.example/app/")
