"""`/api/app/`: the audit log, and everything about a user at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from klein import Klein

from tests.web.support import NOW, WING, WebCase
from wingthing.crypto.digests import digest
from wingthing.store import audit, labels, users
from wingthing.web import account_log
from wingthing.web.account_log import AccountLog
from wingthing.web.audit_answers import PAGE_ENTRIES


class LogCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_now(users.add, "ann", name="Ann", email="ann@example.org", provider="test", now=NOW)
        self.log_in()

    def parts(self) -> Mapping[str, Klein]:
        log = AccountLog(authenticator=self.authenticator, database=self.database, seconds=self.clock.seconds)
        return dict.fromkeys(account_log.PARTS, log.app)

    def note(self, user_id: str, action: str, **more: str) -> None:
        self.run_now(audit.note, at=NOW, user_id=user_id, action=action, **more)


class AuditTests(LogCase):
    def test_ones_own_entries_and_nobody_elses(self) -> None:
        self.note("ann", "login")
        self.assertEqual(
            self.get("/api/app/audit").json,
            [
                {
                    "id": 1,
                    "at": NOW,
                    "who": "Robin",
                    "actor": "local",
                    "action": "login",
                    "subject": "",
                    "account": "local",
                    "account_name": "Robin",
                    "org_id": "",
                    "address": "127.0.0.1",
                }
            ],
        )

    def test_what_others_did_says_who_and_not_from_where(self) -> None:
        self.note("local", "removed from the organisation", by="ann", address="192.0.2.9", org_id="crew")
        self.note("local", "all devices revoked", by=audit.OPERATOR)
        operators, anns, _login = self.get("/api/app/audit").json
        self.assertEqual((operators["who"], anns["who"]), ("the operator", "Ann"))
        self.assertEqual((operators["actor"], anns["actor"]), ("operator:", "ann"))
        self.assertEqual((anns["address"], anns["org_id"]), ("", "crew"))

    def test_page_after_page(self) -> None:
        for number in range(PAGE_ENTRIES + 5):
            self.note("local", f"act {number}")
        first = self.get("/api/app/audit").json
        second = self.get(f"/api/app/audit?before={first[-1]['id']}").json
        self.assertEqual(len(first), PAGE_ENTRIES)
        self.assertEqual([e["action"] for e in second[:2]], ["act 4", "act 3"])
        self.assertEqual(second[-1]["action"], "login")
        self.assertEqual(self.get(f"/api/app/audit?before={second[-1]['id']}").json, [])

    def test_what_is_no_id(self) -> None:
        for wrong in ("", "x", "-1", "1.5", "1%27%20OR%201=1", "%EF%BC%91", "9" * 20):
            answer = self.get(f"/api/app/audit?before={wrong}")
            self.assertEqual(answer.status, 400, wrong)
            self.assertIn("before", answer.error)
        self.assertEqual(len(self.get(f"/api/app/audit?before={'9' * 19}").json), 1)

    def test_the_file(self) -> None:
        self.note("local", "=cmd()", by="ann", subject="-1")
        self.note("ann", "hers")
        answer = self.get("/api/app/audit.csv")
        self.assertEqual(answer.status, 200)
        self.assertTrue((answer.header("content-type") or "").startswith("text/csv"))
        self.assertEqual(
            answer.header("content-disposition"), 'attachment; filename="wingthing-audit-2027-01-15.csv"'
        )
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")
        rows = list(csv.reader(io.StringIO(answer.text, newline="")))
        self.assertEqual([row[1:4] for row in rows[1:]], [["Ann", "'=cmd()", "'-1"], ["Robin", "login", ""]])


class ExportTests(LogCase):
    def test_everything_and_no_secret(self) -> None:
        token = self.token(wing=WING)
        self.run_now(labels.put, "local", WING, "desk")
        self.run_now(labels.put, "ann", WING, "hers alone")
        answer = self.get("/api/app/export")
        self.assertEqual(
            (answer.status, answer.header("content-type"), answer.header("content-disposition")),
            (200, "application/json", 'attachment; filename="wingthing-export-2027-01-15.json"'),
        )
        everything = json.loads(answer.text)
        self.assertEqual(everything["profile"]["display_name"], "Robin")
        self.assertEqual(everything["labels"], [{"wing_id": WING, "label": "desk"}])
        self.assertEqual([d["wing_id"] for d in everything["devices"]], [WING])
        self.assertEqual([e["action"] for e in everything["audit_log"]], ["login"])
        (session,) = everything["login_sessions"]
        self.assertEqual(session["address"], "127.0.0.1")
        for secret in (token, self.cookie, digest(self.cookie), "hers alone", "ann@example.org"):
            self.assertNotIn(secret, answer.text)

    def test_nothing_here_is_for_strangers(self) -> None:
        token, self.cookie = self.token(), ""
        for path in ("audit", "audit.csv", "export"):
            self.assertEqual(self.get(f"/api/app/{path}").status, 401, path)
            answer = self.get(f"/api/app/{path}", Authorization=f"Bearer {token}")
            self.assertEqual(answer.status, 401, path)
