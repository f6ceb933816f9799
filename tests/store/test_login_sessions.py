"""Login sessions: stored as hashes, counted from their last use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.errors import NotFound
from wingthing.store import login_sessions, revocations, users
from wingthing.wire.gossip import Revoked, RevokedKind
from wingthing.wire.limits import LOGIN_SESSION_SECONDS, LOGIN_TOUCH_SECONDS, SESSION_CACHE_SECONDS

NOW = 1_800_000_000.0


class LoginSessionsTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_now(users.ensure, "ann", name="Ann", provider="test", now=NOW)
        self.randomness = counting()

    def create(self, now: float = NOW) -> str:
        return self.run_now(login_sessions.create, "ann", now=now, randomness=self.randomness)

    def find(self, token: str, now: float) -> tuple[str, bool] | None:
        return self.run_now(login_sessions.find, digest(token), now=now)

    def test_a_token_has_256_bits_and_is_stored_nowhere(self) -> None:
        sizes: list[int] = []

        def randomness(size: int) -> bytes:
            sizes.append(size)
            return bytes(range(size))

        token = self.run_now(login_sessions.create, "ann", now=NOW, randomness=randomness)
        self.assertEqual(sizes, [32])
        self.assertEqual(len(token), 43)
        self.direct.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for file in self.folder.iterdir():
            self.assertNotIn(token.encode(), file.read_bytes(), file.name)

    def test_it_is_found_until_thirty_days_after_its_last_use(self) -> None:
        token = self.create()
        self.assertEqual(self.find(token, NOW), ("ann", False))
        self.assertIsNotNone(self.find(token, NOW + LOGIN_SESSION_SECONDS))
        self.assertIsNone(self.find(token, NOW + LOGIN_SESSION_SECONDS + 1))

    def test_use_makes_it_last(self) -> None:
        token = self.create()
        for day in range(1, 100):
            now = NOW + day * 24 * 3600
            self.assertEqual(self.find(token, now), ("ann", True))
            self.run_now(login_sessions.touch, digest(token), now=now)
            self.assertEqual(self.find(token, now), ("ann", False))

    def test_use_is_noted_once_an_hour_at_most(self) -> None:
        token = self.create()
        self.assertEqual(self.find(token, NOW + LOGIN_TOUCH_SECONDS - 1), ("ann", False))
        self.assertEqual(self.find(token, NOW + LOGIN_TOUCH_SECONDS), ("ann", True))

    def test_logging_out_ends_this_session_alone(self) -> None:
        first, second = self.create(), self.create()
        self.run_now(login_sessions.end, digest(first), now=NOW)
        self.assertIsNone(self.find(first, NOW))
        self.assertIsNotNone(self.find(second, NOW))

    def test_an_end_is_noted_for_nodes_that_believed_it(self) -> None:
        token = self.create()
        self.run_now(login_sessions.end, digest(token), now=NOW)
        until = NOW + login_sessions.REMEMBER_ENDED_SECONDS
        event = Revoked(kind=RevokedKind.LOGIN, subject=digest(token), at=NOW, until=until)
        self.assertEqual(self.run_now(revocations.since, 0, now=NOW), (1, [event]))
        for gone in (token, "nothing"):
            self.run_now(login_sessions.end, digest(gone), now=NOW)
        self.assertEqual(self.run_now(revocations.latest), 1, "what was no session is not told")
        self.assertGreater(login_sessions.REMEMBER_ENDED_SECONDS, SESSION_CACHE_SECONDS)

    def test_everywhere_at_once(self) -> None:
        self.run_now(users.ensure, "bob", name="Bob", provider="test", now=NOW)
        mine = [self.create(), self.create()]
        his = self.run_now(login_sessions.create, "bob", now=NOW, randomness=self.randomness)
        self.run_now(login_sessions.end_all, "ann", now=NOW)
        self.assertEqual([self.find(token, NOW) for token in mine], [None, None])
        self.assertEqual(self.find(his, NOW), ("bob", False))
        _latest, events = self.run_now(revocations.since, 0, now=NOW)
        self.assertEqual({event.subject for event in events}, {digest(token) for token in mine})

    def sessions(self, current: str = "", now: float = NOW) -> list[login_sessions.LoginSession]:
        return self.run_now(login_sessions.of_user, "ann", digest(current), now=now)

    def test_the_list_says_where_each_was_used_last(self) -> None:
        laptop = self.create()
        phone = self.run_now(
            login_sessions.create,
            "ann",
            now=NOW + 1,
            randomness=self.randomness,
            address="192.0.2.1",
            agent="Firefox 128 on Android",
        )
        places = [(s.current, s.used_at, s.address, s.agent) for s in self.sessions(laptop)]
        self.assertEqual(
            places, [(False, NOW + 1, "192.0.2.1", "Firefox 128 on Android"), (True, NOW, "", "")]
        )
        self.run_now(login_sessions.touch, digest(phone), now=NOW + 2, address="192.0.2.2")
        (first, _other) = self.sessions()
        self.assertEqual(
            (first.used_at, first.address, first.agent),
            (NOW + 2, "192.0.2.2", "Firefox 128 on Android"),
            "what is not known is left as it was",
        )

    def test_the_list_has_what_counts_alone(self) -> None:
        self.create()
        self.assertEqual(len(self.sessions(now=NOW + LOGIN_SESSION_SECONDS)), 1)
        self.assertEqual(self.sessions(now=NOW + LOGIN_SESSION_SECONDS + 1), [])

    def test_an_id_is_neither_the_token_nor_its_hash_nor_a_part_of_them(self) -> None:
        token = self.create()
        (session,) = self.sessions()
        self.assertEqual(len(session.id), login_sessions.ID_CHARS)
        for secret in (token, digest(token)):
            self.assertNotIn(session.id, secret)
        for known in (session.id, digest(session.id)):
            self.assertIsNone(self.find(known, NOW))
            self.assertIsNone(self.run_now(login_sessions.find, known, now=NOW))

    def test_ending_one_by_its_id(self) -> None:
        first, second = self.create(), self.create()
        ended = self.run_now(login_sessions.end_one, "ann", login_sessions.public_id(digest(first)), now=NOW)
        self.assertEqual(ended, digest(first))
        self.assertEqual((self.find(first, NOW), self.find(second, NOW)), (None, ("ann", False)))
        self.run_now(users.ensure, "bob", name="Bob", provider="test", now=NOW)
        hers = login_sessions.public_id(digest(second))
        for user_id, session_id in (("bob", hers), ("ann", digest(second)), ("ann", ""), ("ann", "\u00e9")):
            self.assertRaises(NotFound, self.run_now, login_sessions.end_one, user_id, session_id, now=NOW)
        self.assertIsNotNone(self.find(second, NOW))

    def test_ending_all_but_one(self) -> None:
        first, second, third = (self.create() for _ in range(3))
        number = self.run_now(login_sessions.end_others, "ann", digest(second), now=NOW)
        self.assertEqual(number, 2)
        self.assertEqual([self.find(token, NOW) for token in (first, second, third)][::2], [None, None])
        self.assertIsNotNone(self.find(second, NOW))

    def test_dead_sessions_are_cleared_away_by_the_next_login(self) -> None:
        self.create()
        self.create(NOW + LOGIN_SESSION_SECONDS + 1)
        count = self.direct.connection.execute("SELECT count(*) FROM login_sessions").fetchone()[0]
        self.assertEqual(count, 1)

    @given(st.text(max_size=60))
    def test_nothing_else_is_a_session(self, guess: str) -> None:
        self.create()
        for attempt in (guess, f"{guess}' OR '1'='1", "%"):
            self.assertIsNone(self.find(attempt, NOW))

    def test_the_hash_itself_is_no_key(self) -> None:
        token = self.create()
        self.assertIsNone(self.find(digest(token), NOW))
