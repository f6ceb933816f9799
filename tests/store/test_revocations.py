"""What does not count any more, in order, for as long as somebody may need to hear of it."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.store import revocations
from wingthing.wire.gossip import Revoked, RevokedKind

NOW = 1_800_000_000.0


class RevocationsTests(StoreCase):
    def note(self, subject: str, kind: RevokedKind = RevokedKind.TOKEN, **times: float) -> Revoked:
        event = Revoked(kind=kind, subject=subject, **{"at": NOW, "until": NOW + 100, **times})
        self.run_now(revocations.note, kind, subject, at=event.at, until=event.until)
        return event

    def since(self, number: int, now: float = NOW) -> tuple[int, list[Revoked]]:
        return self.run_now(revocations.since, number, now=now)

    def test_nothing_yet(self) -> None:
        self.assertEqual((self.run_now(revocations.latest), self.since(0)), (0, (0, [])))

    def test_in_order_and_each_once(self) -> None:
        events = [self.note("x", kind) for kind in RevokedKind]
        latest, told = self.since(0)
        self.assertEqual((latest, told), (len(events), events))
        self.assertEqual(self.since(latest - 1), (latest, events[-1:]))
        self.assertEqual(self.since(latest), (latest, []))

    def test_the_same_again_is_told_again(self) -> None:
        self.note("x")
        self.note("x", at=NOW + 1)
        self.assertEqual([event.at for event in self.since(0)[1]], [NOW, NOW + 1])

    def test_what_nobody_needs_is_not_told_and_then_cleared_away(self) -> None:
        self.note("short", until=NOW + 10)
        long = self.note("long", until=NOW + 100)
        self.assertEqual(len(self.since(0, NOW + 10)[1]), 2)
        self.assertEqual(self.since(0, NOW + 11), (2, [long]))
        self.note("later", at=NOW + 11)
        rows = self.direct.connection.execute("SELECT subject FROM revocations ORDER BY id").fetchall()
        self.assertEqual(rows, [("long",), ("later",)])

    def test_no_number_is_given_twice(self) -> None:
        """Who has seen number one must hear of what comes after all the old ones are cleared away."""
        self.note("old", until=NOW + 1)
        seen = self.run_now(revocations.latest)
        self.run_now(lambda cursor: cursor.execute("DELETE FROM revocations"))
        self.assertEqual(self.run_now(revocations.latest), seen)
        new = self.note("new", at=NOW + 50)
        self.assertEqual(self.since(seen, NOW + 50), (seen + 1, [new]))

    def test_when_all_tokens_of_a_user_were_revoked_last(self) -> None:
        self.assertIsNone(self.run_now(revocations.tokens_revoked_at, "ann"))
        for subject, kind, at in (
            ("ann", RevokedKind.TOKENS, NOW + 2),
            ("ann", RevokedKind.TOKENS, NOW + 1),
            ("ann", RevokedKind.USER, NOW + 9),
            ("eve", RevokedKind.TOKENS, NOW + 8),
        ):
            self.note(subject, kind, at=at, until=NOW + 1000)
        self.assertEqual(self.run_now(revocations.tokens_revoked_at, "ann"), NOW + 2)
