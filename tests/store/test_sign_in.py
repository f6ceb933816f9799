"""Who is who: methods and addresses become accounts, and no account becomes another's."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase, counting
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.store import audit, login_sessions, sign_in, tokens, users
from wingthing.store.sign_in import Entered, Vouched
from wingthing.wire.account_limits import MAX_METHODS

GITHUB, GOOGLE = "github", "google"


class SignInCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.ids = count(1)

    def vouched(self, email: str, provider: str = GITHUB, subject: str = "", issuer: str = "") -> Vouched:
        issuer = issuer or ("" if provider == sign_in.EMAIL else f"https://{provider}.example")
        subject = subject or (email if provider == sign_in.EMAIL else f"subject of {email}")
        return Vouched(provider, issuer, subject, email, "Name", "https://pictures.example/1")

    def enter(self, vouched: Vouched, now: float = 1.0) -> Entered:
        number = next(self.ids)
        return self.run_now(sign_in.enter, vouched, user_id=f"u{number}", method_id=f"m{number}", now=now)

    def link(self, vouched: Vouched, user_id: str) -> None:
        self.run_now(sign_in.link, vouched, user_id=user_id, method_id=f"m{next(self.ids)}", now=1.0)

    def emails(self, user_id: str) -> list[str]:
        return [method.email for method in self.run_now(sign_in.of_user, user_id)]

    def address(self, user_id: str) -> str:
        user = self.run_now(users.find, user_id)
        assert user is not None
        return user.email


class EnterTests(SignInCase):
    def test_a_new_account_then_the_same(self) -> None:
        first = self.enter(self.vouched("ann@example.org"))
        self.assertEqual((first.new, first.linked, first.user.id), (True, True, "u1"))
        self.assertEqual(
            (first.user.display_name, first.user.email, first.user.provider, first.user.avatar_url),
            ("Name", "ann@example.org", GITHUB, "https://pictures.example/1"),
        )
        again = self.enter(self.vouched("ann@example.org"), now=5.0)
        self.assertEqual((again.new, again.linked, again.user.id), (False, False, "u1"))
        (method,) = self.run_now(sign_in.of_user, "u1")
        self.assertEqual((method.linked_at, method.used_at), (1.0, 5.0))

    def test_the_same_verified_address_is_the_same_account(self) -> None:
        self.enter(self.vouched("ann@example.org"))
        other = self.enter(self.vouched("ann@example.org", GOOGLE))
        self.assertEqual((other.new, other.linked, other.user.id), (False, True, "u1"))
        by_mail = self.enter(self.vouched("ann@example.org", sign_in.EMAIL))
        self.assertEqual(by_mail.user.id, "u1")
        self.assertEqual(self.enter(self.vouched("bob@example.org")).user.id, "u4")

    def test_who_was_added_by_the_operator(self) -> None:
        self.run_now(users.add, "ann", name="Ann", email="Ann@Example.org", provider="operator", now=0.0)
        self.assertEqual(self.enter(self.vouched("ann@example.org")).user.id, "ann")

    def test_the_same_subject_of_another_issuer_is_another_person(self) -> None:
        first = self.enter(self.vouched("ann@example.org", "oidc", "1", "https://one.example"))
        other = self.enter(self.vouched("eve@example.org", "oidc", "1", "https://two.example"))
        third = self.enter(self.vouched("eve2@example.org", GITHUB, "1"))
        self.assertEqual(len({first.user.id, other.user.id, third.user.id}), 3)

    def test_an_address_that_changes_takes_no_account_over(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        eve = self.enter(self.vouched("eve@example.org", subject="eve")).user.id
        # At the provider, eve's account has ann's address now.
        taken = self.enter(self.vouched("ann@example.org", subject="eve"))
        self.assertEqual(taken.user.id, eve)
        self.assertEqual((self.address(ann), self.address(eve)), ("ann@example.org", "eve@example.org"))

    def test_an_address_that_changes_is_followed_where_it_is_free(self) -> None:
        ann = self.enter(self.vouched("ann@old.example", subject="ann")).user.id
        self.enter(self.vouched("ann@new.example", subject="ann"))
        self.assertEqual(self.address(ann), "ann@new.example")
        # Who has the old address now is somebody else.
        self.assertNotEqual(self.enter(self.vouched("ann@old.example", GOOGLE)).user.id, ann)

    def test_it_stays_where_another_method_vouches_for_it(self) -> None:
        ann = self.enter(self.vouched("ann@example.org", subject="ann")).user.id
        self.enter(self.vouched("ann@example.org", sign_in.EMAIL))
        self.enter(self.vouched("ann@new.example", subject="ann"))
        self.assertEqual(self.address(ann), "ann@example.org")

    def test_what_a_provider_once_said_of_a_linked_account_opens_nothing(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        self.link(self.vouched("second@example.org", GOOGLE), ann)
        self.assertNotEqual(self.enter(self.vouched("second@example.org", "oidc")).user.id, ann)

    def test_an_address_that_was_linked_by_mail_does(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        self.link(self.vouched("second@example.org", sign_in.EMAIL), ann)
        self.assertEqual(self.enter(self.vouched("second@example.org", GOOGLE)).user.id, ann)

    def test_a_removed_user_is_not_found_again(self) -> None:
        self.enter(self.vouched("ann@example.org"))
        self.run_now(users.remove, "u1", now=2.0)
        self.assertEqual(self.run_now(sign_in.of_user, "u1"), [])
        self.assertEqual(self.enter(self.vouched("ann@example.org")).user.id, "u2")

    @given(st.text(min_size=1, max_size=20), st.text(max_size=20))
    def test_no_text_ever_becomes_a_statement(self, subject: str, name: str) -> None:
        vouched = Vouched("oidc", "https://x.example", subject, "ann@example.org", name)
        self.direct.connection.execute("SAVEPOINT one_example")
        try:
            cursor = self.direct.connection.cursor()
            first = sign_in.enter(cursor, vouched, user_id="u", method_id="m", now=1.0)
            again = sign_in.enter(cursor, vouched, user_id="v", method_id="n", now=1.0)
            self.assertEqual((first.user.id, again.user.id, again.user.display_name), ("u", "u", name))
        finally:
            self.direct.connection.execute("ROLLBACK TO one_example")
            self.direct.connection.execute("RELEASE one_example")


class LinkTests(SignInCase):
    def test_one_more_way_in(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        self.link(self.vouched("other@example.org", GOOGLE), ann)
        self.link(self.vouched("other@example.org", GOOGLE), ann)
        self.assertEqual(self.emails(ann), ["ann@example.org", "other@example.org"])
        self.assertEqual(self.enter(self.vouched("other@example.org", GOOGLE)).user.id, ann)
        self.assertEqual(self.address(ann), "ann@example.org")

    def test_not_one_of_another_account(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        eve = self.enter(self.vouched("eve@example.org")).user.id
        with self.assertRaises(PeerError) as refused:
            self.link(self.vouched("ann@example.org"), eve)
        self.assertEqual(refused.exception.status, 409)
        self.assertEqual((self.emails(ann), self.emails(eve)), (["ann@example.org"], ["eve@example.org"]))

    def test_an_account_that_is_deleted_while_somebody_is_at_a_provider(self) -> None:
        """Else the provider's account would belong to nobody for ever, and let nobody in."""
        ann = self.enter(self.vouched("ann@example.org")).user.id
        self.run_now(users.remove, ann, now=2.0)
        with self.assertRaises(NotAuthenticated):
            self.link(self.vouched("other@example.org", GOOGLE), ann)
        self.assertEqual(self.run_now(sign_in.of_user, ann), [])
        entered = self.enter(self.vouched("other@example.org", GOOGLE))
        self.assertTrue(entered.new)

    def test_so_many(self) -> None:
        ann = self.enter(self.vouched("ann@example.org")).user.id
        for number in range(MAX_METHODS - 1):
            self.link(self.vouched(f"ann{number}@example.org"), ann)
        with self.assertRaises(PeerError):
            self.link(self.vouched("more@example.org"), ann)


