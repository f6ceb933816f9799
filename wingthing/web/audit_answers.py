"""How an audit log is answered: page by page as JSON, and as a file for a spreadsheet."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable
from typing import Final

from twisted.web.http import Request

from wingthing.errors import InvalidMessage
from wingthing.relay.credentials import argument
from wingthing.store.audit import OPERATOR, Entry
from wingthing.web.answers import json

PAGE_ENTRIES: Final = 200
"""Entries in one answer."""

CSV_ENTRIES: Final = 100_000
"""Entries in one file, the newest."""

COLUMNS: Final = ("time", "who", "action", "subject", "account_name", "address", "actor", "account")

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a cell that begins so for a formula, whoever has written it; the last four are the wide
forms of the first four, which some take for them."""


def before(request: Request) -> int | None:
    """`?before=ID`: the entry before which a page begins. Raises InvalidMessage."""
    given = argument(request, "before")
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 20):
        raise InvalidMessage("'before' is the id of an entry, as in the answer before")
    return int(given)


def as_json(request: Request, entries: Iterable[Entry]) -> bytes:
    """A page."""
    return json(request, [described(entry) for entry in entries])


def described(entry: Entry) -> dict[str, object]:
    """One entry for programs."""
    return {
        "id": entry.id,
        "at": entry.at,
        "who": who(entry),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "account": entry.user_id,
        "account_name": whose(entry),
        "org_id": entry.org_id,
        "address": entry.address,
    }


def as_file(request: Request, content: bytes, kind: str, name: str) -> bytes:
    """Content of the media type `kind` to be saved under `name` (plain ASCII without quotes)."""
    request.setHeader("Content-Type", kind)
    request.setHeader("Content-Disposition", f'attachment; filename="{name}"')
    return content


def as_csv(request: Request, content: bytes, name: str) -> bytes:
    """What `csv_of` has made, to be saved under `name`."""
    return as_file(request, content, "text/csv; charset=utf-8; header=present", name)


def csv_of(entries: Iterable[Entry]) -> bytes:
    """The log for a spreadsheet, RFC 4180: every cell quoted, lines end with CR LF, no cell is a formula.

    It takes a while for a long log: to be called in the query that reads it, which has a thread of its own.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        said = (_time(entry.at), who(entry), entry.action, entry.subject, whose(entry), entry.address)
        writer.writerow([neutral(cell) for cell in (*said, entry.actor, entry.user_id)])
    return text.getvalue().encode("utf-8", "replace")


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before it says that it is text.

    What begins with spaces is looked at behind them, because a spreadsheet does the same. Source: OWASP, "CSV
    Injection".
    """
    return f"'{cell}" if cell.lstrip(" \u00a0\ufeff").startswith(FORMULA_STARTS) else cell


def who(entry: Entry) -> str:
    """What the one who did it is called; of a removed user there is only the id."""
    if entry.actor == OPERATOR:
        return "the operator"
    return entry.who or entry.actor


def whose(entry: Entry) -> str:
    """What the one is called whose account it is about, in the same way; empty for an organisation's own."""
    return entry.account_name or entry.user_id


def _time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
