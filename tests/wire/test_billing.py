"""What is read of a payment provider's events: the documented shapes, old and new, and what is none."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.web.payments import NOW, PERIOD, checkout, encoded, event, invoice, subscription
from wingthing.errors import InvalidMessage
from wingthing.wire.billing import (
    BillingEvent,
    CheckoutDone,
    InvoiceSettled,
    SubscriptionState,
    What,
    read_event,
)

CREATED, UPDATED, DELETED = (f"customer.subscription.{word}" for word in ("created", "updated", "deleted"))


def read(kind: str, thing: dict[str, Any]) -> What | None:
    return read_event(encoded(event(kind, thing))).what


def state(**fields: Any) -> SubscriptionState:
    known = {"reference": "sub_1", "customer": "cus_1", "status": "active", "seats": 1}
    return SubscriptionState(
        **{**known, "period_end": NOW + PERIOD, "cancel_at_end": False, "rank": 2, **fields}
    )


class ShapeTests(TestCase):
    def test_the_envelope(self) -> None:
        found = read_event(encoded(event("ping", {}, event_id="evt_7", created=5)))
        self.assertEqual(found, BillingEvent("evt_7", 5, None))

    def test_a_subscription_of_either_shape(self) -> None:
        for old in (False, True):
            self.assertEqual(read(UPDATED, subscription(seats=3, old=old)), state(seats=3))

    def test_in_which_order_events_of_one_second_count(self) -> None:
        ranks = []
        for kind in (CREATED, UPDATED, DELETED):
            found = read(kind, subscription())
            assert isinstance(found, SubscriptionState)
            ranks.append(found.rank)
        self.assertEqual(ranks, sorted(set(ranks)))

    def test_one_that_was_deleted_has_ended_whatever_it_says(self) -> None:
        self.assertEqual(read(DELETED, subscription()), state(status="canceled", rank=3))

    def test_one_that_ends_with_its_period_or_at_a_time(self) -> None:
        self.assertEqual(read(UPDATED, subscription(cancel_at_period_end=True)), state(cancel_at_end=True))
        found = read(UPDATED, subscription(cancel_at=NOW + 5))
        self.assertEqual(found, state(cancel_at_end=True, period_end=NOW + 5))

    def test_one_of_a_customer_that_is_there_as_a_whole(self) -> None:
        found = read(UPDATED, subscription(customer={"id": "cus_9", "object": "customer"}))
        self.assertEqual(found, state(customer="cus_9"))

    def test_one_that_says_little(self) -> None:
        found = read(UPDATED, {"id": "sub_1", "status": "active"})
        self.assertEqual(found, state(customer="", period_end=None))

    def test_a_checkout(self) -> None:
        expected = CheckoutDone(reference="sub_1", customer="cus_1", holder="ann", paid=True)
        self.assertEqual(read("checkout.session.completed", checkout("ann")), expected)
        later = read("checkout.session.completed", checkout("ann", payment_status="unpaid"))
        assert isinstance(later, CheckoutDone)
        self.assertFalse(later.paid)

    def test_a_checkout_that_is_no_subscription(self) -> None:
        for more in ({"mode": "payment"}, {"mode": None}, {"subscription": None}, {"subscription": 5}):
            self.assertIsNone(read("checkout.session.completed", checkout("ann") | more), more)

    def test_an_invoice_of_either_shape(self) -> None:
        for old in (False, True):
            for kind, paid in (("invoice.paid", True), ("invoice.payment_failed", False)):
                expected = InvoiceSettled(reference="sub_1", paid=paid, period_end=NOW + PERIOD)
                self.assertEqual(read(kind, invoice(old=old)), expected)

    def test_an_invoice_of_no_subscription(self) -> None:
        self.assertIsNone(read("invoice.paid", {"id": "in_1", "parent": None}))

    def test_what_is_of_no_interest(self) -> None:
        for kind in ("customer.created", "charge.succeeded", "invoice.created", "x" * 200):
            self.assertIsNone(read(kind, subscription()))


class WrongTests(TestCase):
    def test_what_is_no_event(self) -> None:
        whole = event(UPDATED, subscription())
        for broken in (
            {**whole, "id": ""},
            {**whole, "id": 5},
            {**whole, "id": "x" * 300},
            {**whole, "created": "now"},
            {**whole, "created": -1},
            {**whole, "data": []},
            {name: value for name, value in whole.items() if name != "id"},
            event(UPDATED, subscription(status=7)),
            event(UPDATED, {"status": "active"}),
            event("checkout.session.completed", checkout("x" * 300)),
        ):
            with self.assertRaises(InvalidMessage):
                read_event(encoded(broken))
        for body in (b"", b"[]", b"null", b"{" * 10_000, b'{"id": "\xff"}', b"[" * 100_000):
            with self.assertRaises(InvalidMessage):
                read_event(body)

    def test_an_event_without_an_object(self) -> None:
        self.assertIsNone(read_event(encoded({**event(UPDATED, {}), "data": {}})).what)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(list(subscription())) | st.text(), inner)
            ),
            max_leaves=8,
        )
    )
    def test_nothing_breaks_it(self, thing: Any) -> None:
        for kind in (UPDATED, "checkout.session.completed", "invoice.paid"):
            body = json.dumps({"id": "evt_1", "type": kind, "created": 1, "data": {"object": thing}}).encode()
            try:
                read_event(body)
            except InvalidMessage:
                continue
