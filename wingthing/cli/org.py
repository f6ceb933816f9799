"""`wt org`: the organisations of this server, for its operator."""

from __future__ import annotations

import time

import click

from wingthing.cli.data import cursor_on, data_dir_option, database_of
from wingthing.errors import OperatorError
from wingthing.wire.limits import MAX_SEATS


@click.group()
def org() -> None:
    """Manage the organisations of this server. Works while the server runs."""


@org.command()
@click.argument("name", metavar="ORG")
@click.argument("tier", metavar="pro|free", type=click.Choice(["pro", "free"]))
@click.option("--seats", type=click.IntRange(1, MAX_SEATS), help="How many members it is for.")
@data_dir_option
def plan(name: str, tier: str, seats: int | None, data_dir: str | None) -> None:
    """Give the organisation ORG (its slug or id) seats of the pro plan, or take them away.

    Its members have the seats in the order in which they joined. A running server and the nodes of its fleet
    know it within a minute. Seats that are paid for are not taken away.
    """
    from wingthing.cli._words import count
    from wingthing.cli.plans import change, left_over
    from wingthing.store import plans

    if (tier == "pro") != (seats is not None):
        raise OperatorError("'pro' needs --seats, and 'free' has none.")
    with cursor_on(database_of(data_dir)) as cursor:
        org_id = plans.org_named(cursor, name)
        if org_id is None:
            raise OperatorError(f"There is no organisation {name}.")
        change(cursor, plans.Kind.ORG, org_id, seats, now=time.time())
        held = plans.seats_of(cursor, org_id, now=time.time())
        paid = left_over(cursor, plans.Kind.ORG, org_id, now=time.time())
    click.echo(f"{name} has {count(held, 'seat')} of the pro plan.", err=True)
    if tier == "free" and paid:
        click.echo(paid, err=True)
