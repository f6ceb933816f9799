"""What the nodes say of themselves, asked at their own addresses, past the public proxy."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from typing import Any

import attrs

from wingthing.cluster.fly import REPLAY, fields
from wingthing.rehearsal.health import metric

ANSWER_SECONDS = 15.0
HERE, ELSEWHERE = 426, 409
"""Answers to an upgrade that lacks the header `Upgrade`: it would be granted here, or sent on."""

NOWHERE = ""


@attrs.frozen
class Figures:
    """A node's /metrics, as far as a drill looks at them."""

    wings: int
    browsers: int
    known: int
    """Wings in its directory."""

    whole: bool


@attrs.frozen
class Node:
    """One machine: its id, and its own address `HOST:PORT`."""

    machine: str
    region: str
    role: str
    address: str

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """One request: status and body. Raises OSError or http.client.HTTPException."""
        connection = http.client.HTTPConnection(self.address, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def healthy(self) -> bool:
        """Whether it answers its health check."""
        try:
            return self.get("/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def figures(self) -> Figures:
        """Raises OSError or http.client.HTTPException when it does not answer."""
        status, body = self.get("/metrics")
        if status != 200:
            raise http.client.HTTPException(f"/metrics answers {status}")
        text = body.decode()
        wings, browsers, known, whole = (
            metric(text, f"wingthing_{name}") or 0
            for name in ("wings", "browsers", "directory_wings", "directory_whole")
        )
        return Figures(wings, browsers, known, bool(whole))

    def listed(self, cookie: str) -> dict[str, str]:
        """wing id -> machine, as its API lists them; for login, which answers that for all.

        Raises OSError or http.client.HTTPException when it does not.
        """
        status, body = self.get("/api/app/wings", {"Cookie": cookie})
        if status != 200:
            raise http.client.HTTPException(f"/api/app/wings answers {status}")
        entries: list[dict[str, Any]] = json.loads(body)
        return {entry["wing_id"]: entry.get("remote_node", self.machine) for entry in entries}

    def places(self, cookie: str, wing_ids: Iterable[str]) -> dict[str, str]:
        """wing id -> machine: where this node would have each browser's socket opened. NOWHERE for a wing
        that it does not find within five seconds; after the first of these the others are not asked for.

        Raises OSError or http.client.HTTPException when it does not answer.
        """
        found: dict[str, str] = {}
        connection = http.client.HTTPConnection(self.address, timeout=ANSWER_SECONDS)
        try:
            for wing_id in wing_ids:
                connection.request("GET", f"/ws/pty?wing_id={wing_id}", headers={"Cookie": cookie})
                answer = connection.getresponse()
                answer.read()
                if answer.status == HERE:
                    found[wing_id] = self.machine
                elif answer.status == ELSEWHERE:
                    found[wing_id] = fields(answer.getheader(REPLAY) or "").get("instance", NOWHERE)
                else:
                    found[wing_id] = NOWHERE
                    break
        finally:
            connection.close()
        return found
