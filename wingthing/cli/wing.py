"""`wt wing start|stop|status`, and the same without the `wing`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.table import Table

from wingthing.cli._table import show
from wingthing.cli._words import ago, count, split
from wingthing.crypto.keys import fingerprint, public_text
from wingthing.errors import OperatorError
from wingthing.names import EGGS_DIR, WING_LOG_FILE
from wingthing.wing import egg_home
from wingthing.wing.config import merge_paths, path_entries
from wingthing.wing.egg_home import EggMeta
from wingthing.wing.home import Home
from wingthing.wing.link import LinkState
from wingthing.wing.presence import Presence

NOT_RUNNING_EXIT_CODE = 1


@click.group()
def wing() -> None:
    """Start, stop or show this machine's wing."""


@click.command()
@click.option("--roost", "-r", metavar="URL", help="The server; remembered.")
@click.option("--foreground", "-f", is_flag=True, help="Stay in this terminal and log to it.")
@click.option(
    "--paths",
    "-p",
    multiple=True,
    help="Folders in which terminals may start (repeat, or separate by commas); remembered.",
)
@click.option("--labels", "-l", multiple=True, help="Labels of this machine, likewise; remembered.")
@click.option("--log-file", is_flag=True, hidden=True)
def start(
    roost: str | None, foreground: bool, paths: tuple[str, ...], labels: tuple[str, ...], log_file: bool
) -> None:
    """Start the wing, in the background unless --foreground is given.

    What is given as an option is remembered in wing.yaml. Without --paths, terminals may start anywhere
    under the home directory.
    """
    home = Home.find()
    _remember(home, roost, split(paths), split(labels))
    if home.token() is None:
        raise OperatorError(f"This machine is not logged in to {home.roost().url}: run 'wt login' first.")
    # A start in the background reads no traceback: what is damaged must show before.
    home.wing_id()
    home.wing_key()
    from wingthing.cli import _daemon

    if foreground:
        _daemon.run_foreground(home, log_file=log_file)
        return
    pid = Presence(home.directory).holder()
    if pid is not None:
        click.echo(f"The wing runs already (process {pid}).")
        return
    status = _daemon.start_background(home)
    if status.state == LinkState.ONLINE:
        click.echo(f"Wing {status.wing_id} is online at {status.roost} (process {status.pid}).")
    else:
        click.echo(f"The wing runs (process {status.pid}) but is not online yet: {status.detail}")


def _remember(home: Home, roost: str | None, paths: list[str], labels: list[str]) -> None:
    changes: dict[str, object] = {}
    if roost:
        changes["roost"] = home.roost(roost).url
    if paths:
        rules = merge_paths(home.config.read().paths, paths, Path.cwd())
        for rule in rules:
            if not Path(rule.path).expanduser().is_dir():
                raise OperatorError(f"There is no folder {rule.path}: name one that exists with --paths.")
        changes["paths"] = path_entries(rules)
    if labels:
        changes["labels"] = labels
    known = home.config.read()
    if roost and not paths and not labels and known.roost == changes["roost"]:
        return
    if changes:
        home.config.change(**changes)


@click.command()
def stop() -> None:
    """End the wing. Its terminals live on and are there again after the next start."""
    from wingthing.cli import _daemon

    home = Home.find()
    pid = _daemon.stop_background(home)
    living = len(living_terminals(home))
    left = f" {count(living, 'terminal')} {'lives' if living == 1 else 'live'} on." if living else ""
    click.echo(f"The wing was not running.{left}" if pid is None else f"The wing has ended.{left}")


@click.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show this machine's wing. Exit code 1 when it does not run."""
    home = Home.find()
    presence = Presence(home.directory)
    pid = presence.holder()
    said = presence.status()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if pid is None:
        table.add_row("wing", "not running: start it with 'wt start'")
    else:
        where = " inside 'wt roost'" if said is not None and said.inside_server else ""
        table.add_row("wing", f"running{where} (process {pid})")
    if said is not None:
        table.add_row("link", f"{said.state} for {ago(time.time() - said.since)}")
        if said.detail and said.state != LinkState.ONLINE:
            table.add_row("", said.detail)
    table.add_row("server", said.roost if said is not None else home.roost().url)
    table.add_row("machine", home.known_wing_id() or "no id yet")
    key = home.known_wing_key()
    if key is not None:
        table.add_row("key", fingerprint(public_text(key)))
    for row, meta in enumerate(living_terminals(home)):
        table.add_row("terminals" if row == 0 else "", f"{meta.session_id}  {meta.agent}  {meta.cwd}")
    table.add_row("log", str(home.directory / WING_LOG_FILE))
    show(table)
    if pid is None:
        ctx.exit(NOT_RUNNING_EXIT_CODE)


def living_terminals(home: Home) -> list[EggMeta]:
    """The terminals whose process lives, the oldest first; such as cannot be read are left out."""
    found = []
    folder = home.directory / EGGS_DIR
    for directory in folder.iterdir() if folder.is_dir() else ():
        try:
            if egg_home.SESSION_ID.match(directory.name) and egg_home.is_alive(directory):
                found.append(egg_home.read_meta(directory))
        except (OSError, OperatorError):
            continue
    return sorted(found, key=lambda meta: meta.created_at)


wing.add_command(start)
wing.add_command(stop)
wing.add_command(status)
