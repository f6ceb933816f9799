"""Who is notified of what, and that nobody is told twice."""

from __future__ import annotations

from itertools import count

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.store import labels, login_sessions, notifications, users
from wingthing.store.notifications import Ntfy
from wingthing.wire.account_limits import EPISODE_SECONDS, MAX_PUSH_SUBSCRIPTIONS
from wingthing.wire.limits import LOGIN_SESSION_SECONDS

NOW = 1_800_000_000.0
WING = "a1b2c3d4e5f6a1b2c3d4e5f6"


class NotificationsCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("ann", "eve"):
            self.run_now(users.add, name, name=name, provider="test", now=NOW)
        self._numbers = count(1)
        self.randomness = counting()
        self.sessions = {name: self.log_in(name) for name in ("ann", "eve")}

    def log_in(self, user_id: str, now: float = NOW) -> str:
        """The hash of a new session."""
        made = self.run_now(login_sessions.create, user_id, now=now, randomness=self.randomness)
        return digest(made)

    def subscribe(self, user_id: str = "ann", endpoint: str = "https://push.example/1", **keys: str) -> str:
        return self.run_now(
            notifications.subscribe,
            user_id,
            session=keys.get("session", self.sessions[user_id]),
            endpoint=endpoint,
            p256dh=keys.get("p256dh", "key"),
            auth=keys.get("auth", "auth"),
            agent="Firefox",
            now=NOW + next(self._numbers),
        )

    def browsers(self, user_id: str = "ann", now: float = NOW) -> list[str]:
        return [each.endpoint for each in self.run_now(notifications.subscriptions, user_id, now=now)]

    def put_ntfy(
        self, token: str | None = "", events: tuple[str, ...] = ("attention",), topic: str = "t"
    ) -> None:
        self.run_now(notifications.put_ntfy, "ann", topic=topic, token=token, events=events)

    def begin(
        self, event: str = "attention", *episode: str, user_id: str = "ann", now: float = NOW
    ) -> notifications.Targets | None:
        return self.run_now(notifications.begin, user_id, event, WING, episode, now=now)


class NtfyTests(NotificationsCase):
    def test_set_changed_and_forgotten(self) -> None:
        self.assertIsNone(self.run_now(notifications.ntfy_of, "ann"))
        self.put_ntfy("secret")
        self.assertEqual(self.run_now(notifications.ntfy_of, "ann"), Ntfy("t", "secret", ("attention",)))
        self.put_ntfy(None, ("exit",), topic="u")
        self.assertEqual(self.run_now(notifications.ntfy_of, "ann"), Ntfy("u", "secret", ("exit",)))
        self.put_ntfy("")
        self.assertEqual(self.run_now(notifications.ntfy_of, "ann"), Ntfy("t", "", ("attention",)))
        self.assertIsNone(self.run_now(notifications.ntfy_of, "eve"))
        self.run_now(notifications.delete_ntfy, "ann")
        self.assertIsNone(self.run_now(notifications.ntfy_of, "ann"))
        self.put_ntfy(None)
        self.assertEqual(
            self.run_now(notifications.ntfy_of, "ann"), Ntfy("t", "", ("attention",)), "no old token"
        )

    def test_a_token_is_not_shown(self) -> None:
        self.assertNotIn("secret", repr(Ntfy("t", "secret")))


