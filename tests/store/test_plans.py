"""Who has a plan: what is granted, what is paid for, and by whose seat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.store.support import StoreCase
from wingthing.store import entitlements, plans, usage, users
from wingthing.store.connection import connect
from wingthing.store.migrate import migrate, scripts
from wingthing.store.plans import Kind, Source, Standing
from wingthing.store.usage import Report
from wingthing.wire.internal import Tier
from wingthing.wire.limits import CAP_STEPS, PLAN_GRACE_SECONDS

NOW = 1_800_000_000.0
FREE = Standing(Tier.FREE, personal=False)
OWN = Standing(Tier.PRO, personal=True)
ORG = "org_acme"


class PlanCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "bob", "eve"):
            self.run_now(users.add, user_id, name=user_id.title(), provider="test", now=NOW)

    def org(self, *members: str, org_id: str = ORG) -> None:
        """An organisation whose members joined in this order."""
        execute = self.direct.connection.execute
        execute(
            "INSERT INTO orgs (id, slug, name, created_at) VALUES (?, ?, ?, ?)",
            (org_id, org_id[4:], "A", NOW),
        )
        for number, user_id in enumerate(members):
            execute(
                "INSERT INTO org_members (org_id, user_id, role, joined_at) VALUES (?, ?, 'member', ?)",
                (org_id, user_id, NOW + number),
            )

    def grant(self, kind: Kind, holder: str, source: Source = Source.SELF, **more: Any) -> None:
        self.run_now(plans.grant, kind, holder, source, now=NOW, **more)

    def pay(self, holder: str, kind: Kind = Kind.USER, **columns: Any) -> None:
        """A paid plan, as the payment provider's events would leave it."""
        values = {"kind": str(kind), "holder": holder, "source": "payment", "reference": f"sub_{holder}",
                  "status": "active", "created_at": NOW, "changed_at": NOW, **columns}  # fmt: skip
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.direct.connection.execute(
            f"INSERT INTO subscriptions ({names}) VALUES ({marks})",
            tuple(values.values()),
        )

    def standing(self, user_id: str = "ann", now: float = NOW) -> Standing:
        return self.run_now(plans.standing, user_id, now=now)

    def pro(self, now: float = NOW) -> set[str]:
        return self.run_now(plans.pro_users, now=now)


class PersonalTests(PlanCase):
    def test_everybody_is_free_by_nature(self) -> None:
        self.assertEqual((self.standing(), self.standing("nobody"), self.pro()), (FREE, FREE, set()))

    def test_a_grant_and_its_end(self) -> None:
        self.grant(Kind.USER, "ann")
        self.assertEqual((self.standing(), self.standing("bob"), self.pro()), (OWN, FREE, {"ann"}))
        self.assertTrue(self.run_now(plans.withdraw, Kind.USER, "ann", now=NOW))
        self.assertFalse(self.run_now(plans.withdraw, Kind.USER, "ann", now=NOW))
        self.assertEqual((self.standing(), self.pro()), (FREE, set()))
        self.grant(Kind.USER, "ann")
        self.assertEqual(self.standing(), OWN)

    def test_a_grant_has_no_end_by_itself(self) -> None:
        self.grant(Kind.USER, "ann", Source.OPERATOR)
        self.assertEqual(self.standing(now=NOW + 1e9), OWN)

    def test_what_is_paid_for_is_not_withdrawn(self) -> None:
        self.pay("ann")
        self.grant(Kind.USER, "ann")
        self.run_now(plans.withdraw, Kind.USER, "ann", now=NOW)
        (left,) = self.run_now(plans.current, Kind.USER, "ann", now=NOW)
        self.assertEqual((left.source, left.reference, self.standing()), (Source.PAYMENT, "sub_ann", OWN))

    def test_a_cancelled_plan_goes_on_until_its_period_ends_and_no_longer(self) -> None:
        self.pay("ann", period_end=NOW + 100, cancel_at_end=1)
        self.assertEqual((self.standing(now=NOW + 99), self.standing(now=NOW + 100)), (OWN, FREE))
        self.assertEqual((self.pro(NOW + 99), self.pro(NOW + 100)), ({"ann"}, set()))

    def test_one_that_was_not_cancelled_has_a_grace(self) -> None:
        self.pay("ann", period_end=NOW + 100)
        end = NOW + 100 + PLAN_GRACE_SECONDS
        self.assertEqual((self.standing(now=end - 1), self.standing(now=end)), (OWN, FREE))

    def test_only_what_is_paid_or_being_paid_counts(self) -> None:
        for status, expected in (("active", OWN), ("past_due", OWN), ("pending", FREE), ("ended", FREE)):
            self.direct.connection.execute("DELETE FROM subscriptions")
            self.pay("ann", status=status)
            self.assertEqual(self.standing(), expected, status)

    def test_what_nobody_has_been_named_for_is_nobodys(self) -> None:
        self.pay("", kind="")  # type: ignore[arg-type]
        self.assertEqual((self.standing(""), self.pro()), (FREE, set()))

    def test_a_removed_user_has_none(self) -> None:
        self.grant(Kind.USER, "ann")
        self.run_now(users.remove, "ann", now=NOW)
        self.assertEqual((self.standing(), self.pro()), (FREE, set()))


