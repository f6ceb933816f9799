"""No text of anybody ever becomes a part of a statement.

Two looks at the same: every statement in the store is made of constants alone, and texts that would matter if
they did not stay texts are stored and found as they are.
"""

from __future__ import annotations

import ast
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

import wingthing.store
from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.crypto.tokens import WingToken
from wingthing.store import (
    device_codes,
    export,
    labels,
    login_sessions,
    plans,
    revocations,
    tokens,
    usage,
    users,
)
from wingthing.store.device_codes import Approved
from wingthing.wire.gossip import RevokedKind

RUNS_STATEMENTS: Final = frozenset({"execute", "executemany", "executescript"})

NOT_OF_CLIENTS: Final = {
    "migrate.py": "runs the scripts of the package, and numbers",
    "connection.py": "settings of the connection, and numbers",
    "pool.py": "BEGIN, of whichever kind",
    "export.py": "takes the statements of its sections, which this test looks at where they are written",
}
"""Modules in which a statement is not written where it is run, and why that is none that a client has a part
in."""


def is_constant(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether an expression is made of literals and of constants with these names."""
    match node:
        case ast.Constant():
            return isinstance(node.value, str)
        case ast.Name():
            return node.id in names
        case ast.JoinedStr():
            return all(is_constant(part, names) for part in node.values)
        case ast.FormattedValue():
            return isinstance(node.value, ast.Name) and node.value.id in names
        case ast.BinOp():
            return is_constant(node.left, names) and is_constant(node.right, names)
    return False


def constants_of(tree: ast.Module) -> frozenset[str]:
    """The names of a module that are assigned once, at its top, from constants (or imported as such)."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names if alias.name.isupper()}
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        numbers = isinstance(value, ast.Constant) and isinstance(value.value, int)
        if value is not None and (numbers or is_constant(value, frozenset(found))):
            found |= {t.id for t in targets if isinstance(t, ast.Name) and t.id.strip("_").isupper()}
    return frozenset(found)


def wrong_statements(source: str) -> list[int]:
    """The lines at which a statement is run that is not made of constants."""
    tree = ast.parse(source)
    names = constants_of(tree)
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNS_STATEMENTS
        and not is_constant(node.args[0], names)
    ]


class StatementTests(TestCase):
    def modules(self) -> list[Path]:
        return sorted(Path(wingthing.store.__file__).parent.glob("*.py"))

    def test_every_statement_is_made_of_constants(self) -> None:
        for path in self.modules():
            if path.name not in NOT_OF_CLIENTS:
                self.assertEqual(wrong_statements(path.read_text()), [], path.name)

    def test_the_sections_of_the_export_are(self) -> None:
        (path,) = [path for path in self.modules() if path.name == "export.py"]
        tree = ast.parse(path.read_text())
        queries = [
            node.args[1]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("rows", "_one")
        ]
        constant = [query for query in queries if is_constant(query, frozenset())]
        self.assertEqual(len(queries) - len(constant), 1, "that of _one, which hands on what it is given")
        self.assertGreaterEqual(len(constant), len(export.SECTIONS) - 1)

    def test_no_other_package_runs_any(self) -> None:
        package = Path(wingthing.store.__file__).parent.parent
        for path in sorted(package.rglob("*.py")):
            if path.parent.name != "store" and RUNS_STATEMENTS & set(_attributes(path.read_text())):
                self.fail(f"{path.relative_to(package)} runs a statement")

    def test_this_test_can_fail(self) -> None:
        for wrong in (
            'cursor.execute(f"SELECT {name}")',
            'cursor.execute("SELECT " + name)',
            'cursor.execute("SELECT %s" % name)',
            'cursor.execute("SELECT {}".format(name))',
            "cursor.execute(query)",
            'NAME = given()\ncursor.execute(f"SELECT {NAME}")',
            'LIST = "a" if b else c\ncursor.executemany(LIST, [])',
            'cursor.execute(f"SELECT {A.lower()}")',
        ):
            self.assertTrue(wrong_statements(wrong), wrong)
        self.assertEqual(wrong_statements('_A = "x"\n_B = f"{_A} y"\nc.execute(f"SELECT {_B}" "z" + _A)'), [])


