"""`wt serve` and `wt roost`: the server on this machine, without or with a wing inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from wingthing.assembly.config import ServerOptions, resolve
from wingthing.cli._words import split
from wingthing.names import DEFAULT_ADDR, DEFAULT_DIR, ENV_DIR
from wingthing.wing.config import checked_folders, merge_paths

F = TypeVar("F", bound=Callable[..., Any])


def server_options(command: F) -> F:
    """The options of the server, the same for both commands and for `twistd wingthing`."""
    options = (
        click.option(
            "--addr",
            "-a",
            help=f"HOST:PORT, :PORT or a Twisted endpoint.  [default: {DEFAULT_ADDR}]",
        ),
        click.option("--data-dir", "-d", help=f"Data directory.  [default: ${ENV_DIR} or {DEFAULT_DIR}]"),
        click.option("--base-url", "-b", help="Public URL, when it is not the address listened on."),
        click.option(
            "--allow-remote", is_flag=True, help="Without sign-in: listen beyond loopback all the same."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@server_options
def serve(addr: str | None, data_dir: str | None, base_url: str | None, allow_remote: bool) -> None:
    """Run the server on this machine.

    It prints a link that lets one browser in, once; 'wt url' prints the next. Wings are separate programs:
    'wt wing start' runs the one of this machine.
    """
    _run(ServerOptions(addr, data_dir, base_url, allow_remote), with_wing=False)


@click.command()
@server_options
@click.option(
    "--paths",
    "-p",
    multiple=True,
    help="Folders in which terminals may start (repeat, or separate by commas).",
)
def roost(
    addr: str | None, data_dir: str | None, base_url: str | None, allow_remote: bool, paths: tuple[str, ...]
) -> None:
    """Run the server with this machine as its first wing: one process, one link.

    Terminals are processes of their own and outlive it.
    """
    folders = split(paths)
    checked_folders(merge_paths((), folders, Path.cwd()))
    _run(ServerOptions(addr, data_dir, base_url, allow_remote), with_wing=True, paths=folders)


def _run(options: ServerOptions, *, with_wing: bool, paths: Sequence[str] = ()) -> None:
    from wingthing.assembly.run import run_server

    config = attrs.evolve(resolve(options), with_wing=with_wing, wing_paths=tuple(paths))
    run_server(config, click.echo)
