"""Plans, from the environment: numbers, and all or nothing of a payment provider."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import TestCase

from wingthing.assembly.plan_config import plan_settings
from wingthing.errors import OperatorError
from wingthing.web.plan_settings import USUAL, Billing, PlanSettings
from wingthing.wire.internal import Terms

SECRET, CHECKOUT, PORTAL = "whsec_x", "https://buy.example.org/x", "https://pay.example.org/"
PAID = {"WT_BILLING_WEBHOOK_SECRET": SECRET, "WT_BILLING_CHECKOUT_URL": CHECKOUT}


def read(environment: Mapping[str, str]) -> PlanSettings:
    return plan_settings(environment, with_sign_in=True)


class PlanSettingsTests(TestCase):
    def test_without_anything(self) -> None:
        self.assertEqual(read({}), USUAL)
        self.assertEqual(read({"WT_FREE_CAP_BYTES": " ", "WT_RATE_BITS": ""}), USUAL)
        self.assertEqual(USUAL.terms, Terms(cap_bytes=1 << 30, rate_bits=3_000_000))

    def test_other_numbers(self) -> None:
        found = read({"WT_FREE_CAP_BYTES": "5000", "WT_RATE_BITS": " 8000 "})
        self.assertEqual(found, PlanSettings(Terms(cap_bytes=5000, rate_bits=8000)))

    def test_none(self) -> None:
        found = read({"WT_FREE_CAP_BYTES": "0", "WT_RATE_BITS": "0"})
        self.assertEqual(found.terms, Terms())

    def test_what_is_no_number(self) -> None:
        for name in ("WT_FREE_CAP_BYTES", "WT_RATE_BITS"):
            for wrong in ("1GiB", "-1", "1.5", "1e9", "½", "٣", "9" * 30):
                with self.assertRaises(OperatorError) as caught:
                    read({name: wrong})
                self.assertIn(name, str(caught.exception))

    def test_a_payment_provider(self) -> None:
        self.assertEqual(read(PAID).billing, Billing(SECRET, CHECKOUT))
        found = read({**PAID, "WT_BILLING_PORTAL_URL": PORTAL}).billing
        self.assertEqual(found, Billing(SECRET, CHECKOUT, PORTAL))
        self.assertNotIn(SECRET, repr(found))

    def test_half_of_one(self) -> None:
        for name in PAID:
            rest = {other: value for other, value in PAID.items() if other != name}
            with self.assertRaises(OperatorError) as caught:
                read(rest)
            self.assertIn(name, str(caught.exception))
        self.assertRaises(OperatorError, read, {"WT_BILLING_PORTAL_URL": PORTAL})

    def test_one_where_nobody_signs_in(self) -> None:
        with self.assertRaises(OperatorError) as caught:
            plan_settings(PAID, with_sign_in=False)
        self.assertIn("sign in", str(caught.exception))
        self.assertEqual(plan_settings({}, with_sign_in=False), USUAL)

    def test_addresses_that_are_none(self) -> None:
        for name in ("WT_BILLING_CHECKOUT_URL", "WT_BILLING_PORTAL_URL"):
            for wrong in ("buy.example.org", "javascript:alert(1)", "https://", "http://[", "/x"):
                self.assertRaises(OperatorError, read, {**PAID, name: wrong})
