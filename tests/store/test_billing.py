"""A payment provider's events, applied: once each, in whatever order they come."""

from __future__ import annotations

import itertools
from typing import Any

from tests.store.test_plans import FREE, ORG, OWN, PlanCase
from tests.web.payments import NOW, PERIOD, checkout, encoded, event, invoice, subscription
from wingthing.store import billing, plans, users
from wingthing.store.billing import Holder
from wingthing.store.plans import Kind, Status, Subscription
from wingthing.wire.billing import read_event
from wingthing.wire.limits import BILLING_EVENT_SECONDS, MAX_SEATS

CREATED, UPDATED, DELETED = (f"customer.subscription.{word}" for word in ("created", "updated", "deleted"))
DONE, PAID, FAILED = "checkout.session.completed", "invoice.paid", "invoice.payment_failed"


class BillingCase(PlanCase):
    def setUp(self) -> None:
        super().setUp()
        self.number = itertools.count(1)

    def take(
        self, kind: str, thing: dict[str, Any], *, created: int = NOW, event_id: str = "", now: float = NOW
    ) -> Holder | None:
        said = event(kind, thing, event_id=event_id or f"evt_{next(self.number)}", created=created)
        return self.run_now(billing.take, read_event(encoded(said)), now=now)

    def held(self, holder: str = "ann", kind: Kind = Kind.USER, now: float = NOW) -> Subscription | None:
        found = self.run_now(plans.current, kind, holder, now=now)
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def clear(self) -> None:
        for table in ("subscriptions", "billing_events"):
            self.direct.connection.execute(f"DELETE FROM {table}")


class LifeTests(BillingCase):
    def test_who_has_paid_is_pro(self) -> None:
        self.assertIsNone(self.take(CREATED, subscription()), "nobody knows whose")
        self.assertEqual(self.standing(), FREE)
        self.assertEqual(self.take(DONE, checkout("ann")), (Kind.USER, "ann"))
        self.assertEqual(self.standing(), OWN)

    def test_whatever_comes_first(self) -> None:
        steps = [
            (CREATED, subscription(status="incomplete"), NOW),
            (UPDATED, subscription(seats=1), NOW + 1),
            (DONE, checkout("ann"), NOW + 1),
            (PAID, invoice(), NOW + 1),
        ]
        for order in itertools.permutations(steps):
            self.clear()
            for kind, thing, created in order:
                self.take(kind, thing, created=created)
            found = self.held()
            assert found is not None, [kind for kind, _, _ in order]
            self.assertEqual((found.status, found.period_end), (Status.ACTIVE, NOW + PERIOD))

    def test_an_organisation_has_as_many_seats_as_it_pays_for(self) -> None:
        self.org("eve", "ann", "bob")
        self.take(DONE, checkout(ORG))
        self.assertEqual(self.pro(), {"eve"})
        self.assertEqual(self.take(UPDATED, subscription(seats=2)), (Kind.ORG, ORG))
        self.assertEqual(self.pro(), {"eve", "ann"})
        self.take(UPDATED, subscription(seats=1), created=NOW + 1)
        self.assertEqual(self.pro(), {"eve"})
        self.take(UPDATED, subscription(seats=10**9), created=NOW + 2)
        self.assertEqual(self.run_now(plans.seats_of, ORG, now=NOW), MAX_SEATS)

    def test_a_checkout_that_is_not_paid_yet_gives_nothing(self) -> None:
        self.take(DONE, checkout("ann", payment_status="unpaid"))
        self.assertEqual(self.standing(), FREE)
        self.take(PAID, invoice())
        self.assertEqual(self.standing(), OWN)

    def test_a_payment_that_fails_takes_nothing_until_the_provider_gives_up(self) -> None:
        self.take(DONE, checkout("ann"))
        self.take(UPDATED, subscription())
        self.assertEqual(self.take(FAILED, invoice(), created=NOW + 1), (Kind.USER, "ann"))
        found = self.held()
        assert found is not None
        self.assertEqual((found.status, self.standing()), (Status.PAST_DUE, OWN))
        self.take(PAID, invoice(end=NOW + 2 * PERIOD), created=NOW + 2)
        found = self.held()
        assert found is not None
        self.assertEqual((found.status, found.period_end), (Status.ACTIVE, NOW + 2 * PERIOD))
        self.take(UPDATED, subscription(status="unpaid"), created=NOW + 3)
        self.assertEqual(self.standing(), FREE)
        self.take(UPDATED, subscription(), created=NOW + 4)
        self.assertEqual(self.standing(), OWN)

    def test_one_that_is_cancelled_goes_on_until_its_period_ends(self) -> None:
        self.take(DONE, checkout("ann"))
        self.take(UPDATED, subscription(cancel_at_period_end=True))
        self.assertEqual(self.standing(now=NOW + PERIOD - 1), OWN)
        self.assertEqual(self.standing(now=NOW + PERIOD), FREE)
        self.take(DELETED, subscription(status="canceled"), created=NOW + 5)
        self.assertEqual(self.standing(), FREE)

    def test_statuses(self) -> None:
        self.take(DONE, checkout("ann"))
        expected = {"active": OWN, "trialing": OWN, "past_due": OWN}
        words = [
            *expected,
            "incomplete",
            "incomplete_expired",
            "unpaid",
            "paused",
            "canceled",
            "something new",
        ]
        for number, status in enumerate(words, 1):
            self.take(UPDATED, subscription(status=status), created=NOW + number)
            self.assertEqual(self.standing(), expected.get(status, FREE), status)


