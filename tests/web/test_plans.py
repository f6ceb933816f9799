"""What an organisation does with its plan; who may is for its API to know."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twisted.internet.defer import Deferred

from tests.web.plan_case import ORG, PORTAL, PaidCase, PlanCase
from tests.web.support import NOW
from wingthing.errors import InvalidMessage, PeerError
from wingthing.store import plans
from wingthing.store.plans import Kind, Source
from wingthing.testing import identity
from wingthing.web.plans import OrgPlan
from wingthing.wire.internal import Tier
from wingthing.wire.limits import MAX_SEATS

ANN = identity("ann")


class OrgTests(PlanCase):
    def setUp(self) -> None:
        super().setUp()
        self.org("ann", "bob")

    def run_plan(self, coroutine: Coroutine[Any, Any, OrgPlan]) -> OrgPlan:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_seats_are_taken_changed_and_given_back(self) -> None:
        self.assertEqual(self.run_plan(self.plans.of_org(ORG)), OrgPlan(Tier.FREE, 0))
        self.assertEqual(self.run_plan(self.plans.upgrade(ANN, ORG, 1)), OrgPlan(Tier.PRO, 1))
        self.assertEqual((self.tier("ann"), self.tier("bob")), ("pro", "free"))
        self.assertEqual(self.run_plan(self.plans.upgrade(ANN, ORG, 2)), OrgPlan(Tier.PRO, 2))
        self.assertEqual(self.tier("bob"), "pro")
        self.assertEqual(self.run_plan(self.plans.cancel(ANN, ORG)), OrgPlan(Tier.FREE, 0))
        self.assertEqual((self.tier("ann"), self.tier("bob")), ("free", "free"))
        self.assertEqual(self.changes, [(Kind.ORG, ORG)] * 3)
        self.assertEqual(
            self.noted(),
            [
                ("ann", ORG, "seats taken", "1"),
                ("ann", ORG, "seats taken", "2"),
                ("ann", ORG, "seats given back", ""),
            ],
        )

    def test_without_a_number_everybody_who_is_in_it_has_one(self) -> None:
        self.assertEqual(self.run_plan(self.plans.upgrade(ANN, ORG)), OrgPlan(Tier.PRO, 2))

    def test_numbers_that_are_none(self) -> None:
        for seats in (0, -1, MAX_SEATS + 1):
            self.failureResultOf(Deferred.fromCoroutine(self.plans.upgrade(ANN, ORG, seats)), InvalidMessage)
        self.assertEqual(self.changes, [])

    def test_as_json(self) -> None:
        import msgspec

        plan = self.run_plan(self.plans.upgrade(ANN, ORG, 3))
        self.assertEqual(
            msgspec.json.decode(msgspec.json.encode(plan)), {"ok": True, "plan": "pro", "seats": 3}
        )


class PaidOrgTests(PaidCase):
    def setUp(self) -> None:
        super().setUp()
        self.org("ann", "bob")

    def refused(self, coroutine: Coroutine[Any, Any, OrgPlan]) -> PeerError:
        failure = self.failureResultOf(Deferred.fromCoroutine(coroutine), PeerError)
        assert isinstance(failure.value, PeerError)
        return failure.value

    def test_seats_are_sold(self) -> None:
        why = self.refused(self.plans.upgrade(ANN, ORG, 7))
        self.assertEqual(why.status, 402)
        query = parse_qs(urlsplit(str(why.fields["checkout_url"])).query)
        self.assertEqual((query["client_reference_id"], query["seats"]), ([ORG], ["7"]))
        self.assertEqual(self.tier(), "free")

    def test_what_is_paid_for_is_changed_and_cancelled_where_it_is_paid(self) -> None:
        self.store.connection.execute(
            "INSERT INTO subscriptions (kind, holder, source, reference, status, seats, created_at, "
            "changed_at) VALUES ('org', ?, 'payment', 'sub_1', 'past_due', 2, 0, 0)",
            (ORG,),
        )
        for coroutine in (self.plans.upgrade(ANN, ORG, 7), self.plans.cancel(ANN, ORG)):
            why = self.refused(coroutine)
            self.assertEqual((why.status, why.fields), (409, {"portal_url": PORTAL}))
            self.assertIn("Its last payment has failed", str(why))
        self.assertEqual((self.tier("bob"), self.changes), ("pro", []))

    def test_what_the_operator_has_granted_is_given_back(self) -> None:
        self.run_now(plans.grant, Kind.ORG, ORG, Source.OPERATOR, seats=2, now=NOW)
        plan = self.successResultOf(Deferred.fromCoroutine(self.plans.cancel(ANN, ORG)))
        self.assertEqual(plan, OrgPlan(Tier.FREE, 0))
