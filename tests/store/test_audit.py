"""The audit log."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase
from wingthing.store import audit, users
from wingthing.store.audit import OPERATOR, Entry
from wingthing.wire.limits import AUDIT_LOG_SECONDS


class AuditCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "bob"):
            self.run_now(users.add, user_id, name=user_id.title(), provider="test", now=1.0)

    def note(self, user_id: str, action: str, at: float = 1.0, **more: str) -> None:
        self.run_now(audit.note, at=at, user_id=user_id, action=action, **more)

    def log(self, user_id: str, most: int = 99, before: int | None = None) -> list[Entry]:
        return self.run_now(audit.of_user, user_id, most=most, before=before)

    def actions(self, user_id: str, most: int = 99, before: int | None = None) -> list[str]:
        return [entry.action for entry in self.log(user_id, most, before)]

    def count(self) -> int:
        found: int = self.direct.connection.execute("SELECT count(*) FROM audit_log").fetchone()[0]
        return found


class OfUserTests(AuditCase):
    def test_the_latest_entries_come_first(self) -> None:
        for number in range(5):
            self.note("ann", f"act {number}", at=float(number))
        self.note("bob", "login", at=9.0, subject="wing", address="127.0.0.1")
        self.assertEqual(self.actions("ann", 3), ["act 4", "act 3", "act 2"])
        self.assertEqual(
            self.log("bob"), [Entry(6, 9.0, "bob", "Bob", "bob", "Bob", "login", "wing", "127.0.0.1", "")]
        )

    def test_a_clock_that_was_set_back_changes_no_order(self) -> None:
        for at in (50.0, 10.0, 30.0):
            self.note("ann", str(at), at=at)
        self.assertEqual(self.actions("ann"), ["30.0", "10.0", "50.0"])

    def test_page_after_page_has_each_entry_once(self) -> None:
        for number in range(25):
            self.note("ann", str(number), by="bob" if number % 3 else "")
            self.note("bob", "between")
        pages, before = [], None
        while page := self.log("ann", 4, before):
            self.assertLessEqual(len(page), 4)
            pages += page
            before = page[-1].id
        self.assertEqual([entry.action for entry in pages], [str(number) for number in reversed(range(25))])

    def test_no_number_is_out_of_range(self) -> None:
        self.note("ann", "act")
        self.assertEqual(self.actions("ann", before=10**30), ["act"])
        for before in (0, 1, -1, -(10**30)):
            self.assertEqual(self.actions("ann", before=before), [])

    def test_what_others_did_is_in_both_logs_once(self) -> None:
        self.note("ann", "removed from the organisation", by="bob", address="192.0.2.7")
        self.note("ann", "tokens revoked", by=OPERATOR)
        self.note("ann", "renamed", by="ann")
        self.assertEqual([(e.actor, e.who) for e in self.log("ann")][:2], [("ann", "Ann"), (OPERATOR, "")])
        (hers,) = [entry for entry in self.log("ann") if entry.actor == "bob"]
        (his,) = self.log("bob")
        self.assertEqual((hers.id, hers.who, his.user_id), (his.id, "Bob", "ann"))

    def test_from_where_somebody_else_did_it_is_not_shown(self) -> None:
        self.note("ann", "removed", by="bob", address="192.0.2.7")
        self.assertEqual([entry.address for entry in self.log("ann")], [""])
        self.assertEqual([entry.address for entry in self.log("bob")], ["192.0.2.7"])

    def test_nobody_has_the_entries_of_those_who_acted_for_themselves(self) -> None:
        self.note("ann", "login")
        for user_id in ("", "%", "an_", "ann' OR '1'='1", OPERATOR):
            self.assertEqual(self.log(user_id), [])

    def test_it_outlives_the_user_for_as_long_as_it_is_kept(self) -> None:
        self.note("gone", "user removed", at=1.0)
        self.assertEqual([(e.actor, e.who) for e in self.log("gone")], [("gone", "")])
        self.note("ann", "login", at=1.0 + AUDIT_LOG_SECONDS)
        self.assertEqual(self.actions("gone"), ["user removed"], "the very second counts")
        self.note("ann", "login", at=2.0 + AUDIT_LOG_SECONDS)
        self.assertEqual((self.actions("gone"), self.count()), ([], 2))

    def test_the_name_of_a_removed_user_is_forgotten(self) -> None:
        self.note("ann", "removed", by="bob", org_id="crew")
        self.run_now(users.remove, "bob", now=2.0)
        self.assertEqual([(e.actor, e.who) for e in self.log("ann")], [("bob", "")])
        self.run_now(users.remove, "ann", now=2.0)
        (entry,) = self.run_now(audit.of_org, "crew", most=9)
        self.assertEqual((entry.user_id, entry.account_name, entry.actor, entry.who), ("ann", "", "bob", ""))

    def test_who_has_no_name_is_called_by_their_address(self) -> None:
        self.run_now(users.add, "cat", name="", email="cat@example.org", provider="test", now=1.0)
        self.note("cat", "login")
        self.note("ann", "removed", by="cat")
        self.assertEqual(
            [(e.account_name, e.who) for e in self.log("cat")],
            [("Ann", "cat@example.org"), ("cat@example.org", "cat@example.org")],
        )

    @given(st.text(), st.text(), st.text(), st.text(), st.text(min_size=1))
    def test_any_text_is_text(self, user_id: str, action: str, subject: str, address: str, org: str) -> None:
        self.direct.connection.execute("SAVEPOINT one_example")
        try:
            cursor = self.direct.connection.cursor()
            fields = {"action": action, "subject": subject, "address": address, "org_id": org}
            audit.note(cursor, at=1.0, user_id=user_id, **fields)
            audit.note(cursor, at=1.0, user_id=user_id + "+", action="witness", org_id=org + "+")
            for (entry,) in (
                audit.of_user(cursor, user_id, most=9),
                audit.of_org(cursor, org, most=9),
            ):
                self.assertEqual(
                    (entry.user_id, entry.action, entry.subject, entry.address, entry.org_id),
                    (user_id, action, subject, address, org),
                )
        finally:
            self.direct.connection.execute("ROLLBACK TO one_example")
            self.direct.connection.execute("RELEASE one_example")

    def test_a_long_log_is_read_through_indexes(self) -> None:
        plan = "\n".join(
            row[3]
            for statement, values in self._statements()
            for row in self.direct.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        )
        for index in ("audit_log_user", "audit_log_actor", "audit_log_org", "audit_log_at"):
            self.assertIn(index, plan)
        self.assertNotIn("SCAN audit_log", plan)
        self.assertNotIn("SCAN log", plan)

    def _statements(self) -> list[tuple[str, Any]]:
        said: list[tuple[str, Any]] = []

        class Listening:
            def __init__(self, cursor: object) -> None:
                self._cursor = cursor

            def execute(self, statement: str, values: object) -> object:
                said.append((statement, values))
                return self._cursor.execute(statement, values)  # type: ignore[attr-defined]

        cursor = Listening(self.direct.connection.cursor())
        audit.note(cursor, at=1.0, user_id="ann", action="x")  # type: ignore[arg-type]
        audit.of_user(cursor, "ann", most=9)  # type: ignore[arg-type]
        audit.of_org(cursor, "crew", most=9)  # type: ignore[arg-type]
        return [each for each in said if not each[0].startswith("INSERT")]


class OfOrgTests(AuditCase):
    def test_its_own_entries_with_names_and_addresses_page_by_page(self) -> None:
        self.note("ann", "organisation made", org_id="crew", address="192.0.2.1")
        self.note("bob", "removed", org_id="crew", by="ann", address="192.0.2.1")
        self.note("bob", "login", address="192.0.2.2")
        self.note("bob", "organisation made", org_id="crew2")
        log = self.run_now(audit.of_org, "crew", most=9)
        self.assertEqual(
            [(e.action, e.user_id, e.account_name, e.who, e.address) for e in log],
            [
                ("removed", "bob", "Bob", "Ann", "192.0.2.1"),
                ("organisation made", "ann", "Ann", "Ann", "192.0.2.1"),
            ],
        )
        self.assertEqual(self.run_now(audit.of_org, "crew", most=1), log[:1])
        self.assertEqual(self.run_now(audit.of_org, "crew", most=9, before=log[0].id), log[1:])

    def test_what_is_of_no_organisation_is_in_no_log_of_one(self) -> None:
        self.note("ann", "login")
        for org_id in ("", "%", "' OR '1'='1"):
            self.assertEqual(self.run_now(audit.of_org, org_id, most=9), [])
