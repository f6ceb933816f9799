"""Sign-ins under way: each counts once, in time, and in the browser that began it."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.store import sign_ins
from wingthing.store.sign_ins import MailLink, Started
from wingthing.wire.account_limits import MAIL_LINK_SECONDS, SIGN_IN_SECONDS


class StartedTests(StoreCase):
    def start(self, state: str = "s", browser: str = "b", provider: str = "github", now: float = 0.0) -> None:
        self.run_now(
            sign_ins.start,
            state=state,
            browser=browser,
            provider=provider,
            next_path="/app/",
            link_login="digest",
            now=now,
        )

    def finish(
        self, state: str = "s", browser: str = "b", provider: str = "github", now: float = 1.0
    ) -> Started | None:
        return self.run_now(sign_ins.finish, state=state, browser=browser, provider=provider, now=now)

    def test_it_counts_once(self) -> None:
        self.start()
        self.assertEqual(self.finish(), Started("github", "/app/", "digest"))
        self.assertIsNone(self.finish())

    def test_only_all_of_it_counts_and_what_is_wrong_spends_it(self) -> None:
        for wrong in ({"browser": "x"}, {"provider": "oidc"}, {"now": float(SIGN_IN_SECONDS)}):
            self.start()
            self.assertIsNone(self.finish(**wrong))  # type: ignore[arg-type]
            self.assertIsNone(self.finish())
        self.start()
        self.assertIsNone(self.finish(state="x"))
        self.assertIsNotNone(self.finish(), "an unknown state says nothing about another")

    def test_nothing_that_the_browser_holds_is_kept(self) -> None:
        self.start(state="the-state", browser="the-browser")
        kept = str(self.direct.connection.execute("SELECT * FROM sign_ins").fetchall())
        self.assertNotIn("the-", kept)

    def test_the_old_ones_go(self) -> None:
        self.patch(sign_ins, "MAX_WAITING_SIGN_INS", 2)
        for number in range(4):
            self.start(state=str(number), now=float(number))
        self.assertIsNone(self.finish(state="1"))
        self.assertIsNotNone(self.finish(state="2"))
        self.start(state="late", now=2.0 * SIGN_IN_SECONDS)
        left = self.direct.connection.execute("SELECT count(*) FROM sign_ins").fetchone()[0]
        self.assertEqual(left, 1)


class MailLinkTests(StoreCase):
    def send(self, token: str, email: str = "ann@example.org", user_id: str = "", now: float = 0.0) -> None:
        self.run_now(
            sign_ins.send_link, token=token, email=email, next_path="/app/", user_id=user_id, now=now
        )

    def test_looking_does_not_spend_it(self) -> None:
        self.send("t")
        for _ in range(2):
            self.assertEqual(
                self.run_now(sign_ins.link, "t", now=1.0), MailLink("ann@example.org", "/app/", "")
            )
        self.assertIsNotNone(self.run_now(sign_ins.spend_link, "t", now=1.0))
        for query in (sign_ins.link, sign_ins.spend_link):
            self.assertIsNone(self.run_now(query, "t", now=1.0))

    def test_it_ends_with_time_and_with_its_like(self) -> None:
        self.send("old")
        for query in (sign_ins.link, sign_ins.spend_link):
            self.assertIsNone(self.run_now(query, "old", now=float(MAIL_LINK_SECONDS)))
        self.send("one", now=1.0)
        self.send("two", now=1.0)
        self.send("linking", user_id="ann", now=1.0)
        self.send("bobs", email="bob@example.org", now=1.0)
        self.run_now(sign_ins.spend_link, "one", now=2.0)
        self.assertIsNone(self.run_now(sign_ins.link, "two", now=2.0))
        self.assertIsNotNone(self.run_now(sign_ins.link, "linking", now=2.0))
        self.assertIsNotNone(self.run_now(sign_ins.link, "bobs", now=2.0))
        self.send("late", now=2.0 + MAIL_LINK_SECONDS)
        left = self.direct.connection.execute("SELECT count(*) FROM mail_links").fetchone()[0]
        self.assertEqual(left, 1)

    def test_the_token_is_not_kept(self) -> None:
        self.send("the-token")
        self.assertNotIn(
            "the-token", str(self.direct.connection.execute("SELECT * FROM mail_links").fetchall())
        )
