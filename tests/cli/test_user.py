"""`wt user`: add, list, token, remove."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import stat
import time

from tests.cli.operator import OperatorCase
from wingthing.cli import data, main
from wingthing.crypto.tokens import check
from wingthing.store import audit, orgs, plans, tokens, users
from wingthing.store.connection import connect
from wingthing.store.signing_key import signing_keys


class UserTests(OperatorCase):
    def add(self, user_id: str = "ann", *more: str) -> None:
        outcome = self.wt("user", "add", user_id, "--name", user_id.title(), *more)
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome)

    def cursor(self) -> sqlite3.Cursor:
        connection = connect(self.data_dir / "wingthing.db")
        self.addCleanup(connection.close)
        return connection.cursor()

    def test_adding_makes_the_database_and_makes_it_private(self) -> None:
        self.add("ann", "--email", "Ann@example.org")
        file = self.data_dir / "wingthing.db"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        user = users.find(self.cursor(), "ann")
        assert user is not None
        self.assertEqual(
            (user.display_name, user.email, user.provider), ("Ann", "ann@example.org", "operator")
        )
        self.assertEqual(audit.of_user(self.cursor(), "ann", most=1)[0].action, "user added")
        self.assertFalse((self.data_dir / "not this one").exists())

    def test_an_id_or_address_that_is_taken(self) -> None:
        self.add("ann", "--email", "ann@example.org")
        self.assertIn("this id exists", self.refused("user", "add", "ann", "--name", "Ann"))
        self.assertIn(
            "this email address exists",
            self.refused("user", "add", "bob", "--name", "Bob", "--email", "ANN@example.org"),
        )

    def test_the_id_of_a_removed_user(self) -> None:
        self.add("carol")
        self.wt("user", "remove", "carol")
        self.assertIn("not used again", self.refused("user", "add", "carol", "--name", "Carol"))

    def test_no_summary_is_cut_off(self) -> None:
        for group in ("user", "wing", "fleet"):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertRaises(SystemExit, main, [group, "--help"])
            self.assertIn("Commands:", out.getvalue())
            self.assertNotIn("...\n", out.getvalue().partition("Commands:")[2])

    def test_what_cannot_be_added(self) -> None:
        for user_id in ("", " ", "a b", "-x", "x" * 65, "a/b", "a\nb", "é", "ann\n"):
            self.assertEqual(self.wt("user", "add", "--name", "X", "--", user_id).code, 2, repr(user_id))
        for name in ("", "  ", "a\x1b[31mb", "a\nb"):
            self.assertIn("--name", self.refused("user", "add", "ann", "--name", name))
        self.assertIn("e-mail", self.refused("user", "add", "ann", "--name", "Ann", "--email", "nowhere"))
        self.assertFalse((self.data_dir / "wingthing.db").exists())

    def test_the_list(self) -> None:
        self.add("ann", "--email", "ann@example.org")
        self.wt("user", "add", "bob", "--name", "[red]Bob[/nothing]")
        outcome = self.wt("user", "list")
        self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
        for word in ("ann", "Ann", "ann@example.org", "operator", "[red]Bob[/nothing]"):
            self.assertIn(word, outcome.out)
        rows = json.loads(self.wt("user", "list", "--json").out)
        self.assertEqual([row["id"] for row in rows], ["ann", "bob"])
        self.assertEqual(set(rows[0]), {"id", "display_name", "email", "provider", "created_at", "plan"})

    def test_a_directory_without_a_database(self) -> None:
        for words in (("list",), ("token", "ann"), ("remove", "ann")):
            self.assertIn("no database", self.refused("user", *words))
        self.assertFalse((self.data_dir / "wingthing.db").exists())

    def test_a_token_and_nothing_else(self) -> None:
        self.add()
        outcome = self.wt("user", "token", "ann")
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        token = outcome.out.removesuffix("\n")
        self.assertNotIn("\n", token)
        claims = check(token, signing_keys(self.data_dir, {}).accepted, now=time.time())
        self.assertEqual((claims.user_id, claims.wing, claims.pub), ("ann", "", ""))
        self.assertFalse(tokens.revoked(self.cursor(), claims))
        self.assertEqual(stat.S_IMODE((self.data_dir / "jwt_key").stat().st_mode), 0o600)

    def test_a_token_for_nobody(self) -> None:
        self.add()
        self.assertIn("no user eve", self.refused("user", "token", "eve"))
        self.wt("user", "remove", "ann")
        self.assertIn("no user ann", self.refused("user", "token", "ann"))

    def test_removing_revokes(self) -> None:
        self.add()
        token = self.wt("user", "token", "ann").out.strip()
        self.assertEqual(self.wt("user", "remove", "ann").code, 0)
        claims = check(token, signing_keys(self.data_dir, {}).accepted, now=time.time())
        self.assertTrue(tokens.revoked(self.cursor(), claims))
        self.assertEqual(json.loads(self.wt("user", "list", "--json").out), [])
        self.assertIn("no user of this id", self.refused("user", "remove", "ann"))

    def test_who_has_an_organisation_of_others_is_not_removed(self) -> None:
        for user_id in ("ann", "bob"):
            self.add(user_id)
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            org = orgs.create(cursor, "The crew", "ann", now=time.time(), randomness=os.urandom)
            orgs.add_member(cursor, org.id, "bob", "member", now=time.time())
        said = self.refused("user", "remove", "ann")
        self.assertIn("The crew", said)
        self.assertIn(org.id, said)
        self.assertEqual(self.wt("user", "remove", "bob").code, 0)
        self.assertEqual(self.wt("user", "remove", "ann").code, 0)

    def pay(self, kind: plans.Kind, holder: str) -> None:
        """A plan as the payment provider has told of it."""
        self.cursor().execute(
            "INSERT INTO subscriptions (kind, holder, source, reference, status, cancel_at_end, created_at, "
            "changed_at) VALUES (?, ?, 'payment', ?, 'active', 0, 0, 0)",
            (str(kind), holder, f"sub_{kind}"),
        )

    def test_who_pays_is_removed_by_force_alone(self) -> None:
        """The payments would go on, and nobody is left to end them."""
        self.add()
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            org = orgs.create(cursor, "The crew", "ann", now=time.time(), randomness=os.urandom)
        self.pay(plans.Kind.ORG, org.id)
        said = self.refused("user", "remove", "ann")
        for word in ("The crew", org.id, "paid for", "--force"):
            self.assertIn(word, said)
        self.pay(plans.Kind.USER, "ann")
        self.assertIn("--force", self.refused("user", "remove", "ann"))
        found = users.find(self.cursor(), "ann")
        assert found is not None
        self.assertIsNone(found.removed_at)
        outcome = self.wt("user", "remove", "ann", "--force")
        self.assertEqual((outcome.code, outcome.out), (0, ""))
        for word in ("Removed ann", "sub_org", "sub_user", "payment provider"):
            self.assertIn(word, outcome.err)
        self.assertEqual(self.cursor().execute("SELECT count(*) FROM orgs").fetchone()[0], 0)

    def test_force_takes_no_organisation_away_from_others(self) -> None:
        for user_id in ("ann", "bob"):
            self.add(user_id)
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            org = orgs.create(cursor, "The crew", "ann", now=time.time(), randomness=os.urandom)
            orgs.add_member(cursor, org.id, "bob", "member", now=time.time())
        said = self.refused("user", "remove", "ann", "--force")
        self.assertIn("The crew", said)
        self.assertNotIn("--force", said)

    def test_what_the_operator_does_is_in_the_users_log(self) -> None:
        self.add()
        self.wt("user", "token", "ann")
        self.wt("user", "token", "ann", "--revoke")
        self.wt("user", "remove", "ann")
        entries = audit.of_user(self.cursor(), "ann", most=9)
        self.assertEqual(
            [entry.action for entry in entries],
            ["account deleted", "all devices revoked", "token made", "user added"],
        )
        self.assertEqual({entry.actor for entry in entries}, {audit.OPERATOR})

    def test_revoking_all_tokens_leaves_the_user(self) -> None:
        self.add()
        made = [self.wt("user", "token", "ann").out.strip() for _ in range(2)]
        outcome = self.wt("user", "token", "ann", "--revoke")
        self.assertEqual((outcome.code, outcome.out), (0, ""))
        self.assertIn("2 tokens of ann", outcome.err)
        made.append(self.wt("user", "token", "ann").out.strip())
        ring = signing_keys(self.data_dir, {}).accepted
        claims = [check(token, ring, now=time.time()) for token in made]
        self.assertEqual([tokens.revoked(self.cursor(), each) for each in claims], [True, True, False])

    def test_the_user_of_the_server_itself_stays(self) -> None:
        self.add("local")
        self.assertIn("cannot be removed", self.refused("user", "remove", "local"))

    def test_beside_a_server_that_reads_and_writes(self) -> None:
        self.add()
        server = self.cursor()
        server.execute("BEGIN")
        server.execute("SELECT * FROM users").fetchone()
        self.add("bob")
        server.execute("COMMIT")
        self.assertIsNotNone(users.find(server, "bob"))

    def test_a_database_that_stays_locked(self) -> None:
        self.add()
        holder = self.cursor()
        holder.execute("BEGIN IMMEDIATE")
        self.patch(connect.__globals__["configure"], "__defaults__", (0.01,))
        self.assertIn("locked", self.refused("user", "add", "bob", "--name", "Bob"))
        holder.execute("ROLLBACK")
        self.add("bob")

    def test_files_that_are_damaged(self) -> None:
        self.add()
        (self.data_dir / "jwt_key").write_text("nonsense")
        self.assertIn("jwt_key", self.refused("user", "token", "ann"))
        (self.data_dir / "wingthing.db").write_bytes(b"x" * 4096)
        for leftover in self.data_dir.glob("wingthing.db-*"):
            leftover.unlink()
        self.assertIn("not a database", self.refused("user", "list"))

    def test_a_database_of_a_newer_program(self) -> None:
        self.add()
        self.cursor().execute("PRAGMA user_version = 999")
        self.assertIn("version 999", self.refused("user", "list"))

    def test_the_key_of_the_environment(self) -> None:
        self.add()
        self.setenv("WT_JWT_KEY", "nonsense")
        self.assertIn("WT_JWT_KEY", self.refused("user", "token", "ann"))

    def test_a_bug_is_not_dressed_up_as_the_operators_fault(self) -> None:
        path = data.database_of(str(self.data_dir), make=True)

        def wrong() -> None:
            with data.cursor_on(path) as cursor:
                cursor.execute("SELECT nothing FROM nowhere")

        self.assertRaises(sqlite3.OperationalError, wrong)
