"""Imports point down only; the reactor, the clock and SQL stay where they belong. See docs/design.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import TestCase

PACKAGE = Path(__file__).parents[1] / "wingthing"

GROUND = {"__init__", "errors", "failures", "names", "regions", "wire", "crypto"}
FILES = {"files"}
"""Writing small files safely: for those that have a disk."""

MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "failures": set(),
    "names": set(),
    "regions": set(),
    "wire": {"errors", "names"},
    "crypto": {"errors", "names", "wire"},
    "files": {"errors", "names"},
    "relay": GROUND,
    "store": GROUND | FILES,
    "cluster": GROUND | {"relay"},
    "sockets": GROUND | {"relay"},
    "web": GROUND | {"relay", "store", "cluster"},
    "wing": GROUND | FILES,
    "assembly": GROUND | FILES | {"relay", "store", "cluster", "sockets", "web", "wing"},
    "cli": GROUND | FILES | {"relay", "store", "cluster", "sockets", "web", "wing", "assembly", "rehearsal"},
    "rehearsal": GROUND | FILES | {"assembly"},
    "testing": GROUND | {"relay"},
}
"""What each part may import besides itself. A part that is not named here fails the tests."""

SEES_THE_REACTOR = {"assembly", "cli", "rehearsal"}
READS_THE_CLOCK = {"assembly", "cli", "rehearsal"}
WITHOUT_KLEIN = set(MAY_IMPORT) - {"web", "assembly"}
"""`import klein` installs a reactor."""

WITHOUT_TWISTED = {"errors", "failures", "names", "regions", "wire", "crypto"}

ALONE = "wingthing.assembly.single"
"""Loads nothing of a fleet, directly or indirectly."""

SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s"
    r"|CREATE\s+(TABLE|INDEX|UNIQUE|TRIGGER|VIEW)\s|DROP\s+TABLE\s|ALTER\s+TABLE\s|PRAGMA\s|BEGIN(\s|$)|VACUUM)",
    re.IGNORECASE | re.DOTALL,
)

CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to: its folder, or its own name at the top."""
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    """(part, path, tree) of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "node_modules" not in path.parts:
            yield part_of(path), path, ast.parse(path.read_text("utf-8"), str(path))


def imports(tree: ast.AST, path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                folder = path.relative_to(PACKAGE.parent).parts[: -node.level]
                base = ".".join([*folder, *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def sql_strings(tree: ast.AST) -> Iterator[str]:
    """String literals that begin as an SQL statement does; docstrings are no literals here."""
    documentation = {
        id(node.value)
        for body in ast.walk(tree)
        if isinstance(body, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for node in body.body
        if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in documentation and SQL.match(node.value):
            yield node.value


def clock_reads(tree: ast.AST) -> Iterator[str]:
    """Uses of the machine's clock, called or handed on: `time.time`, `datetime.now`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if node.attr in CLOCKS.get(name, ()):
                yield f"{name}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{alias.name}" for alias in node.names if alias.name in CLOCKS["time"])


def offences() -> dict[str, list[str]]:
    """Every break of a rule, by rule."""
    found: dict[str, list[str]] = {
        "arrow": [],
        "reactor": [],
        "klein": [],
        "twisted": [],
        "sql": [],
        "clock": [],
    }
    for part, path, tree in modules():
        where = str(path.relative_to(PACKAGE.parent))
        for name in imports(tree, path):
            top, _, rest = name.partition(".")
            if top == "wingthing":
                target = rest.partition(".")[0]
                if target in MAY_IMPORT and target != part and target not in MAY_IMPORT.get(part, set()):
                    found["arrow"].append(f"{where} imports {name}")
            elif name.startswith("twisted.internet.reactor") and part not in SEES_THE_REACTOR:
                found["reactor"].append(where)
            elif top == "klein" and part in WITHOUT_KLEIN:
                found["klein"].append(where)
            if top in ("twisted", "autobahn", "zope") and part in WITHOUT_TWISTED:
                found["twisted"].append(f"{where} imports {name}")
        if part != "store":
            found["sql"] += [f"{where}: {literal.strip()[:60]}" for literal in sql_strings(tree)]
        if part not in READS_THE_CLOCK:
            found["clock"] += [f"{where}: {use}" for use in clock_reads(tree)]
    return found


