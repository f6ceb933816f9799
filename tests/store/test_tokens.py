"""Which tokens were given out, and which of them count no more."""

from __future__ import annotations

import sqlite3

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotFound
from wingthing.store import login_sessions, revocations, tokens, users
from wingthing.store.tokens import IssuedToken
from wingthing.wire.gossip import Revoked, RevokedKind
from wingthing.wire.limits import DEVICE_TOUCH_SECONDS, TOKEN_LIFETIME_SECONDS

NOW = 1_800_000_000.5


def token(jti: str, user_id: str = "ann", issued: int = int(NOW) - 100, wing: str = "") -> WingToken:
    return WingToken(user_id, issued, issued + 1000, jti=jti, wing=wing)


class TokensTests(StoreCase):
    def note(self, *noted: WingToken) -> None:
        for each in noted:
            self.run_now(tokens.issued, each)

    def counts(self, each: WingToken) -> bool:
        return not self.run_now(tokens.revoked, each)

    def told(self) -> list[Revoked]:
        return self.run_now(revocations.since, 0, now=NOW)[1]

    def test_one_is_revoked_and_the_others_go_on(self) -> None:
        one, two = token("one"), token("two")
        self.note(one, two)
        self.run_now(tokens.revoke, "ann", "one", now=NOW)
        self.assertEqual((self.counts(one), self.counts(two)), (False, True))
        self.assertEqual(
            self.told(),
            [Revoked(kind=RevokedKind.TOKEN, subject="one", at=NOW, until=one.expires_at)],
        )

    def test_one_that_this_server_has_not_given_out_is_not_revoked(self) -> None:
        for jti in ("unknown", "", "' OR '1'='1"):
            self.assertTrue(self.counts(token(jti)))

    def test_only_its_user_and_only_once(self) -> None:
        self.note(token("one"))
        for user_id, jti in (("eve", "one"), ("ann", "nothing"), ("ann", ""), ("ann", "%")):
            self.assertRaises(NotFound, self.run_now, tokens.revoke, user_id, jti, now=NOW)
        self.assertTrue(self.counts(token("one")))
        self.run_now(tokens.revoke, "ann", "one", now=3.0)
        self.assertRaises(NotFound, self.run_now, tokens.revoke, "ann", "one", now=4.0)
        rows = self.direct.connection.execute("SELECT revoked_at FROM tokens").fetchall()
        self.assertEqual((rows, len(self.told())), ([(3.0,)], 1))

    def test_a_name_is_given_once(self) -> None:
        self.note(token("one"))
        self.assertRaises(sqlite3.IntegrityError, self.run_now, tokens.issued, token("one", "eve"))

    def test_a_user_of_another_node_may_have_one(self) -> None:
        self.note(token("one", "somebody-elsewhere"))
        self.assertTrue(self.counts(token("one", "somebody-elsewhere")))

    def test_the_list_has_those_that_count_the_newest_first(self) -> None:
        old, new, ended = (
            token("old", issued=10),
            token("new", issued=20, wing="w"),
            token("ended", issued=15),
        )
        self.note(old, new, ended, token("hers", "eve"))
        self.run_now(tokens.revoke, "ann", "ended", now=30.0)
        listed = [IssuedToken("new", "w", 20.0, 1020.0), IssuedToken("old", "", 10.0, 1010.0)]
        self.assertEqual(self.run_now(tokens.of_user, "ann", now=30.0), listed)
        self.assertEqual(self.run_now(tokens.of_user, "ann", now=1010.0), listed[:1], "until it expires")

    def used_at(self, user_id: str = "ann") -> dict[str, float]:
        return {each.jti: each.used_at for each in self.run_now(tokens.of_user, user_id, now=NOW)}

    def test_use_is_noted_once_in_a_while(self) -> None:
        one, unnoted = token("one"), token("unnoted")
        self.note(one)
        self.assertEqual(self.used_at(), {"one": 0.0})
        self.assertTrue(self.run_now(tokens.stale, one, now=NOW))
        self.run_now(tokens.touch, "one", now=NOW)
        self.assertEqual(self.used_at(), {"one": NOW})
        self.assertFalse(self.run_now(tokens.stale, one, now=NOW + DEVICE_TOUCH_SECONDS - 1))
        self.assertTrue(self.run_now(tokens.stale, one, now=NOW + DEVICE_TOUCH_SECONDS))
        self.assertFalse(self.run_now(tokens.stale, unnoted, now=NOW), "there is nothing to note it at")
        self.run_now(tokens.touch, "one", now=NOW - 50)
        self.assertEqual(self.used_at(), {"one": NOW}, "a clock that was set back takes nothing away")

    def test_a_machine_that_is_connected_uses_its_newest_token(self) -> None:
        old, new = token("old", issued=int(NOW) - 200, wing="w"), token("new", wing="w")
        ended, other = token("ended", issued=int(NOW) - 50, wing="w"), token("other", wing="x")
        self.note(old, new, ended, other, token("hers", "eve", wing="w"))
        self.run_now(tokens.revoke, "ann", "ended", now=NOW)
        self.run_now(tokens.touch_online, [("ann", "w"), ("ann", "unknown"), ("ann", "")], now=NOW)
        self.assertEqual(self.used_at(), {"old": 0.0, "new": NOW, "other": 0.0})
        self.assertEqual(self.used_at("eve"), {"hers": 0.0})

    def test_one_that_was_revoked_stays_so_when_it_is_forgotten(self) -> None:
        one = token("one", issued=int(NOW))
        self.note(one)
        self.run_now(tokens.revoke, "ann", "one", now=NOW)
        self.direct.connection.execute("DELETE FROM tokens")
        self.assertFalse(self.counts(one))
        self.assertTrue(self.counts(token("two", issued=int(NOW))))
        self.assertTrue(self.counts(token("", issued=int(NOW))))

    def test_revoking_all_takes_those_that_were_not_noted_too(self) -> None:
        one, two, unnoted = token("one"), token("two"), token("unnoted")
        nameless, hers = token(""), token("hers", "eve")
        self.note(one, two, hers)
        self.assertEqual(self.run_now(tokens.revoke_all, "ann", now=NOW), 2)
        for each in (one, two, unnoted, nameless):
            self.assertFalse(self.counts(each), each.jti)
        self.assertTrue(self.counts(hers))
        told = {(event.kind, event.subject) for event in self.told()}
        names = {(RevokedKind.TOKEN, "one"), (RevokedKind.TOKEN, "two")}
        self.assertEqual(told, names | {(RevokedKind.TOKENS, "ann")})
        until = max(event.until for event in self.told())
        self.assertEqual(until, NOW + TOKEN_LIFETIME_SECONDS, "no token of theirs lives longer")

    def test_logging_out_everywhere_ends_browsers_too(self) -> None:
        self.run_now(users.ensure, "ann", name="Ann", provider="test", now=NOW)
        cookie = self.run_now(login_sessions.create, "ann", now=NOW, randomness=counting())
        made = token("one")
        self.note(made)
        self.run_now(tokens.revoke_everything, "ann", now=NOW)
        self.assertFalse(self.counts(made))
        self.assertIsNone(self.run_now(login_sessions.find, digest(cookie), now=NOW))

    def test_one_made_in_the_same_second_afterwards_counts(self) -> None:
        self.run_now(tokens.revoke_all, "ann", now=NOW)
        for jti, noted in (("fresh", True), ("elsewhere", False)):
            made = token(jti, issued=int(NOW))
            if noted:
                self.note(made)
            self.assertTrue(self.counts(made), jti)
        self.assertFalse(self.counts(token("before", issued=int(NOW) - 1)))

    def test_one_made_in_the_same_second_before_does_not_when_it_was_noted(self) -> None:
        made = token("just now", issued=int(NOW))
        self.note(made)
        self.run_now(tokens.revoke_all, "ann", now=NOW)
        self.assertFalse(self.counts(made))
