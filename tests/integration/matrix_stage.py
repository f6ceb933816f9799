"""A rehearsal on which the HTTP matrix is tried, and how all its cells are."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import attrs

from tests.integration import matrix
from tests.integration.fleet import Rehearsal
from tests.integration.mailbox import free_port
from tests.integration.matrix import Row, World
from tests.integration.matrix_requests import QUERIES, Answer, Asker, absent, address_of, all_of
from tests.integration.peers import FieldWing
from tests.web.payments import SECRET
from wingthing.store.connection import transaction

REGIONS: Final = ("ewr", "nrt")
"""Login's, and the edge's."""


def settings(mail_port: int) -> dict[str, str]:
    """Sign-in by a provider that nobody is sent to, and by mail to nowhere; plans that have to be paid."""
    return {
        "WT_GITHUB_CLIENT_ID": "id",
        "WT_GITHUB_CLIENT_SECRET": "secret",
        "WT_SMTP_HOST": "127.0.0.1",
        "WT_SMTP_PORT": str(mail_port),
        "WT_SMTP_FROM": "wingthing@example.org",
        "WT_BILLING_WEBHOOK_SECRET": SECRET,
        "WT_BILLING_CHECKOUT_URL": "https://buy.example.org/plan",
    }


@attrs.frozen
class Cell:
    """What came back. `twin` is the answer to the same question about things that there are not."""

    row: Row
    column: str
    world: World
    answer: Answer
    twin: Answer | None


class Stage:
    """The rehearsal, and a world for every question that may change one: none sees what another has done."""

    def __init__(self, parent: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self.columns, self.rows = columns, rows
        self.folder = matrix.short_folder(parent)
        self.keys = matrix.keys_of(self.folder)
        self.worlds: dict[tuple[Row, str, str], World] = {}
        self.before: dict[str, Any] = {}
        connection = matrix.prepare(self.folder)
        try:
            with transaction(connection) as cursor:
                self._make(cursor, time.time())
        finally:
            connection.close()
        self.rehearsal = Rehearsal(REGIONS, variables=settings(free_port()), directory=self.folder.path)
        self.urls = self.rehearsal.status().urls

    def _make(self, cursor: sqlite3.Cursor, now: float) -> None:
        wing_id = secrets.token_hex(12)
        self.house = matrix.make_world(cursor, self.keys, now=now, wing_id=wing_id)
        for region in REGIONS:
            for row in self.rows:
                method, path = address_of(row)
                for column in self.columns:
                    world = self.house
                    if method != "GET" and "{wing}" not in path:
                        world = matrix.make_world(cursor, self.keys, now=now)
                    scarce = [name for name in matrix.SCARCE if f"{{{name}}}" in all_of(row)]
                    world = matrix.with_scarce(cursor, world, scarce, now=now)
                    self.worlds[row, column, region] = world
                    if world.mark != self.house.mark:
                        self.before[world.mark] = matrix.state_of(cursor, world)

    def wing(self) -> FieldWing:
        """The owner's wing, at the edge."""
        return matrix.org_wing(self.urls[REGIONS[1]].replace("http", "ws", 1), self.house)

    def asker(self, column: str, region: str) -> Asker:
        source = f"127.254.{REGIONS.index(region)}.{1 + self.columns.index(column)}"
        return Asker(self.urls[region], column, self.keys, source)

    def run(self) -> dict[str, list[Cell]]:
        """All cells, by region. Each column asks in the order of the table, all columns at the same time, and
        beside them the questions that take their time: a wing that is not known may be on its way."""
        slow = [row for row in self.rows if opens(row)]
        fast = [row for row in self.rows if not opens(row)]
        with ThreadPoolExecutor(2 * len(REGIONS) * len(self.columns)) as pool:
            lanes = [
                (region, pool.submit(self._lane, column, region, rows))
                for region in REGIONS
                for column in self.columns
                for rows in (slow, fast)
            ]
            found: dict[str, list[Cell]] = {region: [] for region in REGIONS}
            for region, lane in lanes:
                found[region] += lane.result()
            return found

    def _lane(self, column: str, region: str, rows: list[Row]) -> list[Cell]:
        asker = self.asker(column, region)
        try:
            return [self._cell(asker, row, column, region) for row in rows]
        finally:
            asker.close()

    def _cell(self, asker: Asker, row: Row, column: str, region: str) -> Cell:
        world = self.worlds[row, column, region]
        answer = asker.ask(row, world, world.things)
        is_about_something = "{" in row.what or "{wing}" in QUERIES.get(row.what, "")
        twin = asker.ask(row, world, absent(world)) if answer.status == "404" and is_about_something else None
        return Cell(row, column, world, answer, twin)


def opens(row: Row) -> bool:
    """Whether it is about a socket."""
    return address_of(row)[1].startswith("/ws/")