def loaded_with(module: str) -> set[str]:
    """The modules of the package that are imported with one of them, and what these import, and so on.

    Imports inside functions are left out: they happen when the function is called.
    """
    found: set[str] = set()
    ahead = [module]
    while ahead:
        name = ahead.pop()
        path = PACKAGE.parent.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in found or not path.is_file():
            # What looks like a module may be a name in one.
            continue
        found.add(name)
        body = ast.parse(path.read_text("utf-8")).body
        tops = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        for target in imports(ast.Module(tops, []), path):
            ahead += [target, target.rpartition(".")[0]]
    return found


class ImportTests(TestCase):
    def test_every_part_has_its_place(self) -> None:
        self.assertEqual({part for part, _, _ in modules()} - set(MAY_IMPORT), set())

    def test_imports_point_down(self) -> None:
        self.assertEqual(offences()["arrow"], [])

    def test_only_assembly_and_cli_see_the_reactor(self) -> None:
        self.assertEqual(offences()["reactor"], [])

    def test_a_node_that_is_alone_has_no_part_of_a_fleet(self) -> None:
        loaded = loaded_with(ALONE)
        self.assertIn("wingthing.relay.router", loaded)
        self.assertEqual([name for name in loaded if name.startswith("wingthing.cluster")], [])

    def test_klein_is_kept_out_of_what_has_no_pages(self) -> None:
        self.assertEqual(offences()["klein"], [])

    def test_the_ground_floor_knows_no_framework(self) -> None:
        self.assertEqual(offences()["twisted"], [])

    def test_sql_is_in_the_store_alone(self) -> None:
        self.assertEqual(offences()["sql"], [])

    def test_clocks_are_injected(self) -> None:
        self.assertEqual(offences()["clock"], [])


class RuleTests(TestCase):
    """The rules themselves find what they are for."""

    def test_parts_that_may_not_know_each_other(self) -> None:
        for part, other in (
            ("relay", "store"),
            ("store", "relay"),
            ("sockets", "web"),
            ("web", "sockets"),
            ("sockets", "store"),
            ("wing", "relay"),
            ("wing", "sockets"),
            ("wire", "crypto"),
            ("relay", "sockets"),
            ("assembly", "cli"),
        ):
            self.assertNotIn(other, MAY_IMPORT[part])

    def test_no_part_may_import_what_may_import_it(self) -> None:
        for part, below in MAY_IMPORT.items():
            for other in below:
                self.assertNotIn(part, MAY_IMPORT[other], f"{part} and {other} import each other")

    def test_imports_are_found_wherever_they_stand(self) -> None:
        tree = ast.parse(
            "import klein\n"
            "def f():\n    from twisted.internet import reactor\n    from ..store import users\n"
        )
        self.assertEqual(
            list(imports(tree, PACKAGE / "relay" / "x.py")),
            ["klein", "twisted.internet.reactor", "wingthing.store.users"],
        )

    def test_sql_is_recognised(self) -> None:
        for literal in (
            "SELECT id FROM users",
            "\n  select *\n  from users",
            "INSERT OR REPLACE INTO labels VALUES (?)",
            "UPDATE users SET name = ?",
            "DELETE FROM users",
            "PRAGMA journal_mode = wal",
            "BEGIN IMMEDIATE",
        ):
            self.assertEqual(list(sql_strings(ast.parse(f"x = {literal!r}"))), [literal])
        for literal in ("Select a folder from the list below", "update the label", "Delete it from disk", ""):
            if not SQL.match(literal):
                self.assertEqual(list(sql_strings(ast.parse(f"x = {literal!r}"))), [])

    def test_clocks_are_recognised(self) -> None:
        source = (
            "import time, datetime\na = time.time()\nb = datetime.datetime.now()\nc = f(clock=time.monotonic)"
        )
        self.assertEqual(
            sorted(clock_reads(ast.parse(source))), ["datetime.now", "time.monotonic", "time.time"]
        )
        self.assertEqual(list(clock_reads(ast.parse("from time import time"))), ["time.time"])
        self.assertEqual(list(clock_reads(ast.parse("clock.seconds(); meter.now()"))), [])