class OrderTests(BillingCase):
    def setUp(self) -> None:
        super().setUp()
        self.take(DONE, checkout("ann"))

    def test_the_same_event_twice_counts_once(self) -> None:
        self.assertIsNotNone(self.take(UPDATED, subscription(seats=5), event_id="evt_x"))
        self.assertIsNone(self.take(UPDATED, subscription(seats=9), event_id="evt_x", created=NOW + 1))
        found = self.held()
        assert found is not None
        self.assertEqual(found.seats, 5)

    def test_an_older_event_that_comes_later_changes_nothing(self) -> None:
        self.take(UPDATED, subscription(seats=5), created=NOW + 10)
        self.assertIsNone(self.take(UPDATED, subscription(seats=2, status="unpaid"), created=NOW + 9))
        self.assertIsNone(self.take(CREATED, subscription(status="incomplete"), created=NOW + 10))
        self.assertIsNone(self.take(FAILED, invoice(), created=NOW + 9))
        found = self.held()
        assert found is not None
        self.assertEqual((found.seats, found.status), (5, Status.ACTIVE))

    def test_an_invoice_does_not_make_a_change_of_the_subscription_old(self) -> None:
        self.take(UPDATED, subscription(seats=2), created=NOW)
        self.take(PAID, invoice(), created=NOW + 2)
        self.take(UPDATED, subscription(seats=7), created=NOW + 1)
        found = self.held()
        assert found is not None
        self.assertEqual(found.seats, 7)

    def test_what_was_deleted_never_comes_back(self) -> None:
        self.take(DELETED, subscription(), created=NOW)
        for kind, thing in ((UPDATED, subscription()), (PAID, invoice()), (DONE, checkout("ann"))):
            self.take(kind, thing, created=NOW + 10)
            self.assertEqual(self.standing(), FREE, kind)

    def test_a_deletion_counts_even_when_it_looks_old(self) -> None:
        self.take(UPDATED, subscription(), created=NOW + 10)
        self.take(DELETED, subscription(), created=NOW + 9)
        self.assertEqual(self.standing(), FREE)

    def test_events_are_remembered_for_long_and_not_for_ever(self) -> None:
        self.take(UPDATED, subscription(), event_id="evt_x")
        self.take("ping", {}, now=NOW + BILLING_EVENT_SECONDS)
        late = NOW + BILLING_EVENT_SECONDS
        self.assertIsNone(self.take(UPDATED, subscription(), event_id="evt_x", created=NOW + 5, now=late))
        self.take("ping", {}, now=NOW + BILLING_EVENT_SECONDS + 1)
        rows = self.direct.connection.execute("SELECT id FROM billing_events WHERE id = 'evt_x'").fetchall()
        self.assertEqual(rows, [])


class HolderTests(BillingCase):
    def test_nobody_gets_what_was_paid_for_by_nobody(self) -> None:
        for holder in (None, "", "nobody", "x' OR '1'='1", "b64_", "b64_!!!", "b64_/w", "ANN", "ann "):
            self.clear()
            self.assertIsNone(self.take(DONE, checkout(holder)), holder)
            self.assertEqual(self.pro(), set(), holder)

    def test_a_removed_user_is_nobody(self) -> None:
        self.run_now(users.remove, "ann", now=NOW)
        self.assertIsNone(self.take(DONE, checkout("ann")))

    def test_one_that_was_for_nobody_can_still_find_somebody(self) -> None:
        self.take(DONE, checkout("nobody"))
        self.assertEqual(self.take(DONE, checkout("ann")), (Kind.USER, "ann"))

    def test_one_that_is_somebodys_stays_theirs(self) -> None:
        """A checkout of Eve's that names Ann's subscription must not take it."""
        self.take(DONE, checkout("ann"))
        self.assertIsNone(self.take(DONE, checkout("eve")))
        self.assertEqual(self.pro(), {"ann"})

    def test_two_subscriptions_of_one_user_end_one_by_one(self) -> None:
        self.take(DONE, checkout("ann", "sub_1"))
        self.take(DONE, checkout("ann", "sub_2"))
        self.take(DELETED, subscription("sub_1"))
        self.assertEqual(self.standing(), OWN)
        self.take(DELETED, subscription("sub_2"))
        self.assertEqual(self.standing(), FREE)

    def test_names_that_do_not_pass_a_payment_link_are_coded(self) -> None:
        for user_id in ("o.k@example.org", "b64_x", "ünï", "a_b-c"):
            self.run_now(users.add, user_id, name="N", provider="test", now=NOW)
            named = billing.reference_of(user_id)
            self.assertRegex(named, r"^[A-Za-z0-9_-]+$")
            self.assertEqual(self.run_now(billing.find_holder, named), (Kind.USER, user_id))
        self.assertEqual(billing.reference_of("a_b-c"), "a_b-c")
