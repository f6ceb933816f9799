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
    from wingthing.assembly.listener import running
    from wingthing.store.local_key import LocalKey, link

    directory = data_directory(data_dir)
    server = running(directory)
    if server is None:
        raise OperatorError(f"No server runs on {directory}: start one with 'wt roost' or 'wt serve'.")
    if server.sign_in:
        raise OperatorError(
            f"The server on {directory} has sign-in, so nobody is let in by a link: open {server.url} and "
            "sign in."
        )
    click.echo(link(server.url, LocalKey(directory, os.urandom).current()))