class SeatTests(PlanCase):
    def seat(self, org_id: str = ORG) -> Standing:
        return Standing(Tier.PRO, personal=False, via_org=org_id)

    def test_members_sit_in_the_order_in_which_they_joined(self) -> None:
        self.org("eve", "ann", "bob")
        self.grant(Kind.ORG, ORG, seats=2)
        self.assertEqual(self.pro(), {"eve", "ann"})
        self.assertEqual((self.standing("eve"), self.standing("bob")), (self.seat(), FREE))

    def test_whoever_leaves_makes_room(self) -> None:
        self.org("eve", "ann", "bob")
        self.grant(Kind.ORG, ORG, seats=2)
        self.direct.connection.execute("DELETE FROM org_members WHERE user_id = 'eve'")
        self.assertEqual(self.pro(), {"ann", "bob"})

    def test_of_those_who_joined_together_the_order_is_always_the_same(self) -> None:
        self.org("eve", "ann", "bob")
        self.direct.connection.execute("UPDATE org_members SET joined_at = 5")
        self.grant(Kind.ORG, ORG, seats=1)
        self.assertEqual(self.pro(), {"ann"})

    def test_seats_of_several_plans_add_up(self) -> None:
        self.org("eve", "ann", "bob")
        self.grant(Kind.ORG, ORG, Source.OPERATOR, seats=1)
        self.pay(ORG, Kind.ORG, seats=1)
        self.assertEqual((self.run_now(plans.seats_of, ORG, now=NOW), self.pro()), (2, {"eve", "ann"}))

    def test_a_grant_that_is_given_again_has_the_new_number(self) -> None:
        self.org("eve", "ann")
        self.grant(Kind.ORG, ORG, seats=1)
        self.grant(Kind.ORG, ORG, seats=5)
        self.assertEqual(self.run_now(plans.seats_of, ORG, now=NOW), 5)

    def test_each_organisation_has_its_own(self) -> None:
        self.org("eve", "ann")
        self.org("bob", "ann", org_id="org_other")
        self.grant(Kind.ORG, "org_other", seats=2)
        self.assertEqual((self.pro(), self.standing("ann")), ({"ann", "bob"}, self.seat("org_other")))

    def test_a_plan_of_ones_own_comes_before_a_seat(self) -> None:
        self.org("ann")
        self.grant(Kind.ORG, ORG, seats=1)
        self.grant(Kind.USER, "ann")
        self.assertEqual(self.standing(), OWN)

    def test_an_ended_plan_seats_nobody(self) -> None:
        self.org("ann")
        self.pay(ORG, Kind.ORG, seats=3, period_end=NOW, cancel_at_end=1)
        self.assertEqual((self.pro(), self.run_now(plans.seats_of, ORG, now=NOW)), (set(), 0))
        self.assertEqual(self.pro(NOW - 1), {"ann"})

    def test_a_user_id_that_is_an_organisations_gets_nothing_of_it(self) -> None:
        self.run_now(users.add, ORG, name="Mallory", provider="test", now=NOW)
        self.grant(Kind.ORG, ORG, seats=1)
        self.assertEqual((self.standing(ORG), self.pro()), (FREE, set()))

    def test_names_with_quotes_are_names(self) -> None:
        name = "x' OR '1'='1"
        self.grant(Kind.USER, "ann")
        self.assertEqual(self.standing(name), FREE)
        self.assertIsNone(self.run_now(plans.org_named, name))