class SubscriptionTests(NotificationsCase):
    def test_of_each_user_their_own(self) -> None:
        first, second = self.subscribe(), self.subscribe(endpoint="https://push.example/2")
        self.assertNotEqual(first, second)
        self.assertEqual(self.browsers(), ["https://push.example/1", "https://push.example/2"])
        self.assertEqual(self.browsers("eve"), [])
        self.assertRaises(NotFound, self.run_now, notifications.unsubscribe, "eve", first)
        self.run_now(notifications.unsubscribe, "ann", first)
        self.assertEqual(self.browsers(), ["https://push.example/2"])
        self.assertRaises(NotFound, self.run_now, notifications.unsubscribe, "ann", first)

    def test_again_is_the_same_with_new_keys(self) -> None:
        self.assertEqual(self.subscribe(), self.subscribe(p256dh="new"))
        (kept,) = self.run_now(notifications.subscriptions, "ann", now=NOW)
        self.assertEqual(kept.p256dh, "new")

    def test_a_browser_goes_along_with_who_logs_in_there(self) -> None:
        self.subscribe()
        self.subscribe("eve")
        self.assertEqual((self.browsers(), self.browsers("eve")), ([], ["https://push.example/1"]))

    def test_but_nobody_takes_one_by_its_address_alone(self) -> None:
        self.subscribe()
        for keys in ({"p256dh": "other"}, {"auth": "other"}):
            why = self.assertRaises(PeerError, self.subscribe, "eve", **keys)
            self.assertEqual(why.status, 409)
        self.assertEqual(self.browsers(), ["https://push.example/1"])

    def test_so_many_and_no_more(self) -> None:
        for number in range(MAX_PUSH_SUBSCRIPTIONS):
            self.subscribe(endpoint=f"https://push.example/{number}")
        why = self.assertRaises(PeerError, self.subscribe, endpoint="https://push.example/more")
        self.assertEqual(why.status, 409)
        self.subscribe(endpoint="https://push.example/0")
        self.subscribe("eve", endpoint="https://push.example/more")
        self.assertEqual(len(self.browsers()), MAX_PUSH_SUBSCRIPTIONS)

    def test_gone(self) -> None:
        subscription_id = self.subscribe()
        self.run_now(notifications.gone, subscription_id, "https://push.example/2")
        self.assertEqual(len(self.browsers()), 1)
        self.run_now(notifications.gone, subscription_id, "https://push.example/1")
        self.assertEqual(self.browsers(), [])

    def test_endpoints_and_keys_are_not_shown(self) -> None:
        self.subscribe()
        (kept,) = self.run_now(notifications.subscriptions, "ann", now=NOW)
        for secret in ("push.example", "'key'", "'auth'"):
            self.assertNotIn(secret, repr(kept))


class LoginTests(NotificationsCase):
    """A browser is told of nothing once it is logged out."""

    def setUp(self) -> None:
        super().setUp()
        self.here, self.there = self.sessions["ann"], self.log_in("ann")
        self.subscribe()
        self.subscribe(endpoint="https://push.example/2", session=self.there)
        self.run_now(notifications.put_push_events, "ann", ("attention",))

    def left(self) -> list[str]:
        rows = self.direct.connection.execute("SELECT endpoint FROM push_subscriptions ORDER BY endpoint")
        return [endpoint for (endpoint,) in rows]

    def test_logged_out(self) -> None:
        self.run_now(login_sessions.end, self.there, now=NOW)
        self.assertEqual(self.left(), ["https://push.example/1"])

    def test_ended_from_another_browser(self) -> None:
        session_id = login_sessions.public_id(self.there)
        self.assertRaises(NotFound, self.run_now, login_sessions.end_one, "eve", session_id, now=NOW)
        self.assertEqual(len(self.left()), 2)
        self.run_now(login_sessions.end_one, "ann", session_id, now=NOW)
        self.assertEqual(self.left(), ["https://push.example/1"])

    def test_all_others_ended(self) -> None:
        self.run_now(login_sessions.end_others, "ann", self.there, now=NOW)
        self.assertEqual(self.left(), ["https://push.example/2"])
        self.run_now(login_sessions.end_all, "ann", now=NOW)
        self.assertEqual(self.left(), [])

    def test_run_out(self) -> None:
        self.run_now(login_sessions.touch, self.there, now=NOW + 60)
        late = NOW + LOGIN_SESSION_SECONDS + 30
        self.assertEqual(self.browsers(now=late), ["https://push.example/2"])
        targets = self.begin(now=late)
        assert targets is not None
        self.assertEqual([each.endpoint for each in targets.subscriptions], ["https://push.example/2"])
        later = late + 60
        self.assertIsNone(self.begin(now=later))
        self.assertFalse(self.run_now(notifications.wants, "ann", "attention", now=later))
        self.log_in("eve", now=later)
        self.assertEqual(self.left(), [], "cleared away with the sessions")

    def test_one_that_has_run_out_is_in_nobodys_way(self) -> None:
        late = NOW + LOGIN_SESSION_SECONDS + 30
        session = self.log_in("eve", now=NOW + 60)
        self.run_now(
            notifications.subscribe,
            "eve",
            session=session,
            endpoint="https://push.example/1",
            p256dh="other",
            auth="other",
            agent="",
            now=late,
        )
        self.assertEqual(self.left(), ["https://push.example/1"])

    def test_a_browser_that_logs_in_again_keeps_it_when_it_says_so(self) -> None:
        again = self.log_in("ann")
        self.subscribe(session=again)
        self.run_now(login_sessions.end, self.here, now=NOW)
        self.assertEqual(self.left(), ["https://push.example/1", "https://push.example/2"])

    def test_none_for_a_session_that_has_ended_or_is_anothers(self) -> None:
        ended = self.log_in("ann")
        self.run_now(login_sessions.end, ended, now=NOW)
        for session in (ended, self.sessions["eve"], "", "nonsense"):
            with self.assertRaises(NotAuthenticated):
                self.subscribe(endpoint="https://push.example/3", session=session)
        self.assertEqual(len(self.left()), 2)


