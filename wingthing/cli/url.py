"""`wt url`: the link that lets one more browser in."""

from __future__ import annotations

import os

import click

from wingthing.cli.data import data_dir_option
from wingthing.errors import OperatorError


@click.command()
@data_dir_option
def url(data_dir: str | None) -> None:
    """Print the link that opens the server in a browser. It works once; ask again for the next."""
    from wingthing.assembly.config import data_directory
    from wingthing.assembly.listener import running_at
    from wingthing.store.local_key import LocalKey, link

    directory = data_directory(data_dir)
    where = running_at(directory)
    if where is None:
        raise OperatorError(f"No server runs on {directory}: start one with 'wt roost' or 'wt serve'.")
    click.echo(link(where, LocalKey(directory, os.urandom).current()))
