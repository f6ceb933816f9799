"""A server with sign-in whose users have plans; and one that takes payments."""

from __future__ import annotations

from collections.abc import Mapping

from klein import Klein

from tests.store.support import counting
from tests.web.payments import SECRET
from tests.web.support import NOW, WebCase
from wingthing.store import login_sessions, plans, users
from wingthing.store.plans import Kind
from wingthing.web import plan_api
from wingthing.web.billing import SEGMENT, BillingApp
from wingthing.web.plan_api import PlanApi
from wingthing.web.plan_settings import Billing
from wingthing.web.plans import Plans
from wingthing.wire.internal import Terms
from wingthing.wire.plans import days_until

CAP = 1_000_000
CHECKOUT = "https://buy.example.org/plan?locale=de"
PORTAL = "https://pay.example.org/portal"
ORG = "org_acme"


class FakeUsage:
    """What users have been sent, by day."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.sent: dict[str, int] = {}

    async def days(self, user_id: str) -> dict[str, int]:
        days = dict.fromkeys(days_until(self.now), 0)
        days[list(days)[-1]] = self.sent.get(user_id, 0)
        return days


class PlanCase(WebCase):
    """Ann is logged in."""

    provider: Billing | None = None
    settled = True

    def setUp(self) -> None:
        self.usage = FakeUsage(NOW)
        self.randomness = counting()
        self.changes: list[tuple[Kind, str]] = []
        super().setUp()
        for user_id in ("ann", "bob"):
            self.run_now(users.add, user_id, name=user_id.title(), email=f"{user_id}@example.org",
                         provider="test", now=NOW)  # fmt: skip
        self.log_in_as("ann")

    def log_in_as(self, user_id: str) -> None:
        self.cookie = self.run_now(login_sessions.create, user_id, now=NOW, randomness=self.randomness)

    def make_plans(self) -> Plans:
        return Plans(
            database=self.database,
            seconds=self.clock.seconds,
            settled=self.settled,
            terms=Terms(cap_bytes=CAP, rate_bits=None),
            provider=self.provider,
            changed=lambda kind, holder: self.changes.append((kind, holder)),
        )

    def parts(self) -> Mapping[str, Klein]:
        api = PlanApi(
            authenticator=self.authenticator, plans=self.plans, usage=self.usage, seconds=self.clock.seconds
        )
        return dict.fromkeys(plan_api.PARTS, api.app)

    def accounts(self) -> Mapping[str, Klein]:
        if self.provider is None:
            return {}
        app = BillingApp(
            database=self.database,
            secret=self.provider.webhook_secret,
            seconds=self.clock.seconds,
            changed=lambda kind, holder: self.changes.append((kind, holder)),
        )
        return {SEGMENT: app.app}

    def org(self, *members: str) -> None:
        """An organisation whose members joined in this order."""
        execute = self.store.connection.execute
        execute("INSERT INTO orgs (id, slug, name, created_at) VALUES (?, 'acme', 'Acme', ?)", (ORG, NOW))
        for number, user_id in enumerate(members):
            execute(
                "INSERT INTO org_members (org_id, user_id, role, joined_at) VALUES (?, ?, 'member', ?)",
                (ORG, user_id, NOW + number),
            )

    def tier(self, user_id: str = "ann") -> str:
        return str(self.run_now(plans.standing, user_id, now=self.clock.seconds()).tier)

    def noted(self) -> list[tuple[str, str, str, str]]:
        """The audit log: user, organisation, action, subject."""
        rows = self.store.connection.execute(
            "SELECT user_id, org_id, action, subject FROM audit_log ORDER BY id"
        )
        return list(rows.fetchall())


class PaidCase(PlanCase):
    """A server that takes payments."""

    provider = Billing(SECRET, CHECKOUT, PORTAL)