class EntitlementTests(PlanCase):
    CAP = 1000

    def used(self, **sent: int) -> dict[str, tuple[Tier, int]]:
        report = Report("m", "b", tuple(sent.items()))
        self.direct.connection.execute("DELETE FROM usage_reports")
        self.direct.connection.execute("DELETE FROM usage_days")
        self.run_now(usage.record, [report], day="2027-01-15", now=NOW)
        found = self.run_now(entitlements.every, now=NOW, cap=self.CAP, month="2027-01")
        return {each.user_id: (each.tier, each.used_bytes) for each in found}

    def test_what_half_of_the_cap_and_more_is_told_in_steps(self) -> None:
        step = self.CAP // CAP_STEPS
        for sent, told in ((499, 0), (500, 500), (500 + step - 1, 500), (500 + step, 500 + step),
                           (799, 775), (800, 800), (999, 975), (1000, 1000), (5000, 1000)):  # fmt: skip
            self.assertEqual(self.used(ann=sent)["ann"], (Tier.FREE, told), sent)

    def test_not_of_those_who_have_no_cap(self) -> None:
        self.grant(Kind.USER, "ann")
        self.assertEqual(self.used(ann=900, bob=900)["ann"], (Tier.PRO, 0))
        without = self.run_now(entitlements.every, now=NOW)
        self.assertEqual({each.used_bytes for each in without}, {0})

    def test_not_of_another_month(self) -> None:
        self.used(ann=900)
        found = self.run_now(entitlements.every, now=NOW, cap=self.CAP, month="2027-02")
        self.assertEqual({each.used_bytes for each in found}, {0})

    def test_steps_of_caps_that_cannot_be_divided(self) -> None:
        for cap in (0, 1, 7, 39, 41, 1 << 30):
            self.assertEqual(entitlements.in_steps(cap, cap), cap)
            self.assertLessEqual(entitlements.in_steps(max(0, cap - 1), cap), max(0, cap - 1))


class MigrationTests(TestCase):
    def test_what_was_granted_before_there_were_plans_still_counts(self) -> None:
        path = Path(self.mktemp())
        before = [step for step in scripts() if step[0] < 6]
        migrate(path, before)
        connection = connect(path)
        self.addCleanup(connection.close)
        for user_id, tier in (("ann", "pro"), ("bob", "free")):
            connection.execute("INSERT INTO users (id, created_at) VALUES (?, 1)", (user_id,))
            connection.execute("INSERT INTO entitlements VALUES (?, ?, 5)", (user_id, tier))
        connection.execute("INSERT INTO users (id, created_at) VALUES ('eve', 1)")
        migrate(path)
        cursor = connection.cursor()
        self.assertEqual(plans.pro_users(cursor, now=NOW), {"ann"})
        (plan,) = plans.current(cursor, Kind.USER, "ann", now=NOW)
        self.assertEqual((plan.source, plan.period_end), (Source.OPERATOR, None))
        plans.grant(cursor, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.assertEqual(len(plans.current(cursor, Kind.USER, "ann", now=NOW)), 1, "one home for one fact")


class DaysTests(PlanCase):
    def test_of_a_month_by_day(self) -> None:
        for total, day in ((10, "2027-01-31"), (15, "2027-02-01"), (18, "2027-02-03")):
            self.run_now(usage.record, [Report("m", "b", (("ann", total),))], day=day, now=NOW)
        days = self.run_now(usage.days_of_month, "ann", "2027-02")
        self.assertEqual(days, {"2027-02-01": 5, "2027-02-03": 3})
        self.assertEqual(self.run_now(usage.by_user, "2027-02"), {"ann": 8})
        self.assertEqual(self.run_now(usage.by_user, "2027-02", at_least=9), {})
