"""What a user has and has used, and how that changes: granted at once, or sold."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.web.plan_case import CAP, CHECKOUT, ORG, PORTAL, PaidCase, PlanCase
from tests.web.support import NOW
from wingthing.store import plans
from wingthing.store.plans import Kind, Source

FEBRUARY = 1_801_440_000.0


class UsageTests(PlanCase):
    def test_the_month_day_by_day(self) -> None:
        self.usage.sent["ann"] = 12345
        said = self.get("/api/app/usage").json
        days = said.pop("days")
        self.assertEqual(
            said,
            {
                "tier": "free",
                "usage_bytes": 12345,
                "cap_bytes": CAP,
                "exceeded": False,
                "month": "2027-01",
                "resets_at": FEBRUARY,
                "notice": False,
                "via_org": "",
            },
        )
        self.assertEqual((len(days), days[0]), (15, {"day": "2027-01-01", "bytes": 0}))
        self.assertEqual(days[-1], {"day": "2027-01-15", "bytes": 12345})

    def test_most_of_it_and_all_of_it(self) -> None:
        for used, notice, exceeded in ((CAP * 4 // 5 - 1, False, False), (CAP * 4 // 5, True, False),
                                       (CAP - 1, True, False), (CAP, True, True)):  # fmt: skip
            self.usage.sent["ann"] = used
            said = self.get("/api/app/usage").json
            self.assertEqual((said["notice"], said["exceeded"]), (notice, exceeded), used)

    def test_nothing_is_exceeded_on_the_pro_plan(self) -> None:
        self.usage.sent["ann"] = 10 * CAP
        self.post("/api/app/upgrade", {})
        said = self.get("/api/app/usage").json
        self.assertEqual((said["tier"], said["cap_bytes"]), ("pro", None))
        self.assertEqual((said["exceeded"], said["notice"], said["via_org"]), (False, False, ""))

    def test_a_seat_says_whose_it_is(self) -> None:
        self.org("ann")
        self.run_now(plans.grant, Kind.ORG, ORG, Source.OPERATOR, seats=1, now=NOW)
        self.assertEqual(self.get("/api/app/usage").json["via_org"], ORG)
        me = self.get("/api/app/me").json
        self.assertEqual((me["tier"], me["is_pro"], me["personal_pro"]), ("pro", True, False))

    def test_nobody_sees_another_ones(self) -> None:
        self.usage.sent["bob"] = 99
        self.assertEqual(self.get("/api/app/usage").json["usage_bytes"], 0)
        self.cookie = ""
        for method, path in (("GET", "usage"), ("POST", "upgrade"), ("POST", "downgrade")):
            self.assertEqual(self.ask(method, f"/api/app/{path}").status, 401)


class UpgradeTests(PlanCase):
    def me(self) -> tuple[str, bool, bool]:
        said = self.get("/api/app/me").json
        return said["tier"], said["is_pro"], said["personal_pro"]

    def test_where_nothing_is_sold_an_upgrade_is_granted_at_once(self) -> None:
        self.assertEqual(self.me(), ("free", False, False))
        self.assertEqual(self.post("/api/app/upgrade", {}).json, {"ok": True, "tier": "pro"})
        self.assertEqual((self.me(), self.changes), (("pro", True, True), [(Kind.USER, "ann")]))
        self.assertEqual(self.post("/api/app/upgrade", {}).json, {"ok": True, "tier": "pro"})
        self.assertEqual(self.tier("bob"), "free")
        self.assertEqual(self.post("/api/app/downgrade", {}).json, {"ok": True, "tier": "free"})
        self.assertEqual((self.me(), len(self.changes)), (("free", False, False), 2))
        self.assertEqual(
            self.noted(), [("ann", "", "pro plan taken", ""), ("ann", "", "pro plan given back", "")]
        )

    def test_who_has_none_gives_none_back(self) -> None:
        self.assertEqual(self.post("/api/app/downgrade", {}).json, {"ok": True, "tier": "free"})
        self.assertEqual((self.changes, self.noted()), ([], []))

    def test_whoever_gives_back_their_own_keeps_their_seat(self) -> None:
        self.org("ann")
        self.run_now(plans.grant, Kind.ORG, ORG, Source.OPERATOR, seats=1, now=NOW)
        self.post("/api/app/upgrade", {})
        self.assertEqual(self.post("/api/app/downgrade", {}).json, {"ok": True, "tier": "pro"})
        self.assertEqual(self.me(), ("pro", True, False))

    def test_a_foreign_page_cannot(self) -> None:
        for origin in (None, "https://evil.example"):
            self.assertEqual(self.post("/api/app/upgrade", {}, Origin=origin).status, 403)
        self.assertEqual(self.tier(), "free")

    def test_only_by_post(self) -> None:
        for path in ("upgrade", "downgrade"):
            self.assertEqual(self.get(f"/api/app/{path}").status, 405)


class LocalTests(PlanCase):
    settled = False

    def test_everything_is_there_and_stays(self) -> None:
        for path in ("upgrade", "downgrade"):
            self.assertEqual(self.post(f"/api/app/{path}", {}).json, {"ok": True, "tier": "pro"})
        self.assertEqual(self.get("/api/app/usage").json["cap_bytes"], None)
        self.assertEqual(self.store.connection.execute("SELECT * FROM subscriptions").fetchall(), [])
        self.assertEqual(self.get("/api/app/me").json["personal_pro"], True)


class PaidTests(PaidCase):
    def pay(self, **columns: object) -> None:
        values = {
            "kind": "user",
            "holder": "ann",
            "source": "payment",
            "reference": "sub_1",
            "status": "active",
            "period_end": FEBRUARY,
            "created_at": NOW,
            "changed_at": NOW,
            **columns,
        }
        marks = ", ".join("?" * len(values))
        self.store.connection.execute(
            f"INSERT OR REPLACE INTO subscriptions ({', '.join(values)}) VALUES ({marks})",
            tuple(values.values()),
        )

    def test_an_upgrade_is_sold(self) -> None:
        answer = self.post("/api/app/upgrade", {})
        said = answer.json
        self.assertEqual((answer.status, set(said)), (402, {"error", "checkout_url"}))
        url = urlsplit(said["checkout_url"])
        self.assertTrue(said["checkout_url"].startswith(CHECKOUT.partition("?")[0]))
        expected = {"locale": ["de"], "client_reference_id": ["ann"], "prefilled_email": ["ann@example.org"]}
        self.assertEqual(parse_qs(url.query), expected)
        self.assertEqual((self.tier(), self.changes), ("free", []))

    def test_nobody_pays_twice(self) -> None:
        self.pay()
        self.assertEqual(self.post("/api/app/upgrade", {}).json, {"ok": True, "tier": "pro"})

    def test_what_is_paid_for_is_cancelled_where_it_is_paid(self) -> None:
        """Ending it here would leave the payments running."""
        self.pay()
        answer = self.post("/api/app/downgrade", {})
        self.assertEqual((answer.status, answer.json["portal_url"]), (409, PORTAL))
        for words in (PORTAL, "1 February 2027"):
            self.assertIn(words, answer.json["error"])
        self.assertEqual(self.tier(), "pro")

    def test_once_cancelled_it_goes_on_until_its_period_ends(self) -> None:
        self.pay(cancel_at_end=1)
        self.assertEqual(self.post("/api/app/downgrade", {}).json, {"ok": True, "tier": "pro"})
        self.clock.advance(FEBRUARY - NOW)
        self.assertEqual(self.tier(), "free")

    def test_a_grant_is_given_back_all_the_same(self) -> None:
        self.run_now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.assertEqual(self.post("/api/app/downgrade", {}).json, {"ok": True, "tier": "free"})
