"""What each user may do, as the edges hear it."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.store import entitlements, plans, users
from wingthing.store.plans import Kind, Source
from wingthing.wire.internal import Entitlement, Tier

NOW = 1_800_000_000.0


class EntitlementsTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id, email in (("eve", ""), ("ann", "ann@example.org")):
            self.run_now(users.add, user_id, name=user_id.title(), email=email, provider="test", now=NOW)

    def every(self) -> list[Entitlement]:
        return self.run_now(entitlements.every, now=NOW)

    def test_everybody_is_known_and_free_by_nature(self) -> None:
        self.assertEqual(
            self.every(),
            [
                Entitlement(
                    user_id="ann",
                    tier=Tier.FREE,
                    display_name="Ann",
                    email="ann@example.org",
                    provider="test",
                ),
                Entitlement(user_id="eve", tier=Tier.FREE, display_name="Eve", provider="test"),
            ],
        )

    def test_a_tier_is_granted_and_taken_away(self) -> None:
        self.run_now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.assertEqual([each.tier for each in self.every()], [Tier.PRO, Tier.FREE])
        self.run_now(plans.withdraw, Kind.USER, "ann", now=NOW)
        self.assertEqual([each.tier for each in self.every()], [Tier.FREE, Tier.FREE])

    def test_a_removed_user_is_nobody(self) -> None:
        self.run_now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.run_now(users.remove, "ann", now=NOW)
        self.assertEqual([each.user_id for each in self.every()], ["eve"])

    def test_a_plan_of_nobody_makes_nobody(self) -> None:
        self.run_now(plans.grant, Kind.USER, "nobody", Source.OPERATOR, now=NOW)
        self.assertEqual([each.user_id for each in self.every()], ["ann", "eve"])