def _attributes(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


HOSTILE: Final = st.text(max_size=40) | st.sampled_from(
    [
        "'; DROP TABLE users; --",
        '" OR "1"="1',
        "' OR '1'='1",
        "%",
        "_",
        "\\",
        "\\'",
        "x' UNION SELECT 1 --",
        "\x00",
        "a\x00b",
        "?",
        ":user",
        "NULL",
        "\u02bc OR 1=1",
        "\uff07",
    ]
)
"""Texts that would matter."""


class HostileTests(StoreCase):
    """Each with a witness: a row that must not be touched by what is done to the other."""

    @contextlib.contextmanager
    def example(self) -> Iterator[sqlite3.Cursor]:
        """A cursor on a database that is empty again afterwards."""
        connection = self.direct.connection
        connection.execute("SAVEPOINT one_example")
        try:
            yield connection.cursor()
        finally:
            connection.execute("ROLLBACK TO one_example")
            connection.execute("RELEASE one_example")

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_users(self, user_id: str, name: str, provider: str) -> None:
        with self.example() as cursor:
            users.add(cursor, user_id, name=name, provider=provider, now=1.0)
            users.add(cursor, user_id + "+", name="witness", provider="test", now=1.0)
            found = users.find(cursor, user_id)
            assert found is not None
            self.assertEqual((found.id, found.display_name, found.provider), (user_id, name, provider))
            users.rename(cursor, user_id, provider)
            self.assertEqual([user.display_name for user in users.every(cursor)], [provider, "witness"])
            users.remove(cursor, user_id, now=2.0)
            self.assertEqual([user.id for user in users.every(cursor)], [user_id + "+"])

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_login_sessions(self, user_id: str, address: str, agent: str) -> None:
        with self.example() as cursor:
            made = {}
            for each in (user_id, user_id + "+"):
                users.ensure(cursor, each, name="", provider="test", now=1.0)
                made[each] = login_sessions.create(
                    cursor, each, now=1.0, randomness=counting_from(each), address=address, agent=agent
                )
            (session,) = login_sessions.of_user(cursor, user_id, "", now=1.0)
            self.assertEqual((session.address, session.agent), (address, agent))
            login_sessions.touch(
                cursor, digest(made[user_id]), now=2.0, address=agent or "x", agent=address or "y"
            )
            (session,) = login_sessions.of_user(cursor, user_id, address, now=2.0)
            self.assertEqual((session.address, session.agent), (agent or "x", address or "y"))
            self.assertIsNone(login_sessions.find(cursor, agent, now=2.0))
            login_sessions.end_others(cursor, user_id, agent, now=2.0)
            self.assertEqual(login_sessions.of_user(cursor, user_id, "", now=2.0), [])
            self.assertEqual(len(login_sessions.of_user(cursor, user_id + "+", "", now=2.0)), 1)

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_tokens(self, jti: str, user_id: str, wing: str) -> None:
        with self.example() as cursor:
            for name in (jti, jti + "+"):
                tokens.issued(cursor, WingToken(user_id, 1, 9, jti=name, wing=wing))
            self.assertEqual(
                {(t.jti, t.wing_id) for t in tokens.of_user(cursor, user_id, now=2.0)},
                {(jti, wing), (jti + "+", wing)},
            )
            tokens.touch(cursor, jti, now=3.0)
            tokens.touch_online(cursor, [(user_id, wing + "+"), (user_id + "+", wing)], now=9.0)
            tokens.revoke(cursor, user_id, jti, now=4.0)
            self.assertEqual([t.jti for t in tokens.of_user(cursor, user_id, now=5.0)], [jti + "+"])
            self.assertEqual([t.used_at for t in tokens.of_user(cursor, user_id, now=5.0)], [0.0])

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_labels(self, user_id: str, wing_id: str, label: str) -> None:
        with self.example() as cursor:
            users.ensure(cursor, user_id, name="", provider="test", now=1.0)
            labels.put(cursor, user_id, wing_id, "before")
            labels.put(cursor, user_id, wing_id + "+", "witness")
            labels.put(cursor, user_id, wing_id, label)
            self.assertEqual(labels.of_user(cursor, user_id), {wing_id: label, wing_id + "+": "witness"})
            labels.delete(cursor, user_id, wing_id)
            self.assertEqual(labels.of_user(cursor, user_id), {wing_id + "+": "witness"})

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_device_codes(self, wing_id: str, public_key: str, guess: str) -> None:
        with self.example() as cursor:
            users.ensure(cursor, "ann", name="", provider="test", now=1.0)
            codes = device_codes.create(
                cursor, wing_id=wing_id, public_key=public_key, user_id=None, now=1.0, randomness=counting()
            )
            self.assertIsNone(device_codes.approve(cursor, guess, "ann", now=2.0))
            self.assertEqual(device_codes.poll(cursor, guess, now=2.0), "invalid_code")
            self.assertEqual(device_codes.approve(cursor, codes.user_code, "ann", now=2.0), wing_id)
            self.assertEqual(
                device_codes.poll(cursor, codes.device_code, now=3.0), Approved("ann", wing_id, public_key)
            )

    @given(HOSTILE, HOSTILE)
    def test_revocations(self, subject: str, other: str) -> None:
        with self.example() as cursor:
            revocations.note(cursor, RevokedKind.TOKEN, subject, at=1.0, until=9.0)
            _latest, events = revocations.since(cursor, 0, now=2.0)
            self.assertEqual([event.subject for event in events], [subject])
            self.assertEqual(revocations.token_revoked(cursor, other), other == subject != "")
            self.assertIsNone(revocations.tokens_revoked_at(cursor, other))

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_usage(self, machine: str, boot: str, user_id: str) -> None:
        with self.example() as cursor:
            for total in (7, 9):
                report = usage.Report(machine, boot, ((user_id, total), (user_id + "+", 1)))
                usage.record(cursor, [report], day="2027-01-15", now=1.0)
            self.assertEqual(usage.days_of_month(cursor, user_id, "2027-01"), {"2027-01-15": 9})
            self.assertEqual(usage.days_of_month(cursor, user_id + "+", "2027-01"), {"2027-01-15": 1})

    @given(HOSTILE)
    def test_plans(self, holder: str) -> None:
        with self.example() as cursor:
            for each in (holder, holder + "+"):
                plans.grant(cursor, plans.Kind.USER, each, plans.Source.OPERATOR, now=1.0)
            plans.withdraw(cursor, plans.Kind.USER, holder, now=2.0)
            self.assertEqual(plans.current(cursor, plans.Kind.USER, holder, now=3.0), [])
            self.assertEqual(len(plans.current(cursor, plans.Kind.USER, holder + "+", now=3.0)), 1)

    @given(HOSTILE, HOSTILE)
    def test_the_export(self, user_id: str, name: str) -> None:
        with self.example() as cursor:
            for each, called in ((user_id, name), (user_id + "+", "witness")):
                users.add(cursor, each, name=called, provider="test", now=1.0)
                labels.put(cursor, each, "w", called)
            everything = export.of_user(cursor, user_id)
            self.assertEqual(everything["profile"]["display_name"], name)
            self.assertEqual(everything["labels"], [{"wing_id": "w", "label": name}])


def counting_from(seed: str) -> Callable[[int], bytes]:
    """Randomness of its own for each seed."""
    return lambda size: digest(seed).encode()[:size]
