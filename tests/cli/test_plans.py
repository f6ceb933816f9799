"""`wt user plan` and `wt org plan`: what the operator grants, beside a server that runs."""

from __future__ import annotations

import json
import os
import sqlite3
import time

from tests.cli.operator import OperatorCase
from wingthing.cli import data
from wingthing.store import audit, orgs, plans
from wingthing.store.connection import connect
from wingthing.store.plans import Kind, Source


class PlanCase(OperatorCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "bob"):
            self.wt("user", "add", user_id, "--name", user_id.title())

    def plans(self) -> dict[str, str]:
        return {row["id"]: row["plan"] for row in json.loads(self.wt("user", "list", "--json").out)}

    def cursor(self) -> sqlite3.Cursor:
        connection = connect(self.data_dir / "wingthing.db")
        self.addCleanup(connection.close)
        return connection.cursor()

    def pay(self, kind: Kind, holder: str) -> None:
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            cursor.execute(
                "INSERT INTO subscriptions (kind, holder, source, reference, status, seats, period_end, "
                "created_at, changed_at) VALUES (?, ?, 'payment', 'sub_1', 'active', 2, ?, 0, 0)",
                (str(kind), holder, time.time() + 86400),
            )


class UserPlanTests(PlanCase):
    def test_given_and_taken_away(self) -> None:
        self.assertEqual(self.plans(), {"ann": "free", "bob": "free"})
        outcome = self.wt("user", "plan", "ann", "pro")
        self.assertEqual((outcome.code, outcome.out), (0, ""))
        self.assertIn("ann is on the pro plan", outcome.err)
        self.assertEqual(self.plans(), {"ann": "pro", "bob": "free"})
        self.assertIn("pro", self.wt("user", "list").out)
        self.assertIn("ann is on the free plan", self.wt("user", "plan", "ann", "free").err)
        self.assertEqual(self.plans(), {"ann": "free", "bob": "free"})
        log = [(entry.action, entry.actor) for entry in audit.of_user(self.cursor(), "ann", most=2)]
        self.assertEqual(log, [("plan taken away", audit.OPERATOR), ("pro plan given", audit.OPERATOR)])

    def test_it_ends_what_the_user_has_taken_too(self) -> None:
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            plans.grant(cursor, Kind.USER, "ann", Source.SELF, now=time.time())
        self.wt("user", "plan", "ann", "free")
        self.assertEqual(self.plans()["ann"], "free")

    def test_what_is_paid_for_stays_and_is_named(self) -> None:
        self.pay(Kind.USER, "ann")
        said = self.wt("user", "plan", "ann", "free").err
        for words in ("ann is on the pro plan", "paid for", "sub_1"):
            self.assertIn(words, said)

    def test_users_and_plans_that_there_are_not(self) -> None:
        self.assertIn("no user eve", self.refused("user", "plan", "eve", "pro"))
        self.wt("user", "remove", "bob")
        self.assertIn("no user bob", self.refused("user", "plan", "bob", "pro"))
        self.assertEqual(self.wt("user", "plan", "ann", "gold").code, 2)


class OrgPlanTests(PlanCase):
    def setUp(self) -> None:
        super().setUp()
        with data.cursor_on(self.data_dir / "wingthing.db") as cursor:
            now = time.time()
            self.org = orgs.create(cursor, "The crew", "ann", now=now, randomness=os.urandom)
            orgs.add_member(cursor, self.org.id, "bob", "member", now=now + 1)

    def test_seats_given_and_taken_away(self) -> None:
        self.assertIn("2 seats", self.wt("org", "plan", self.org.slug, "pro", "--seats", "2").err)
        self.assertEqual(self.plans(), {"ann": "pro", "bob": "pro"})
        self.wt("org", "plan", self.org.id, "pro", "--seats", "1")
        self.assertEqual(self.plans(), {"ann": "pro", "bob": "free"})
        said = self.wt("user", "plan", "ann", "free").err
        self.assertIn("seat of an organisation", said)
        self.assertIn("0 seats", self.wt("org", "plan", self.org.slug, "free").err)
        self.assertEqual(self.plans(), {"ann": "free", "bob": "free"})
        rows = self.cursor().execute(
            "SELECT action, actor FROM audit_log WHERE org_id = ? AND user_id = '' ORDER BY id",
            (self.org.id,),
        )
        self.assertEqual(rows.fetchall()[-1], ("plan taken away", audit.OPERATOR))

    def test_what_is_paid_for_stays_and_is_named(self) -> None:
        self.pay(Kind.ORG, self.org.id)
        said = self.wt("org", "plan", self.org.slug, "free").err
        for words in ("2 seats", "paid for", "sub_1"):
            self.assertIn(words, said)

    def test_what_makes_no_sense(self) -> None:
        self.assertIn("--seats", self.refused("org", "plan", self.org.slug, "pro"))
        self.assertIn("--seats", self.refused("org", "plan", self.org.slug, "free", "--seats", "3"))
        self.assertIn("no organisation", self.refused("org", "plan", "nothing", "free"))
        self.assertEqual(self.wt("org", "plan", self.org.slug, "pro", "--seats", "0").code, 2)
