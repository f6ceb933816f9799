"""`wt doctor`: one screen that says what is found, what is wrong, and what to do about it."""

from __future__ import annotations

import enum
import importlib.util
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import attrs
import click
from rich.table import Table
from rich.text import Text

from wingthing.cli import _reactor
from wingthing.cli._table import show
from wingthing.cli._words import ago, count, day, size
from wingthing.cli.wing import living_terminals
from wingthing.crypto.keys import fingerprint, public_text
from wingthing.errors import NotAuthenticated, OperatorError
from wingthing.names import DEVICE_TOKEN_FILE, DIR_MODE, FILE_MODE, WING_KEY_FILE
from wingthing.wing import agents
from wingthing.wing.device import DeviceLogin, http_client
from wingthing.wing.home import Home
from wingthing.wing.link import LinkState
from wingthing.wing.presence import Presence
from wingthing.wing.projects import find_projects
from wingthing.wing.rules import Rules

OLDEST_PYTHON = (3, 11)
TOOLS = ("git",)
LEAST_FREE_BYTES = 100_000_000
FAILED_EXIT_CODE = 1
"""2 is what every command gives for a sentence of its own."""


class Mark(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


COLOURS = {Mark.OK: "green", Mark.WARN: "yellow", Mark.FAIL: "red"}


@attrs.frozen
class Finding:
    """A line of the screen: what was looked at, how it is, and (where it is not well) what to do."""

    mark: Mark
    name: str
    what: str
    do: str = ""


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Show what is set up, what is wrong and what to do.

    Exit code 1 when something must be put right.
    """
    findings = list(examine(Home.find()))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        text = Text(finding.what)
        if finding.do:
            text.append(f"\n→ {finding.do}")
        table.add_row(Text(finding.mark, style=COLOURS[finding.mark]), finding.name, text)
    show(table)
    if any(finding.mark is Mark.FAIL for finding in findings):
        ctx.exit(FAILED_EXIT_CODE)


def examine(home: Home) -> Iterator[Finding]:
    """Every finding, in the order of the screen."""
    checks: tuple[Callable[[Home], Iterator[Finding]], ...] = (
        _python,
        _directory,
        _identity,
        _login_and_server,
        _wing,
        _agents_and_tools,
        _folders,
        _terminals,
        _browser_app,
        _accelerators,
        _disk,
    )
    for check in checks:
        try:
            yield from check(home)
        except OperatorError as why:
            name = check.__name__.strip("_").replace("_", " ")
            yield Finding(Mark.FAIL, name, str(why))


def _python(home: Home) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        yield Finding(Mark.FAIL, "python", version, "wingthing needs Python 3.11 or later")
    else:
        yield Finding(Mark.OK, "python", f"{version} at {sys.executable}")


def _directory(home: Home) -> Iterator[Finding]:
    mode = stat.S_IMODE(home.directory.stat().st_mode)
    if mode & ~DIR_MODE:
        yield Finding(
            Mark.WARN,
            "directory",
            f"{home.directory} can be entered by others (mode {mode:o})",
            f"chmod 700 {home.directory}",
        )
    else:
        yield Finding(Mark.OK, "directory", str(home.directory))
    for name in (WING_KEY_FILE, DEVICE_TOKEN_FILE):
        path = home.directory / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & ~FILE_MODE:
            mended = "it is private from now on; replace it if somebody else uses this machine"
            yield Finding(Mark.WARN, "secrets", f"{path} could be read by others", mended)


def _identity(home: Home) -> Iterator[Finding]:
    wing_id = home.known_wing_id()
    key = home.known_wing_key()
    made = "is made by 'wt login' or 'wt roost'"
    yield Finding(Mark.OK if wing_id else Mark.WARN, "machine", wing_id or f"no id yet: it {made}")
    if key is None:
        yield Finding(Mark.WARN, "key", f"none yet: it {made}")
    else:
        yield Finding(Mark.OK, "key", fingerprint(public_text(key)))


def _login_and_server(home: Home) -> Iterator[Finding]:
    server = home.roost()
    token = home.token()
    if token is None:
        yield Finding(Mark.WARN, "login", "this machine is not logged in", "wt login")
    elif not home.login_is_for(token, server):
        yield Finding(Mark.FAIL, "login", f"it is not one for {server.url}", f"wt login --roost {server.url}")
        token = None
    try:
        who = _reactor.run(
            lambda reactor: DeviceLogin(reactor, http_client(reactor), server).check(
                token.device_token if token is not None else ""
            )
        )
    except NotAuthenticated:
        if token is not None:
            yield Finding(Mark.FAIL, "login", f"{server.url} does not accept it any more", "wt login")
        yield Finding(Mark.OK, "server", f"{server.url} answers")
    except OperatorError as why:
        yield Finding(Mark.FAIL, "server", str(why))
    else:
        until = ""
        if token is not None and token.expires_at:
            until = f", until {day(token.expires_at)}"
        yield Finding(Mark.OK, "login", f"{who.name}{until}")
        yield Finding(Mark.OK, "server", f"{server.url} answers")


def _wing(home: Home) -> Iterator[Finding]:
    presence = Presence(home.directory)
    pid = presence.holder()
    if pid is None:
        yield Finding(Mark.WARN, "wing", "does not run", "wt start")
        return
    status = presence.status()
    if status is None:
        yield Finding(Mark.WARN, "wing", f"process {pid} has not said yet how it is", "wait a moment")
    elif status.state == LinkState.ONLINE:
        yield Finding(Mark.OK, "wing", f"online for {ago(time.time() - status.since)} (process {pid})")
    else:
        yield Finding(Mark.WARN, "wing", f"process {pid}: {status.state}", status.detail)


def _agents_and_tools(home: Home) -> Iterator[Finding]:
    found = agents.found_agents(os.environ.get("PATH"))
    missing = [name for name in agents.AGENTS if name not in found]
    rest = f" (not found: {', '.join(missing)})" if missing else ""
    yield Finding(Mark.OK, "agents", ", ".join(found) + rest)
    yield Finding(Mark.OK, "shell", agents.login_shell())
    for tool in TOOLS:
        path = shutil.which(tool)
        if path is None:
            yield Finding(Mark.WARN, tool, "is not on PATH", "projects are found, but not worked with")
        else:
            yield Finding(Mark.OK, tool, path)


def _folders(home: Home) -> Iterator[Finding]:
    rules = Rules(home.config, lambda: "", Path.home())
    configured = rules.path_rules
    for rule, folder in zip(configured, rules.all_folders(), strict=False):
        if not folder.is_dir():
            yield Finding(Mark.WARN, "paths", f"{rule.path} does not exist", "correct 'paths' in wing.yaml")
    offered = [folder for folder in rules.all_folders() if folder.is_dir()]
    note = "" if configured else " (the default; --paths chooses others)"
    if offered:
        yield Finding(Mark.OK, "paths", ", ".join(str(folder) for folder in offered) + note)
    else:
        yield Finding(Mark.FAIL, "paths", "no folder to start a terminal in", "wt start --paths FOLDER")
    projects = find_projects(offered, time.monotonic)
    yield Finding(Mark.OK, "projects", count(len(projects), "project"))


def _terminals(home: Home) -> Iterator[Finding]:
    living = living_terminals(home)
    yield Finding(Mark.OK, "terminals", f"{count(len(living), 'terminal')} running")


def _browser_app(home: Home) -> Iterator[Finding]:
    page = resources.files("wingthing.web.static") / "app" / "index.html"
    if page.is_file():
        yield Finding(Mark.OK, "browser app", "built")
    else:
        yield Finding(
            Mark.WARN, "browser app", "not built: a server on this machine has none to offer", "make build"
        )


def _accelerators(home: Home) -> Iterator[Finding]:
    from autobahn.websocket import USES_NVX

    if importlib.util.find_spec("pyghostty") is None:
        yield Finding(Mark.FAIL, "screen", "pyghostty is missing", "install wingthing again with pip")
    if USES_NVX:
        yield Finding(Mark.OK, "websockets", "masking and UTF-8 checks in C")
    else:
        slow = "masking and UTF-8 checks in Python: large output is slow"
        yield Finding(Mark.WARN, "websockets", slow, "pip install 'autobahn[accelerate]'")


def _disk(home: Home) -> Iterator[Finding]:
    free = shutil.disk_usage(home.directory).free
    if free < LEAST_FREE_BYTES:
        yield Finding(Mark.FAIL, "disk", f"{size(free)} free in {home.directory}", "make room")
    else:
        yield Finding(Mark.OK, "disk", f"{size(free)} free")
