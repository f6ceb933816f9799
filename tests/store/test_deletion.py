"""The end of an account, and what it does to organisations."""

from __future__ import annotations

from typing import Any

from tests.store.support import StoreCase, counting
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotFound, PeerError
from wingthing.store import audit, deletion, invites, orgs, plans, rosters, tokens, usage, users
from wingthing.store.deletion import Preview

NOW = 1_800_000_000.0


class DeletionCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.randomness = counting()
        for user_id in ("ann", "bob", "cat"):
            email = f"{user_id}@example.org"
            self.run_now(users.add, user_id, name=user_id.title(), email=email, provider="test", now=NOW)

    def org(self, name: str, owner: str = "ann", **others: str) -> str:
        """An organisation with that owner, and others in it (user id -> role)."""
        made = self.run_now(orgs.create, name, owner, now=NOW, randomness=self.randomness)
        for user_id, role in others.items():
            self.run_now(orgs.add_member, made.id, user_id, role, now=NOW)
        return made.id

    def pay(self, kind: plans.Kind, holder: str, *, ending: bool = False) -> None:
        """A plan as the payment provider has told of it."""
        self.direct.connection.execute(
            "INSERT INTO subscriptions (kind, holder, source, reference, status, period_end, cancel_at_end, "
            "created_at, changed_at) VALUES (?, ?, 'payment', ?, 'active', ?, ?, 0, 0)",
            (str(kind), holder, f"sub_{holder}", NOW + 1000, int(ending)),
        )

    def preview(self, user_id: str = "ann") -> Preview:
        return self.run_now(deletion.preview, user_id, now=NOW)

    def delete(self, user_id: str = "ann", **more: Any) -> None:
        self.run_now(deletion.delete, user_id, now=NOW, **more)

    def refused(self, user_id: str = "ann") -> str:
        """Why the account cannot be deleted; it must not have been."""
        before = "\n".join(self.direct.connection.iterdump())
        why = self.assertRaises(PeerError, self.delete, user_id)
        self.assertEqual(why.status, 409)
        self.assertEqual("\n".join(self.direct.connection.iterdump()), before)
        return str(why)

    def members(self, org_id: str) -> dict[str, str] | None:
        found = self.run_now(rosters.record, org_id)
        return dict(found.members) if found is not None else None


class OrganisationTests(DeletionCase):
    def test_one_of_others_without_another_owner_stands_against_it(self) -> None:
        crew, band = self.org("The crew", bob="admin"), self.org("The band", cat="member")
        self.org("Both own", bob="owner")
        found = self.preview()
        self.assertEqual(
            [(org.id, org.name) for org in found.orgs_blocking], [(band, "The band"), (crew, "The crew")]
        )
        self.assertIn("no other owner", found.orgs_blocking[0].why)
        why = self.refused()
        for word in ("The crew", crew, "The band", band):
            self.assertIn(word, why)
        self.assertNotIn("Both own", why)

    def test_it_does_not_once_it_has_been_given_away(self) -> None:
        crew = self.org("The crew", bob="member")
        self.refused()
        self.run_now(orgs.transfer, crew, "ann", "bob")
        self.assertEqual(self.preview().orgs_blocking, ())
        self.delete()
        self.assertEqual(self.members(crew), {"bob": "owner"})

    def test_one_with_nobody_else_in_it_goes_too(self) -> None:
        alone, crew = self.org("Alone"), self.org("The crew", owner="bob", ann="admin")
        found = self.preview()
        self.assertEqual([(org.id, org.name) for org in found.orgs_deleted], [(alone, "Alone")])
        self.delete()
        self.assertEqual((self.members(alone), self.members(crew)), (None, {"bob": "owner"}))

    def test_what_has_changed_is_told(self) -> None:
        alone, crew = self.org("Alone"), self.org("The crew", owner="bob", ann="member")
        other = self.org("Not hers", owner="bob")
        seen = self.run_now(rosters.latest)
        self.delete()
        _latest, told = self.run_now(rosters.since, seen)
        self.assertEqual(set(told), {alone, crew})
        self.assertIsNone(told[alone])
        self.assertIsNotNone(self.members(other))

    def test_her_invites_and_those_for_her_are_void(self) -> None:
        hers, his = self.org("Hers", bob="owner"), self.org("His", owner="bob")
        for org_id, actor, email in ((hers, "ann", "new@example.org"), (his, "bob", "ann@example.org")):
            self.run_now(
                invites.create,
                org_id,
                actor,
                email,
                "member",
                now=NOW,
                randomness=self.randomness,
            )
        self.delete()
        self.assertEqual(self.direct.connection.execute("SELECT * FROM org_invites").fetchall(), [])

    def test_the_organisations_that_she_leaves_have_it_in_their_logs(self) -> None:
        crew = self.org("The crew", owner="bob", ann="member")
        self.org("Alone")
        self.delete(address="192.0.2.1")
        (entry,) = self.run_now(audit.of_org, crew, most=9)
        self.assertEqual(
            (entry.action, entry.user_id, entry.who, entry.address),
            ("account deleted", "ann", "", "192.0.2.1"),
        )
        self.assertEqual({e.org_id for e in self.run_now(audit.of_user, "ann", most=9)}, {"", crew})


