"""`wt backup`: a copy of the server's database."""

from __future__ import annotations

from pathlib import Path

import click

from wingthing.cli.data import data_dir_option
from wingthing.names import DATABASE_FILE


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@data_dir_option
def backup(file: Path, force: bool, data_dir: str | None) -> None:
    """Copy the server's database to FILE, while it runs or not.

    To restore, stop the server and put FILE in the place of wingthing.db. The signing key (jwt_key) is not
    in it: keep a copy of that too, or all wings must log in again.
    """
    from wingthing.assembly.config import data_directory
    from wingthing.store.backup import backup as copy

    # Not brought up to date first: a copy is wanted most before a newer program changes the database.
    size = copy(data_directory(data_dir) / DATABASE_FILE, file, force=force)
    click.echo(f"Wrote {file} ({size:,} bytes).", err=True)