class UnlinkTests(SignInCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter(self.vouched("ann@example.org")).user.id

    def unlink(self, email: str, user_id: str = "") -> None:
        method = next(m for m in self.run_now(sign_in.of_user, self.ann) if m.email == email)
        self.run_now(sign_in.unlink, user_id or self.ann, method.id)

    def test_the_last_one_stays(self) -> None:
        with self.assertRaises(PeerError) as refused:
            self.unlink("ann@example.org")
        self.assertEqual(refused.exception.status, 409)
        self.assertEqual(self.emails(self.ann), ["ann@example.org"])

    def test_only_ones_own(self) -> None:
        eve = self.enter(self.vouched("eve@example.org")).user.id
        self.link(self.vouched("other@example.org", GOOGLE), self.ann)
        self.assertRaises(NotFound, self.unlink, "ann@example.org", eve)
        self.assertRaises(NotFound, self.run_now, sign_in.unlink, self.ann, "nothing")

    def test_the_address_goes_with_its_last_voucher(self) -> None:
        self.link(self.vouched("other@example.org", GOOGLE), self.ann)
        self.unlink("ann@example.org")
        self.assertEqual(self.address(self.ann), "other@example.org")
        self.assertNotEqual(self.enter(self.vouched("ann@example.org")).user.id, self.ann)

    def test_it_stays_as_long_as_there_is_one(self) -> None:
        self.enter(self.vouched("ann@example.org", GOOGLE))
        self.unlink("ann@example.org")
        self.assertEqual(self.address(self.ann), "ann@example.org")

    def test_it_becomes_nobody_elses(self) -> None:
        self.enter(self.vouched("other@example.org"))
        self.link(self.vouched("other@example.org", GOOGLE), self.ann)
        self.unlink("ann@example.org")
        self.assertEqual(self.address(self.ann), "")
        self.assertEqual(self.enter(self.vouched("other@example.org", GOOGLE)).user.id, self.ann)


class LocalTests(SignInCase):
    def test_the_local_users_logins_end_once(self) -> None:
        self.run_now(users.ensure, "local", name="Robin", provider="local", now=0.0)
        cookie = self.run_now(login_sessions.create, "local", now=1.0, randomness=counting())
        self.run_now(tokens.issued, WingToken("local", 1, 100, jti="one"))
        self.run_now(sign_in.end_local, "local", now=2.0)
        self.assertEqual(self.run_now(tokens.of_user, "local", now=2.0), [])
        self.assertEqual(
            self.direct.connection.execute("SELECT count(*) FROM login_sessions").fetchone()[0], 0
        )
        told = self.direct.connection.execute("SELECT count(*) FROM revocations").fetchone()[0]
        self.run_now(sign_in.end_local, "local", now=3.0)
        self.assertEqual(
            self.direct.connection.execute("SELECT count(*) FROM revocations").fetchone()[0], told
        )
        self.assertTrue(cookie)


class NotAllowedTests(SignInCase):
    """Addresses that were taken off the operator's list."""

    allowed = frozenset({"ann@example.org"})

    def end(self, now: float = 9.0) -> int:
        return self.run_now(sign_in.end_not_allowed, self.allowed.__contains__, now=now)

    def log_in(self, user_id: str) -> None:
        """A browser and a machine of theirs."""
        self.run_now(login_sessions.create, user_id, now=1.0, randomness=self.randomness)
        self.run_now(tokens.issued, WingToken(user_id, 1, 100, jti=f"token of {user_id}"))

    def setUp(self) -> None:
        super().setUp()
        self.randomness = counting()
        self.run_now(users.ensure, "local", name="Robin", provider="local", now=0.0)
        self.run_now(
            users.add, "added", name="Added", email="added@example.org", provider="operator", now=0.0
        )
        for email in ("ann@example.org", "eve@example.org", "added@example.org"):
            self.log_in(self.enter(self.vouched(email)).user.id)
        self.log_in("local")

    def logged_in(self) -> set[str]:
        rows = self.direct.connection.execute(
            "SELECT user_id FROM login_sessions INTERSECT SELECT user_id FROM tokens WHERE revoked_at IS NULL"
        )
        return {user_id for (user_id,) in rows}

    def told(self) -> int:
        found: int = self.direct.connection.execute("SELECT count(*) FROM revocations").fetchone()[0]
        return found

    def test_theirs_ends_and_nobody_elses(self) -> None:
        self.assertEqual(self.logged_in(), {"u1", "u2", "added", "local"})
        self.assertEqual(self.end(), 1)
        self.assertEqual(self.logged_in(), {"u1", "added", "local"})
        (entry,) = self.run_now(audit.of_user, "u2", most=9)
        self.assertEqual((entry.action, entry.actor), ("all logins ended", audit.OPERATOR))
        user = self.run_now(users.find, "u2")
        assert user is not None
        self.assertIsNone(user.removed_at, "the account stays")

    def test_what_has_ended_does_not_end_again(self) -> None:
        self.end()
        told = self.told()
        self.assertEqual((self.end(), self.told()), (0, told))
        self.assertEqual(len(self.run_now(audit.of_user, "u2", most=9)), 1)

    def test_one_way_in_that_is_allowed_is_enough(self) -> None:
        self.link(self.vouched("ann@example.org", GOOGLE), "u2")
        self.assertEqual(self.end(), 0)

    def test_a_machine_alone(self) -> None:
        self.run_now(login_sessions.end_all, "u2", now=2.0)
        self.assertEqual(self.end(), 1)
        self.assertEqual(self.run_now(tokens.of_user, "u2", now=9.0), [])
