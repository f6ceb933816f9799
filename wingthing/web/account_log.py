"""`/api/app/`: what this server has written down about a user: the audit log, and everything at once."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from typing import Final

import msgspec
from klein import Klein
from twisted.web.http import Request

from wingthing.relay import limiting
from wingthing.relay.peers import Identity
from wingthing.store import audit, export
from wingthing.store.pool import Database
from wingthing.web.answers import map_errors
from wingthing.web.api import logged_in
from wingthing.web.audit_answers import (
    CSV_ENTRIES,
    PAGE_ENTRIES,
    as_csv,
    as_file,
    as_json,
    before,
    csv_of,
)
from wingthing.web.identity import Authenticator

PARTS: Final = ("app/audit", "app/audit.csv", "app/export")
"""What the addresses of this app begin with, below `/api/`."""


class AccountLog:
    """Klein app for the addresses in PARTS."""

    app = Klein()
    map_errors(app)

    def __init__(
        self, *, authenticator: Authenticator, database: Database, seconds: Callable[[], float]
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._seconds = seconds

    @app.route("/app/audit", methods=["GET"])
    @logged_in
    async def audit_log(self, request: Request, identity: Identity) -> bytes:
        """The latest entries of this user's audit log; `?before=ID` for those before an entry."""
        entries = await self._database.read(
            audit.of_user, identity.user_id, most=PAGE_ENTRIES, before=before(request)
        )
        return as_json(request, entries)

    @app.route("/app/audit.csv", methods=["GET"])
    @logged_in
    async def audit_csv(self, request: Request, identity: Identity) -> bytes:
        """The whole log for a spreadsheet."""
        limiting.check_account(request, "download", identity.user_id)
        content = await self._database.read(_csv, identity.user_id)
        return as_csv(request, content, f"wingthing-audit-{self._today()}.csv")

    @app.route("/app/export", methods=["GET"])
    @logged_in
    async def export(self, request: Request, identity: Identity) -> bytes:
        """Everything that is stored about this user, to be saved."""
        limiting.check_account(request, "download", identity.user_id)
        content = await self._database.read(_export, identity.user_id)
        return as_file(request, content, "application/json", f"wingthing-export-{self._today()}.json")

    def _today(self) -> str:
        return datetime.datetime.fromtimestamp(self._seconds(), datetime.UTC).strftime("%Y-%m-%d")


# Made where they are read: in a thread of the database, so that a long log holds nobody up.


def _csv(cursor: sqlite3.Cursor, user_id: str) -> bytes:
    return csv_of(audit.of_user(cursor, user_id, most=CSV_ENTRIES))


def _export(cursor: sqlite3.Cursor, user_id: str) -> bytes:
    return msgspec.json.format(msgspec.json.encode(export.of_user(cursor, user_id)), indent=2)