class KeyTests(NotificationsCase):
    def test_one_key_for_ever(self) -> None:
        made = iter(["first", "second"])
        self.assertEqual(self.run_now(notifications.push_key, lambda: next(made)), "first")
        self.assertEqual(self.run_now(notifications.push_key, lambda: next(made)), "first")


class BeginTests(NotificationsCase):
    def test_nobody_who_has_not_asked_is_told(self) -> None:
        self.assertIsNone(self.begin())
        self.subscribe()
        self.assertIsNone(self.begin(), "a browser, and no event")
        self.run_now(notifications.put_push_events, "ann", ("exit",))
        self.assertIsNone(self.begin())
        self.assertFalse(self.run_now(notifications.wants, "ann", "attention", now=NOW))
        self.assertTrue(self.run_now(notifications.wants, "ann", "exit", now=NOW))

    def test_where_each_event_goes(self) -> None:
        self.subscribe()
        self.put_ntfy("secret", ("attention",))
        self.run_now(notifications.put_push_events, "ann", ("attention", "exit"))
        self.run_now(labels.put, "ann", WING, "laptop")
        both, one = self.begin("attention"), self.begin("exit")
        assert both is not None
        assert one is not None
        self.assertEqual((both.ntfy, len(both.subscriptions)), (Ntfy("t", "secret", ("attention",)), 1))
        self.assertEqual((one.ntfy, len(one.subscriptions), one.label), (None, 1, "laptop"))

    def test_an_episode_is_told_once_to_each(self) -> None:
        self.put_ntfy()
        self.run_now(notifications.put_ntfy, "eve", topic="e", token="", events=("attention",))
        self.assertIsNotNone(self.begin("attention", WING, "s", "nonce"))
        self.assertIsNone(self.begin("attention", WING, "s", "nonce"))
        for other in ((WING, "s", "other"), (WING, "t", "nonce"), ("w", "s", "nonce"), (WING, "snon", "ce")):
            self.assertIsNotNone(self.begin("attention", *other), other)
        self.assertIsNotNone(self.begin("attention", WING, "s", "nonce", user_id="eve"))
        self.assertIsNotNone(self.begin(), "without a nonce, each is a new one")
        self.assertIsNotNone(self.begin())

    def test_what_was_not_wanted_is_not_marked_as_told(self) -> None:
        self.assertIsNone(self.begin("attention", WING, "s", "nonce"))
        self.put_ntfy()
        self.assertIsNotNone(self.begin("attention", WING, "s", "nonce"))

    def test_it_is_not_remembered_for_ever(self) -> None:
        self.put_ntfy()
        for number in range(100):
            self.begin("attention", WING, "s", str(number))
        later = NOW + EPISODE_SECONDS + 1
        self.assertIsNotNone(self.begin("attention", WING, "s", "0", now=later))
        count = self.direct.connection.execute("SELECT count(*) FROM notified").fetchone()[0]
        self.assertEqual(count, 1)

    def test_removed_users_are_told_nothing_and_leave_nothing(self) -> None:
        self.put_ntfy("secret")
        self.subscribe()
        self.run_now(notifications.put_push_events, "ann", ("attention",))
        self.run_now(users.remove, "ann", now=NOW)
        self.assertIsNone(self.begin())
        for table in ("ntfy", "push_events", "push_subscriptions"):
            rows = self.direct.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            self.assertEqual(rows, 0, table)
        self.put_ntfy("secret")
        self.assertIsNone(self.begin(), "whatever comes late")
        self.assertIsNone(self.begin(user_id="nobody"))
