"""Everything about a user, and the end of it: each column of the schema is looked after, or named here."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

import msgspec

from tests.store.support import StoreCase
from wingthing.errors import NotFound
from wingthing.store import export, users

ANN: Final = "u-ann-0123456789"
"""A user id that is nowhere by chance."""

NAMES_A_USER: Final = frozenset({"user_id", "actor", "holder", "invited_by"})
"""Columns that hold the id of a user, besides those that the schema says refer to one."""

NOT_EXPORTED: Final = {
    "users.removed_at": "a user who has been removed has no export",
    "login_sessions.token_hash": "a secret",
    "device_codes.device_hash": "a secret",
    "device_codes.user_code": "a secret",
    "device_codes.polled_at": "of the machine that waits",
    "device_codes.spent": "of the machine that waits",
    "org_invites.token_hash": "a secret",
    "ntfy.token": "a secret",
    "push_subscriptions.session_hash": "a secret",
    "push_subscriptions.endpoint": "whoever has it can send to the browser",
    "push_subscriptions.p256dh": "a key",
    "push_subscriptions.auth": "a key",
    "subscriptions.id": "a number of this database",
    "subscriptions.kind": "always 'user'",
    "subscriptions.seats": "of organisations",
    "subscriptions.event_at": "of the provider's events",
    "subscriptions.event_rank": "of the provider's events",
    "audit_log.id": "a number of this database",
    "usage_reports.machine": "counted in usage_days already",
    "usage_reports.boot": "counted in usage_days already",
    "usage_reports.bytes": "counted in usage_days already",
    "usage_reports.reported_at": "counted in usage_days already",
    "mail_links.token_hash": "a secret",
    "mail_links.email": "gone in 15 minutes",
    "mail_links.next": "gone in 15 minutes",
    "mail_links.expires_at": "gone in 15 minutes",
}
"""Columns of rows about a user that the export leaves out, and why."""

KEPT: Final = {
    "users.id": "no old token may find a new owner",
    "audit_log.user_id": "until AUDIT_LOG_SECONDS have passed",
    "audit_log.actor": "until AUDIT_LOG_SECONDS have passed",
    "revocations.subject": "until the last token has run out",
}
"""Where the id of a user stays when the user is deleted, and why."""


class Filled:
    """A database in which every table has one row, about ANN where it is about somebody; every other cell
    has a value of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.about: dict[str, list[str]] = {}
        """Table -> its columns, of those with a row about ANN."""

        self.values: dict[str, Any] = {}
        """'table.column' -> what is there."""

        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for table in self.tables():
            self._fill(table)
        connection.execute("PRAGMA ignore_check_constraints = OFF")
        connection.execute("PRAGMA foreign_keys = ON")

    def tables(self) -> list[str]:
        rows = self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [name for (name,) in rows if not name.startswith("sqlite_")]

    def _fill(self, table: str) -> None:
        referring = {
            row[3]
            for row in self.connection.execute(f"PRAGMA foreign_key_list({table})")
            if row[2] == "users"
        }
        columns = [(row[1], row[2]) for row in self.connection.execute(f"PRAGMA table_info({table})")]
        row: dict[str, Any] = {}
        for column, kind in columns:
            if column in referring | NAMES_A_USER or (table, column) == ("users", "id"):
                row[column] = ANN
                self.about[table] = [name for name, _kind in columns]
            else:
                row[column] = self._value(table, column, kind)
            self.values[f"{table}.{column}"] = row[column]
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])

    def _value(self, table: str, column: str, kind: str) -> Any:
        fixed = {
            "users.removed_at": None,
            "subscriptions.kind": "user",
            # The joined tables.
            "org_members.org_id": "org_1",
            "orgs.id": "org_1",
        }
        if f"{table}.{column}" in fixed:
            return fixed[f"{table}.{column}"]
        number = 7_000_000 + len(self.values)
        return {"TEXT": f"<{table}.{column}>", "INTEGER": number, "REAL": number + 0.5}[kind]


class CoverageTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.filled = Filled(self.direct.connection)

    def everything(self) -> str:
        return json.dumps(json.loads(msgspec.json.encode(self.run_now(export.of_user, ANN))))

    def test_the_tables_about_users_are_seen(self) -> None:
        self.assertGreaterEqual(
            set(self.filled.about),
            {"users", "login_sessions", "tokens", "labels", "device_codes", "audit_log", "usage_days"},
        )

    def test_each_column_about_a_user_is_exported_or_named_here(self) -> None:
        everything = self.everything()
        for table, columns in self.filled.about.items():
            for column in columns:
                value = self.filled.values[f"{table}.{column}"]
                if value == ANN:
                    continue
                shown = json.dumps(value) in everything
                hidden = f"{table}.{column}" in NOT_EXPORTED
                self.assertNotEqual(shown, hidden, f"{table}.{column}")

    def test_what_is_named_here_is_there(self) -> None:
        known = {f"{table}.{column}" for table, columns in self.filled.about.items() for column in columns}
        self.assertLessEqual(set(NOT_EXPORTED), known)

    def test_no_column_that_may_hold_a_secret_is_exported(self) -> None:
        everything = self.everything()
        for place, value in self.filled.values.items():
            column = place.partition(".")[2]
            if column.endswith("hash") or column in ("token", "auth", "key", "endpoint", "user_code"):
                self.assertNotIn(json.dumps(value), everything, place)

    def test_after_the_end_the_id_is_only_where_it_must_be(self) -> None:
        self.run_now(users.remove, ANN, now=8_000_000.0)
        left = set()
        for table in self.filled.tables():
            found = self.direct.connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            for row in found.fetchall():
                left |= {f"{table}.{name}" for name, cell in zip(names, row, strict=True) if cell == ANN}
        self.assertEqual(left, set(KEPT))

    def test_after_the_end_nothing_else_about_the_user_is_left(self) -> None:
        stays = ("audit_log.", "users.id", "users.created_at")
        self.run_now(users.remove, ANN, now=8_000_000.0)
        dump = "\n".join(self.direct.connection.iterdump())
        for table, columns in self.filled.about.items():
            for column in columns:
                place = f"{table}.{column}"
                value = self.filled.values[place]
                if isinstance(value, str) and value.startswith("<") and not place.startswith(stays):
                    self.assertNotIn(value, dump.replace(self._told(value), ""), place)

    def _told(self, value: str) -> str:
        """What other nodes are told of, which is remembered for a while: the hash of a session, the name of a
        token."""
        return f"'{value}'" if value in ("<login_sessions.token_hash>", "<tokens.jti>") else "\x00"


class OfUserTests(StoreCase):
    def test_nobody_and_who_has_been_removed(self) -> None:
        self.run_now(users.add, "ann", name="Ann", provider="test", now=1.0)
        self.run_now(users.remove, "ann", now=2.0)
        for user_id in ("ann", "nobody", "%", "' OR '1'='1"):
            self.assertRaises(NotFound, self.run_now, export.of_user, user_id)

    def test_nothing_of_anybody_else(self) -> None:
        Filled(self.direct.connection)
        self.run_now(users.add, "bob", name="Bob", provider="test", now=1.0)
        text = msgspec.json.encode(self.run_now(export.of_user, "bob")).decode()
        self.assertNotIn(ANN, text)
        self.assertNotIn("<", text)
