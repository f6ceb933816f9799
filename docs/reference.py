"""Writes docs/configuration.md from where the facts are defined: `python docs/reference.py`.

A test compares the result with the file, so that a changed limit cannot leave the page behind.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "configuration.md"

LIMITS = (
    "wingthing/wire/limits.py",
    "wingthing/wire/wing_limits.py",
    "wingthing/wire/account_limits.py",
)

HEAD = """# Configuration

This page is made from the source by `make docs`; edit the sentences there.

## Options of the server

The same for `wt serve`, `wt roost` and `twistd wingthing`.

| option | default | meaning |
|---|---|---|
| `--addr`, `-a` | `127.0.0.1:8080` | `HOST:PORT`, `:PORT` (all interfaces), or a Twisted endpoint string |
| `--data-dir`, `-d` | `$WINGTHING_DIR` or `~/.wingthing` | database, keys and notes (mode 0700) |
| `--base-url`, `-b` | the address listened on | the public URL behind a reverse proxy or a tunnel |
| `--allow-remote` | off | listen beyond loopback without sign-in: whoever gets the link gets a shell |

A Unix socket, `--addr unix:/path`, is for the server's user alone, and with `unix:/path:mode=660` also for
the group.

`wt roost` also takes `--paths`: the folders in which terminals may start.
"""


def constants(module: str) -> list[tuple[str, str, str]]:
    """Name, value as written, and docstring of each constant of a module, in order."""
    body = ast.parse((ROOT / module).read_text()).body
    found: list[tuple[str, str, str]] = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.append((node.target.id, _value(node.value), _docstring(after)))
    return found


def members(module: str, name: str) -> list[tuple[str, str, str]]:
    """The same for the members of an enumeration."""
    tree = ast.parse((ROOT / module).read_text())
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name).body
    return [
        (node.targets[0].id, _value(node.value), _docstring(after))
        for node, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]


def _value(node: ast.expr) -> str:
    """The value in a reader's form: products of numbers multiplied out."""
    try:
        value = eval(compile(ast.Expression(node), "constant", "eval"), {"__builtins__": {}})  # noqa: S307
    except NameError:
        return ast.unparse(node)
    if isinstance(value, int) and isinstance(node, ast.BinOp):
        return f"{value:,}"
    if isinstance(node, ast.Constant) and isinstance(value, int) and ast.unparse(node) in ("384", "448"):
        return oct(value)
    return str(value)


def _docstring(node: ast.stmt | None) -> str:
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return " ".join(node.value.value.split())
    return ""


def table(heading: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heading) + " |", "|---|---|---|"]
    lines += [f"| `{name}` | `{value}` | {meaning} |" for name, value, meaning in rows]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    names = constants("wingthing/names.py")
    variables = [(value, name, text) for name, value, text in names if name.startswith("ENV_")]
    files = [row for row in names if not row[0].startswith("ENV_")]
    return "\n".join(
        [
            HEAD,
            "## Environment variables\n",
            table(("variable", "in the source", "meaning"), variables),
            "## Files and other names\n",
            table(("in the source", "value", "meaning"), files),
            "## Limits and intervals\n",
            "They are part of the program and not configurable; the unit is in the name.\n",
            table(("limit", "value", "meaning"), [row for module in LIMITS for row in constants(module)]),
            "## Close codes of the WebSockets\n",
            table(("name", "code", "meaning"), members("wingthing/wire/closing.py", "CloseCode")),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page())
