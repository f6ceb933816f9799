"""The webhook: the payment provider is believed by its signature, and nobody else by anything."""

from __future__ import annotations

from typing import Any

from tests.web.payments import NOW, checkout, encoded, event, signed, subscription
from tests.web.plan_case import ORG, PaidCase, PlanCase
from tests.web.support import Answer
from wingthing.store.plans import Kind
from wingthing.wire.limits import MAX_BODY_BYTES, WEBHOOK_TOLERANCE_SECONDS

PATH = "/billing/webhook"
PAID = encoded(event("checkout.session.completed", checkout("ann")))


class WebhookCase(PaidCase):
    def setUp(self) -> None:
        super().setUp()
        self.cookie = ""

    def say(self, body: bytes, signature: str | None = None, **headers: str | None) -> Answer:
        """As the provider does: no cookie, no Origin."""
        given = signed(body) if signature is None else signature
        sent: dict[str, str | None] = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": given,
        }
        return self.ask("POST", PATH, body, sent | headers)


class BelievedTests(WebhookCase):
    def test_who_has_paid_is_pro_at_once(self) -> None:
        self.assertEqual(self.say(PAID).json, {"ok": True})
        self.assertEqual((self.tier(), self.changes), ("pro", [(Kind.USER, "ann")]))
        self.assertEqual(self.noted(), [("ann", "", "plan changed", "sub_1")])

    def test_seats_of_an_organisation(self) -> None:
        self.org("bob", "ann")
        for number, (kind, thing) in enumerate(
            (
                ("customer.subscription.created", subscription(seats=2)),
                ("checkout.session.completed", checkout(ORG)),
            )
        ):
            self.say(encoded(event(kind, thing, event_id=f"evt_{number}")))
        self.assertEqual((self.tier("ann"), self.tier("bob")), ("pro", "pro"))
        self.assertEqual(self.noted(), [("", ORG, "plan changed", "sub_1")])

    def test_a_replay_within_the_tolerance_is_taken_once(self) -> None:
        for _ in range(3):
            self.assertEqual(self.say(PAID).status, 200)
        self.assertEqual((len(self.changes), len(self.noted())), (1, 1))

    def test_what_is_of_no_interest_is_acknowledged(self) -> None:
        for kind in ("customer.created", "something.new"):
            self.assertEqual(self.say(encoded(event(kind, {"id": "x"}))).status, 200)
        self.assertEqual((self.changes, self.noted()), ([], []))

    def test_a_payment_for_nobody_is_acknowledged_and_logged(self) -> None:
        self.assertEqual(
            self.say(encoded(event("checkout.session.completed", checkout("nobody")))).status, 200
        )
        self.assertEqual(self.changes, [])

    def test_a_database_that_is_busy_asks_for_it_again(self) -> None:
        self.store.refusing = True
        self.assertEqual(self.say(PAID).status, 503)
        self.store.refusing = False
        self.assertEqual((self.say(PAID).status, self.tier()), (200, "pro"))


class ForgedTests(WebhookCase):
    def refused(self, answer: Answer, status: int = 400) -> None:
        self.assertEqual((answer.status, answer.header("content-type")), (status, "application/json"))
        self.assertTrue(answer.error)
        self.assertEqual((self.tier(), self.changes, self.noted()), ("free", [], []))
        rows = self.store.connection.execute("SELECT * FROM billing_events").fetchall()
        self.assertEqual(rows, [], "it must not keep the true one out")

    def test_without_a_signature(self) -> None:
        self.refused(self.ask("POST", PATH, PAID, {"Content-Type": "application/json"}))
        self.refused(self.say(PAID, ""))

    def test_with_another_secret(self) -> None:
        self.refused(self.say(PAID, signed(PAID, secret="whsec_guessed")))
        self.refused(self.say(PAID, signed(PAID, secret="")))

    def test_with_another_body(self) -> None:
        other = encoded(event("checkout.session.completed", checkout("bob")))
        self.refused(self.say(other, signed(PAID)))
        self.refused(self.say(PAID + b"\n", signed(PAID)))

    def test_with_a_signature_of_long_ago(self) -> None:
        self.refused(self.say(PAID, signed(PAID, at=NOW - WEBHOOK_TOLERANCE_SECONDS - 1)))
        self.refused(self.say(PAID, signed(PAID, at=NOW + WEBHOOK_TOLERANCE_SECONDS + 1)))

    def test_with_the_time_of_now_and_a_signature_of_long_ago(self) -> None:
        old = signed(PAID, at=NOW - 9999).partition(",")[2]
        self.refused(self.say(PAID, f"t={NOW},{old}"))

    def test_with_a_scheme_that_does_not_count(self) -> None:
        self.refused(self.say(PAID, signed(PAID, scheme="v0")))

    def test_signed_but_no_event(self) -> None:
        for body in (b"", b"[]", b"{", b"null", b'{"id": 1}'):
            self.refused(self.say(body))

    def test_too_large(self) -> None:
        self.refused(self.say(b" " * (MAX_BODY_BYTES + 1)), 413)

    def test_a_login_does_not_help(self) -> None:
        self.log_in_as("ann")
        self.refused(self.ask("POST", PATH, PAID, {"Content-Type": "application/json"}))
        self.refused(self.ask("POST", PATH, PAID, {"Stripe-Signature": signed(PAID), "Origin": None}), 403)

    def test_only_by_post(self) -> None:
        self.assertEqual(self.get(PATH).status, 405)
        self.assertEqual(self.post("/billing/", None).status, 404)

    def test_the_secret_is_nowhere_in_an_answer(self) -> None:
        for answer in (self.say(PAID, "t=1"), self.say(b"{"), self.say(PAID)):
            self.assertNotIn("whsec", answer.text)


class WithoutProviderTests(PlanCase):
    def test_there_is_no_webhook(self) -> None:
        self.cookie = ""
        answer: Any = self.ask("POST", PATH, PAID, {"Stripe-Signature": signed(PAID, secret="")})
        self.assertEqual((answer.status, self.tier()), (404, "free"))
