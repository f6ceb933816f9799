"""Users: one id and one address each, and the end of one is the end of all it could do."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.crypto.tokens import WingToken
from wingthing.errors import InvalidMessage, NotFound, PeerError
from wingthing.store import device_codes, labels, login_sessions, revocations, tokens, users
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import TOKEN_LIFETIME_SECONDS

HOSTILE = st.text(max_size=40) | st.sampled_from(
    ["'; DROP TABLE users; --", '" OR "1"="1', "' OR '1'='1", "%", "_", "\\", "x' UNION SELECT 1 --", "\x00"]
)
"""Texts that would matter if any of them ever became a part of a statement."""


class UsersTests(StoreCase):
    def add(self, user_id: str, email: str = "", name: str = "Name") -> users.User:
        return self.run_now(users.add, user_id, name=name, email=email, provider="test", now=7.0)

    def test_what_is_added_is_found(self) -> None:
        added = self.add("ann", "Ann@Example.org ")
        self.assertEqual(added, users.User("ann", "Name", "ann@example.org", "test", "", 7.0, None))
        self.assertEqual(self.run_now(users.find, "ann"), added)
        self.assertEqual(self.run_now(users.by_email, " ANN@example.org"), added)
        self.assertIsNone(self.run_now(users.find, "eve"))

    def test_how_people_are_called(self) -> None:
        self.add("ann", "ann@example.org", name="Ann")
        self.add("bob", "bob@example.org", name="")
        self.add("cat", name="")
        self.add("dan")
        called = {"ann": "Ann", "bob": "bob@example.org"}
        self.assertEqual(self.run_now(users.names, ["ann", "bob", "cat", "eve", "' OR 1=1"]), called)
        self.assertEqual(self.run_now(users.names, []), {})

    def test_no_address_is_nobodys_address(self) -> None:
        self.add("ann")
        self.add("bob")
        self.assertIsNone(self.run_now(users.by_email, ""))
        self.assertIsNone(self.run_now(users.by_email, "  "))

    def test_an_id_or_an_address_that_is_taken(self) -> None:
        self.add("ann", "ann@example.org")
        for user_id, email, taken in (("ann", "", "id"), ("bob", "ANN@example.org", "email address")):
            why = self.assertRaises(PeerError, self.add, user_id, email)
            self.assertIn(f"this {taken} exists", str(why))
            self.assertEqual(why.status, 409)

    def test_the_id_of_a_removed_user_is_not_used_again(self) -> None:
        self.add("carol", "carol@example.org")
        self.run_now(users.remove, "carol", now=8.0)
        why = self.assertRaises(PeerError, self.add, "carol")
        self.assertIn("ids are not used again", str(why))
        self.assertEqual(why.status, 409)
        self.add("carol2", "carol@example.org")

    def test_ensure_makes_one_once_and_changes_nothing_later(self) -> None:
        for name in ("first", "second"):
            self.run_now(users.ensure, "local", name=name, provider="local", now=1.0)
        self.assertEqual([user.display_name for user in self.run_now(users.every)], ["first"])

    def test_removing_ends_logins_codes_tokens_and_labels(self) -> None:
        for user_id in ("ann", "bob"):
            self.add(user_id, f"{user_id}@example.org")
            self.run_now(labels.put, user_id, "a" * 24, "desk")
        cookies = {
            user_id: self.run_now(login_sessions.create, user_id, now=7.0, randomness=counting())
            for user_id in ("ann",)
        }
        theirs, other = WingToken("ann", 1, 20, jti="one"), WingToken("bob", 1, 20, jti="two")
        for token in (theirs, other):
            self.run_now(tokens.issued, token)
        code = self.run_now(
            device_codes.create,
            wing_id="a" * 24,
            public_key="",
            user_id="ann",
            now=7.0,
            randomness=counting(),
        )
        self.run_now(users.remove, "ann", now=8.0)
        self.assertIsNone(self.run_now(login_sessions.find, digest(cookies["ann"]), now=8.0))
        self.assertTrue(self.run_now(tokens.revoked, theirs))
        self.assertFalse(self.run_now(tokens.revoked, other))
        self.assertEqual(self.run_now(device_codes.poll, code.device_code, now=8.0), "invalid_code")
        self.assertEqual(self.run_now(labels.of_user, "ann"), {})
        self.assertEqual(self.run_now(labels.of_user, "bob"), {"a" * 24: "desk"})
        self.assertEqual([user.id for user in self.run_now(users.every)], ["bob"])
        self.assertIsNone(self.run_now(users.by_email, "ann@example.org"))

    def test_removing_is_told_to_nodes_without_a_database(self) -> None:
        self.add("ann")
        cookie = self.run_now(login_sessions.create, "ann", now=7.0, randomness=counting())
        self.run_now(tokens.issued, WingToken("ann", 1, 20, jti="one"))
        self.run_now(users.remove, "ann", now=8.0)
        _latest, events = self.run_now(revocations.since, 0, now=8.0)
        told = {(event.kind, event.subject) for event in events}
        self.assertEqual(
            told,
            {
                (RevokedKind.USER, "ann"),
                (RevokedKind.TOKENS, "ann"),
                (RevokedKind.TOKEN, "one"),
                (RevokedKind.LOGIN, digest(cookie)),
            },
        )
        removed = next(event for event in events if event.kind is RevokedKind.USER)
        self.assertEqual(removed.until, 8.0 + TOKEN_LIFETIME_SECONDS, "for as long as a token may live")

    def test_a_removed_id_never_finds_a_new_owner_but_its_address_does(self) -> None:
        self.add("ann", "ann@example.org")
        self.run_now(users.remove, "ann", now=8.0)
        self.assertRaises(PeerError, self.add, "ann")
        self.add("anna", "ann@example.org")

    def test_removing_nobody_or_twice(self) -> None:
        self.add("ann")
        self.run_now(users.remove, "ann", now=8.0)
        for user_id in ("ann", "nobody"):
            self.assertRaises(NotFound, self.run_now, users.remove, user_id, now=9.0)

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_no_text_ever_becomes_a_statement(self, user_id: str, name: str, email: str) -> None:
        self.direct.connection.execute("SAVEPOINT one_example")
        try:
            cursor = self.direct.connection.cursor()
            try:
                users.add(cursor, user_id, name=name, email=email, provider=name, now=1.0)
            except InvalidMessage:
                # Hardly anything is an address; then nobody has it.
                self.assertIsNone(users.by_email(cursor, email))
                email = f"{len(name)}@example.org"
                users.add(cursor, user_id, name=name, email=email, provider=name, now=1.0)
            users.add(cursor, user_id + "+", name="witness", provider="test", now=1.0)
            found = users.find(cursor, user_id)
            self.assertIsNotNone(found)
            assert found is not None
            self.assertEqual((found.id, found.display_name), (user_id, name))
            if email.strip():
                by_email = users.by_email(cursor, email)
                assert by_email is not None
                self.assertEqual(by_email.id, user_id)
            users.remove(cursor, user_id, now=2.0)
            self.assertEqual([user.id for user in users.every(cursor)], [user_id + "+"])
        finally:
            self.direct.connection.execute("ROLLBACK TO one_example")
            self.direct.connection.execute("RELEASE one_example")

    def test_a_login_needs_a_user(self) -> None:
        self.assertRaises(
            sqlite3.IntegrityError,
            self.run_now,
            login_sessions.create,
            "nobody",
            now=1.0,
            randomness=counting(),
        )
