"""Prints a table as wide as the terminal, without blanks at the ends of lines."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table


def show(table: Table) -> None:
    """Print `table` on standard output; colours only where that is a terminal."""
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
