"""`wt wing start|stop|status`, and the same without the `wing`. Who may use the wing is in lock.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.table import Table

from wingthing.cli import lock
from wingthing.cli._table import show
from wingthing.cli._words import ago, count, split
from wingthing.crypto.keys import fingerprint, public_text
from wingthing.errors import OperatorError
from wingthing.names import EGGS_DIR, WING_LOG_FILE
from wingthing.wing import egg_home
from wingthing.wing.config import WingConfig, checked_folders, merge_paths, path_entries
from wingthing.wing.egg_home import EggMeta
from wingthing.wing.home import Home
from wingthing.wing.link import LinkState
from wingthing.wing.presence import Presence, Status
from wingthing.wing.roost import Roost

NOT_RUNNING_EXIT_CODE = 1


@click.group()
def wing() -> None:
    """Start, stop or show this machine's wing, and say who may use it."""


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
@click.option(
    "--org",
    metavar="SLUG",
    help="Share the wing with the members of this organisation, '' with nobody; remembered.",
)
@click.option("--log-file", is_flag=True, hidden=True)
def start(
    roost: str | None,
    foreground: bool,
    paths: tuple[str, ...],
    labels: tuple[str, ...],
    org: str | None,
    log_file: bool,
) -> None:
    """Start the wing, in the background unless --foreground is given.

    What is given as an option is remembered in wing.yaml. Without --paths, terminals may start anywhere
    under the home directory.
    """
    home = Home.find()
    server = home.roost(roost)
    changes = _changes(home.config.read(), server if roost else None, split(paths), split(labels), org)
    home.login_at(server)
    # A start in the background reads no traceback: what is damaged must show before.
    home.wing_id()
    home.wing_key()
    if changes:
        home.config.change(**changes)
    from wingthing.cli import _daemon

    if foreground:
        _daemon.run_foreground(home, log_file=log_file)
        return
    presence = Presence(home.directory)
    pid = presence.holder()
    if pid is not None:
        click.echo(f"The wing runs already (process {pid}).")
        for line in _in_force(changes, server, presence.status()):
            click.echo(line)
        return
    status = _daemon.start_background(home)
    if status.state == LinkState.ONLINE:
        click.echo(f"Wing {status.wing_id} is online at {status.roost} (process {status.pid}).")
    else:
        click.echo(f"The wing runs (process {status.pid}) but is not online yet: {status.detail}")


def _changes(
    known: WingConfig, roost: Roost | None, paths: list[str], labels: list[str], org: str | None
) -> dict[str, object]:
    """What the options change in wing.yaml. Raises OperatorError for a folder that does not exist."""
    changes: dict[str, object] = {}
    if roost is not None and roost.url != known.roost:
        changes["roost"] = roost.url
    if paths:
        changes["paths"] = path_entries(checked_folders(merge_paths(known.paths, paths, Path.cwd())))
    if labels:
        changes["labels"] = labels
    if org is not None and org.strip() != known.org:
        changes["org"] = org.strip()
    return changes


def _in_force(changes: dict[str, object], server: Roost, said: Status | None) -> Iterator[str]:
    """From when on the wing that runs goes by what was changed."""
    if not changes:
        return
    yield "The settings are saved in wing.yaml."
    inside = said is not None and said.inside_server
    if "paths" in changes:
        yield "The folders hold from now on" + (
            ", unless 'wt roost' was given others with --paths." if inside else "."
        )
    if "org" in changes:
        yield "The organisation holds from the next connection on: 'wt stop' and 'wt start' make it now."
    if "roost" in changes and (said is None or not Roost.parse(said.roost).is_same(server)):
        if inside:
            yield f"The wing inside 'wt roost' stays there: for {server.url}, end that and run 'wt start'."
        else:
            yield f"The next connection goes to {server.url}: 'wt stop' and 'wt start' make it now."


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
    log = home.directory / WING_LOG_FILE
    if said is not None and said.inside_server:
        table.add_row("log", "where 'wt roost' prints it")
    elif log.exists():
        table.add_row("log", str(log))
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
for command in (lock.lock, lock.unlock, lock.allow, lock.revoke, lock.allowed):
    wing.add_command(command)
