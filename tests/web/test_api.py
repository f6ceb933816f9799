"""`/api/app/`: what the browser app asks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.web.support import NOW, WING, Answer, WebCase
from wingthing import __version__
from wingthing.store import labels, users
from wingthing.wire.limits import MAX_LABEL_CHARS
from wingthing.wire.records import WingRecord
from wingthing.wire.text import is_plain

OTHER = "00112233445566778899aabb"


class ApiCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in()
        self.wings.of["local"] = [
            WingRecord(wing_id=WING, connection_id="c", user_id="local", owner="Robin", public_key="key")
        ]


class MeTests(ApiCase):
    def test_me(self) -> None:
        answer = self.get("/api/app/me")
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(
            answer.json,
            {
                "id": "local",
                "display_name": "Robin",
                "provider": "local",
                "avatar_url": "",
                "email": "",
                "tier": "pro",
                "is_pro": True,
                "personal_pro": True,
                "roost_mode": True,
                "has_passkeys": False,
                "sign_in": False,
            },
        )


class WingsTests(ApiCase):
    def test_the_fields_of_one(self) -> None:
        self.assertEqual(
            self.get("/api/app/wings").json,
            [
                {
                    "wing_id": WING,
                    "public_key": "key",
                    "user_id": "local",
                    "org_id": "",
                    "latest_version": __version__,
                    "locked": False,
                    "allowed_count": 0,
                }
            ],
        )

    def test_somebody_elses_names_its_owner(self) -> None:
        self.wings.of["local"] = [
            WingRecord(
                wing_id=OTHER, connection_id="c", user_id="ann", owner="Ann", org_id="crew", locked=True
            )
        ]
        (entry,) = self.get("/api/app/wings").json
        self.assertEqual((entry["owner"], entry["org_id"], entry["locked"]), ("Ann", "crew", True))
        self.run_now(users.add, "ann", name="Ann of today", provider="test", now=NOW)
        (entry,) = self.get("/api/app/wings").json
        self.assertEqual(entry["owner"], "Ann of today")

    def test_one_on_another_machine_than_the_browser_has_reached_names_it(self) -> None:
        self.wings.machines[WING] = "machine-2"
        for here, remote in (("machine-1", "machine-2"), ("machine-2", None)):
            self.here = here
            (entry,) = self.get("/api/app/wings").json
            self.assertEqual(entry.get("remote_node"), remote)

    def test_none(self) -> None:
        self.wings.of.clear()
        self.assertEqual(self.get("/api/app/wings").json, [])


class LabelTests(ApiCase):
    def put(self, label: object, wing_id: str = WING) -> Answer:
        return self.ask("PUT", f"/api/app/wings/{wing_id}/label", {"label": label})

    def label(self) -> str | None:
        (entry,) = self.get("/api/app/wings").json
        found: str | None = entry.get("label")
        return found

    def test_a_name_is_kept_changed_and_forgotten(self) -> None:
        for given_label, kept in (("desk", "desk"), ("  the   big one ", "the big one"), ("🪽", "🪽")):
            self.assertEqual(self.put(given_label).json, {"ok": True, "label": kept})
            self.assertEqual(self.label(), kept)
        self.assertEqual(self.ask("DELETE", f"/api/app/wings/{WING}/label").status, 200)
        self.assertIsNone(self.label())

    def test_bounds(self) -> None:
        self.assertEqual(self.put("x" * MAX_LABEL_CHARS).status, 200)
        for wrong in ("", "   ", "x" * (MAX_LABEL_CHARS + 1), 5, None, ["x"]):
            answer = self.put(wrong)
            self.assertEqual(answer.status, 400, wrong)
            self.assertTrue(answer.error)
        self.assertEqual(self.ask("PUT", f"/api/app/wings/{WING}/label", b"{}").status, 415)

    def test_only_a_wing_that_one_may_reach(self) -> None:
        self.assertEqual(self.put("mine", OTHER).status, 404)
        self.assertEqual(self.run_now(labels.of_user, "local"), {})

    @given(st.text(min_size=1, max_size=MAX_LABEL_CHARS))
    def test_any_text_is_text(self, label: str) -> None:
        answer = self.put(label)
        if answer.status == 200:
            self.assertEqual(self.label(), " ".join(label.split()))
        else:
            self.assertEqual(answer.status, 400)
            self.assertFalse(label.strip() and is_plain(label.strip()))

    def test_a_name_shows_what_it_is(self) -> None:
        for wrong in ("a\nb", "a\x1b[31mb", "a\x00b", "a\x9fb", "gpj.exe\u202e", "\u2066a\u2069", "a\u2028b"):
            self.assertIn("control characters", self.put(wrong).error, repr(wrong))
        self.assertIsNone(self.label())


class ResolveTests(ApiCase):
    def resolve(self, email: str) -> Answer:
        return self.get(f"/api/app/resolve-email?email={email}")

    def test_a_user_of_this_server(self) -> None:
        self.run_now(users.add, "ann", name="Ann", email="ann@example.org", provider="operator", now=NOW)
        found = {"user_id": "ann", "display_name": "Ann"}
        self.assertEqual(self.resolve("ANN@example.org").json, found)

    def test_nobody(self) -> None:
        for email in ("", "eve@example.org", "%25", "'%20OR%20'1'='1", "%ff", "%00"):
            answer = self.resolve(email)
            self.assertEqual(answer.status, 404, email)
            self.assertTrue(answer.error)
        self.assertEqual(self.get("/api/app/resolve-email").status, 404)


class FaultTests(ApiCase):
    def test_a_busy_database_is_503(self) -> None:
        self.direct.refusing = True
        answer = self.ask("PUT", f"/api/app/wings/{WING}/label", {"label": "x"})
        self.assertEqual((answer.status, answer.header("retry-after")), (503, "1"))
        self.assertIn("busy", answer.error)

    def test_a_bug_is_logged_and_says_nothing_of_itself(self) -> None:
        def broken(user_id: str) -> list[WingRecord]:
            raise RuntimeError("the secret inside")

        self.patch(self.wings, "reachable", broken)
        answer = self.get("/api/app/wings")
        self.assertEqual((answer.status, answer.error), (500, "internal error"))
        (logged,) = self.flushLoggedErrors(RuntimeError)
        self.assertIn("the secret inside", str(logged))

    def test_unknown_addresses(self) -> None:
        for path in ("/api", "/api/", "/api/app", "/api/app/", "/api/orgs", "/api/app/me/"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.error), (404, "not found"), path)
