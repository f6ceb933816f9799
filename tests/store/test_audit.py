"""The audit log."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.store import audit


class AuditTests(StoreCase):
    def test_the_latest_entries_of_a_user_come_first(self) -> None:
        for number in range(5):
            self.run_now(audit.note, at=float(number), user_id="ann", action=f"act {number}")
        self.run_now(audit.note, at=9.0, user_id="bob", action="login", subject="wing", address="127.0.0.1")
        entries = self.run_now(audit.of_user, "ann", most=3)
        self.assertEqual([entry.action for entry in entries], ["act 4", "act 3", "act 2"])
        self.assertEqual(
            self.run_now(audit.of_user, "bob", most=3),
            [audit.Entry(9.0, "bob", "login", "wing", "127.0.0.1")],
        )

    def test_it_outlives_the_user(self) -> None:
        self.run_now(audit.note, at=1.0, user_id="removed long ago", action="user removed")
        self.assertEqual(len(self.run_now(audit.of_user, "removed long ago", most=9)), 1)
