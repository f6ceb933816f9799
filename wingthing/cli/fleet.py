"""`wt fleet`: a small Fly.io on this machine, to rehearse on what a fleet does when something breaks."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from rich.table import Table

from wingthing.cli._table import show
from wingthing.cli._words import split
from wingthing.errors import OperatorError
from wingthing.rehearsal.call import call
from wingthing.rehearsal.facts import FIRST_PORT, WORK_DIR
from wingthing.rehearsal.folder import Folder
from wingthing.rehearsal.plan import SERVE, make_plan
from wingthing.rehearsal.status import FleetStatus, MachineStatus

if TYPE_CHECKING:
    from wingthing.rehearsal.fleet import Fleet

F = TypeVar("F", bound=Callable[..., Any])

REGIONS = "ewr,nrt,lhr"

NONE = "-"
"""In the table, for a number that a machine does not tell."""


def folder_option(command: F) -> F:
    """`--dir`, as all of them take it."""
    return click.option(
        "--dir", "directory", metavar="DIR", help=f"Folder of the rehearsal.  [default: {WORK_DIR}]"
    )(command)


def machine_argument(command: F) -> F:
    """MACHINE, as all of them take it."""
    return click.argument("machine")(command)


@click.group()
def fleet() -> None:
    """Rehearse a fleet: a small Fly.io on this machine.

    'wt fleet up' starts it and stays in the foreground; the other commands drive it from another terminal.
    MACHINE is a machine's id, the beginning of one, 'login', 'edge' or a region, if only one answers to that.
    """


@fleet.command()
@click.option(
    "--regions",
    "-r",
    multiple=True,
    default=(REGIONS,),
    show_default=REGIONS,
    help="Regions, by commas; the first has login.",
)
@click.option("--edges", "-n", type=int, help="Edges in all.  [default: one in each region but the first]")
@click.option(
    "--port",
    "-p",
    type=click.IntRange(0, 65535),
    default=FIRST_PORT,
    show_default=True,
    help="Port of the first region; the next ones have the next. 0: any free ones.",
)
@click.option("--env", "variables", metavar="NAME=VALUE", multiple=True, help="One more for every machine.")
@click.option("--command", hidden=True, help="What runs on a machine, in place of 'wt serve'.")
@folder_option
def up(
    regions: tuple[str, ...],
    edges: int | None,
    port: int,
    variables: tuple[str, ...],
    command: str | None,
    directory: str | None,
) -> None:
    """Start a fleet and keep it until Ctrl-C.

    One login and some edges, each a process of its own with a loopback address, behind a proxy that has a URL
    for each region. The volume of login survives; a second start has the same users.
    """
    from wingthing.rehearsal.run import run_fleet

    plan = make_plan(
        split(regions),
        edges,
        directory=Folder(directory).path,
        port=port,
        command=shlex.split(command) if command else SERVE,
        environment=dict(_variable(word) for word in variables),
    )
    run_fleet(plan, click.echo, _welcome)


def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        raise OperatorError(f"--env {word!r}: write it as NAME=VALUE.")
    return name, value


async def _welcome(fleet: Fleet) -> None:
    now = await fleet.status()
    _show(now)
    try:
        link = await fleet.login_link()
    except OperatorError as why:
        link = str(why)
    where = "" if now.directory == str(Folder().path) else f" --dir {shlex.quote(now.directory)}"
    any_machine = now.machines[-1].region
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for command, meaning in (
        ("status", "the table above"),
        (f"kill {any_machine}", "it dies; 'start' brings it back"),
        (f"partition {any_machine}", "nothing gets to it; 'heal' mends that"),
        (f"slow {any_machine} 150", "it is far away"),
        ("add --region fra", "one more edge"),
    ):
        table.add_row(f"    wt fleet {command}{where}", meaning)
    click.echo("\nTo log in, open this link; it works once, and 'wt fleet link' prints the next:\n")
    click.echo(f"    {link}\n")
    click.echo("Drills, from another terminal:\n")
    show(table)
    click.echo("\nCtrl-C stops the fleet.")


@fleet.command()
@folder_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(directory: str | None, as_json: bool) -> None:
    """Show the machines."""
    answer = call(Folder(directory), "status")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
    else:
        _show(msgspec.convert(answer, FleetStatus))


@fleet.command()
@folder_option
def link(directory: str | None) -> None:
    """Print the link that lets the next browser in. It works once."""
    click.echo(call(Folder(directory), "link"))


@fleet.command()
@machine_argument
@folder_option
def kill(machine: str, directory: str | None) -> None:
    """Kill a machine (SIGKILL). It stays dead until it is started."""
    click.echo(f"Machine {call(Folder(directory), 'kill', machine=machine)} is dead.")


@fleet.command()
@machine_argument
@folder_option
def stop(machine: str, directory: str | None) -> None:
    """Stop a machine as Fly does.

    SIGINT, and SIGTERM when that does not help.
    """
    click.echo(f"Machine {call(Folder(directory), 'stop', machine=machine)} has stopped.")


@fleet.command()
@machine_argument
@folder_option
def start(machine: str, directory: str | None) -> None:
    """Start a machine that is dead or stopped.

    Waits until it is healthy.
    """
    click.echo(f"Machine {call(Folder(directory), 'start', machine=machine)} runs.")


@fleet.command()
@machine_argument
@folder_option
def restart(machine: str, directory: str | None) -> None:
    """Stop a machine and start it again, as a deploy does."""
    click.echo(f"Machine {call(Folder(directory), 'restart', machine=machine)} runs again.")


@fleet.command()
@machine_argument
@click.option("--public", is_flag=True, help="From the public proxy, and not from the other machines.")
@folder_option
def partition(machine: str, public: bool, directory: str | None) -> None:
    """Cut a machine off from all others.

    As if every packet were lost.
    """
    answer = call(Folder(directory), "partition", machine=machine, public=public)
    click.echo(f"Machine {answer} is cut off from {'the public proxy' if public else 'the other machines'}.")


@fleet.command()
@machine_argument
@click.argument("milliseconds", type=click.IntRange(0))
@folder_option
def slow(machine: str, milliseconds: int, directory: str | None) -> None:
    """Delay what a machine and the others send each other.

    Each way by the same time.
    """
    answer = call(Folder(directory), "slow", machine=machine, milliseconds=milliseconds)
    click.echo(f"Machine {answer} is {milliseconds} ms away from the others.")


@fleet.command()
@click.argument("machine", required=False)
@folder_option
def heal(machine: str | None, directory: str | None) -> None:
    """Undo 'partition' and 'slow', of one machine or of all."""
    healed = call(Folder(directory), "heal", machine=machine)
    if machine is None:
        click.echo("All machines are healed.")
    else:
        click.echo(f"Machine {healed[0]} is healed.")


@fleet.command()
@click.option("--region", "-r", required=True, help="Where; it need not be one of the first.")
@folder_option
def add(region: str, directory: str | None) -> None:
    """Add an edge, as 'make deploy-edge' does."""
    click.echo(f"Machine {call(Folder(directory), 'add', region=region)} runs.")


def _show(now: FleetStatus) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("machine", "region", "role", "address", "state", "wings", "browsers"):
        right = name in ("wings", "browsers")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "state")
    for machine in now.machines:
        numbers = (NONE if number is None else str(number) for number in (machine.wings, machine.browsers))
        table.add_row(machine.id, machine.region, machine.role, machine.address, _state(machine), *numbers)
    show(table)
    click.echo("")
    urls = Table(show_header=False, box=None, pad_edge=False)
    for region, url in now.urls.items():
        urls.add_row(region, url)
    show(urls)


def _state(machine: MachineStatus) -> str:
    words = [machine.state]
    if machine.state == "stopped" and machine.last_exit:
        words.append(machine.last_exit)
    if machine.state == "running" and not machine.ready:
        words.append("out of rotation")
    if machine.partitioned:
        words.append("cut off")
    if machine.public_cut:
        words.append("cut off from the public")
    if machine.slow_ms:
        words.append(f"+{machine.slow_ms} ms")
    return ", ".join(words)