class PaidTests(DeletionCase):
    def test_a_plan_that_is_paid_for_must_be_cancelled_first(self) -> None:
        self.pay(plans.Kind.USER, "ann")
        self.assertIn("cancel it first", self.preview().plan_blocking)
        self.assertIn("cancel it first", self.refused())
        self.assertEqual(self.preview("bob").plan_blocking, "")

    def test_one_that_ends_or_was_granted_does_not_stand_against_it(self) -> None:
        self.pay(plans.Kind.USER, "ann", ending=True)
        self.run_now(plans.grant, plans.Kind.USER, "ann", plans.Source.OPERATOR, now=NOW)
        self.assertEqual(self.preview().plan_blocking, "")
        self.delete()
        left = self.direct.connection.execute("SELECT count(*) FROM subscriptions").fetchone()[0]
        self.assertEqual(left, 0)

    def test_neither_does_an_organisation_of_her_own_go_while_it_is_paid_for(self) -> None:
        alone = self.org("Alone")
        self.pay(plans.Kind.ORG, alone)
        found = self.preview()
        self.assertEqual(([org.id for org in found.orgs_blocking], found.orgs_deleted), ([alone], ()))
        self.assertIn("paid for", self.refused())

    def test_an_operator_may_do_it_all_the_same(self) -> None:
        """That the payments go on is theirs to look after."""
        alone, crew = self.org("Alone"), self.org("The crew", bob="member")
        self.pay(plans.Kind.USER, "ann")
        self.pay(plans.Kind.ORG, alone)
        why = self.assertRaises(PeerError, self.delete, "ann", although_paid=True)
        self.assertIn("The crew", str(why))
        self.assertNotIn("paid for", str(why))
        self.run_now(orgs.transfer, crew, "ann", "bob")
        self.delete("ann", although_paid=True)
        self.assertIsNone(self.members(alone))
        left = self.direct.connection.execute("SELECT count(*) FROM subscriptions").fetchone()[0]
        self.assertEqual(left, 0)
        entries = self.run_now(audit.of_user, "ann", most=9)
        self.assertEqual({entry.org_id for entry in entries}, {"", crew}, "none of one that is no more")


class AccountTests(DeletionCase):
    def test_machines_are_counted_once(self) -> None:
        issued = int(NOW) - 10
        for jti, wing in (("1", "w"), ("2", "w"), ("3", "x"), ("4", ""), ("5", "")):
            self.run_now(tokens.issued, WingToken("ann", issued, issued + 1000, jti=jti, wing=wing))
        self.run_now(tokens.issued, WingToken("ann", issued - 99, issued - 1, jti="6", wing="run out"))
        self.assertEqual(self.preview().wings, 4)
        self.assertEqual(self.preview("bob").wings, 0)

    def test_it_is_noted_who_did_it(self) -> None:
        self.delete("ann", address="192.0.2.1")
        self.delete("bob", by=audit.OPERATOR)
        for user_id, actor in (("ann", "ann"), ("bob", audit.OPERATOR)):
            (entry,) = self.run_now(audit.of_user, user_id, most=9)
            self.assertEqual((entry.action, entry.actor), ("account deleted", actor))

    def test_traffic_that_is_reported_late_is_not_kept(self) -> None:
        def report(total: int) -> None:
            totals = (("ann", total), ("bob", total))
            self.run_now(usage.record, [usage.Report("m2", "boot", totals)], day="2027-01-15", now=NOW)

        report(7)
        self.delete()
        report(9)
        for table in ("usage_days", "usage_reports"):
            rows = self.direct.connection.execute(f"SELECT user_id, bytes FROM {table}").fetchall()
            self.assertEqual(rows, [("bob", 9)], table)

    def test_nobody_or_twice(self) -> None:
        self.delete()
        for user_id in ("ann", "nobody", "%", "' OR '1'='1"):
            self.assertRaises(NotFound, self.delete, user_id)
        self.assertEqual([user.id for user in self.run_now(users.every)], ["bob", "cat"])
