"""`wt user`: the users of this server, for its operator."""

from __future__ import annotations

import json
import re
import secrets
import time

import click

from wingthing.cli.data import cursor_on, data_dir_option, database_of
from wingthing.errors import OperatorError

USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
PROVIDER = "operator"


@click.group()
def user() -> None:
    """Manage the users of this server. Works while the server runs."""


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--name", required=True, help="What the user is called.")
@click.option("--email", default="", help="The user's e-mail address.")
@data_dir_option
def add(user_id: str, name: str, email: str, data_dir: str | None) -> None:
    """Add the user ID."""
    from wingthing.store import audit, users

    if USER_ID.match(user_id) is None:
        raise OperatorError(
            f"{user_id!r} cannot be a user id: use letters, digits and . _ @ - (64 characters at most)."
        )
    if not name.strip() or not name.isprintable():
        raise OperatorError("--name must be a name that can be printed on one line.")
    if email and "@" not in email:
        raise OperatorError(f"{email!r} is no e-mail address.")
    with cursor_on(database_of(data_dir, make=True)) as cursor:
        users.add(cursor, user_id, name=name, email=email, provider=PROVIDER, now=time.time())
        audit.note(cursor, at=time.time(), user_id=user_id, action="user added", by=audit.OPERATOR)
    click.echo(f"Added {user_id}. 'wt user token {user_id}' prints a token for a wing of theirs.", err=True)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@data_dir_option
def list_users(as_json: bool, data_dir: str | None) -> None:
    """List the users."""
    from wingthing.store import plans, users
    from wingthing.wire.internal import Tier

    with cursor_on(database_of(data_dir)) as cursor:
        rows = users.every(cursor)
        pro = plans.pro_users(cursor, now=time.time())
    tiers = {row.id: str(Tier.PRO if row.id in pro else Tier.FREE) for row in rows}
    if as_json:
        keys = ("id", "display_name", "email", "provider", "created_at")
        listed = [{key: getattr(row, key) for key in keys} | {"plan": tiers[row.id]} for row in rows]
        click.echo(json.dumps(listed, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "name", "e-mail", "signs in by", "plan", "since", box=None, header_style="bold")
    for row in rows:
        since = time.strftime("%Y-%m-%d", time.localtime(row.created_at))
        # Not strings: in those, brackets would be markup.
        cells = (row.id, row.display_name, row.email, row.provider, tiers[row.id], since)
        table.add_row(*map(Text, cells))
    Console().print(table)


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--revoke", is_flag=True, help="Revoke all tokens of the user instead.")
@data_dir_option
def token(user_id: str, revoke: bool, data_dir: str | None) -> None:
    """Print a wing token of the user ID, and nothing else."""
    from wingthing.cli._words import count
    from wingthing.crypto.tokens import mint
    from wingthing.store import audit, tokens, users
    from wingthing.store.signing_key import signing_keys

    path = database_of(data_dir)
    key = signing_keys(path.parent).signing
    with cursor_on(path) as cursor:
        found = users.find(cursor, user_id)
        if found is None or found.removed_at is not None:
            raise OperatorError(f"There is no user {user_id}: 'wt user list' shows who there is.")
        if revoke:
            number = tokens.revoke_all(cursor, user_id, now=time.time())
            audit.note(
                cursor, at=time.time(), user_id=user_id, action="all devices revoked", by=audit.OPERATOR
            )
            click.echo(f"Revoked {count(number, 'token')} of {user_id}.", err=True)
            return
        minted, claims = mint(key, user_id=user_id, now=time.time(), jti=secrets.token_hex(16))
        tokens.issued(cursor, claims)
        audit.note(
            cursor,
            at=time.time(),
            user_id=user_id,
            action="token made",
            subject=claims.jti,
            by=audit.OPERATOR,
        )
    click.echo(minted)


@user.command()
@click.argument("user_id", metavar="ID")
@click.argument("tier", metavar="pro|free", type=click.Choice(["pro", "free"]))
@data_dir_option
def plan(user_id: str, tier: str, data_dir: str | None) -> None:
    """Give the user ID the pro plan, or take it away.

    A running server and the nodes of its fleet know it within a minute. What the user pays for, or has by a
    seat of an organisation, is not taken away.
    """
    from wingthing.cli.plans import change, left_over
    from wingthing.store import plans, users

    with cursor_on(database_of(data_dir)) as cursor:
        found = users.find(cursor, user_id)
        if found is None or found.removed_at is not None:
            raise OperatorError(f"There is no user {user_id}: 'wt user list' shows who there is.")
        seats = 1 if tier == "pro" else None
        change(cursor, plans.Kind.USER, user_id, seats, now=time.time())
        standing = plans.standing(cursor, user_id, now=time.time())
        paid = left_over(cursor, plans.Kind.USER, user_id, now=time.time())
    click.echo(f"{user_id} is on the {standing.tier} plan.", err=True)
    if tier == "free" and paid:
        click.echo(paid, err=True)
    elif tier == "free" and standing.via_org:
        click.echo("It is by a seat of an organisation: 'wt org plan' changes that.", err=True)


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--force", is_flag=True, help="Also one with a plan that is paid for.")
@data_dir_option
def remove(user_id: str, force: bool, data_dir: str | None) -> None:
    """Remove the user ID, with logins and tokens.

    These end at once, open terminals within seconds. The id is not used again: a token that is left somewhere
    must not find a new owner. Organisations in which nobody is left go too; while a plan of the user's, or of
    one of these, is paid for, it takes --force, which does not end the payments.
    """
    from wingthing.cli.plans import left_over
    from wingthing.names import LOCAL_USER_ID
    from wingthing.store import audit, deletion, plans

    if user_id == LOCAL_USER_ID:
        raise OperatorError(f"{user_id!r} is the user of this server itself and cannot be removed.")
    with cursor_on(database_of(data_dir)) as cursor:
        now = time.time()
        found = deletion.preview(cursor, user_id, now=now)
        if found.only_paid_for and not force:
            what = [f"the organisation {org.name} ({org.id})" for org in found.orgs_blocking]
            if found.plan_blocking:
                what.insert(0, "a plan of their own")
            raise OperatorError(
                f"{user_id} cannot be removed while these are paid for: {', '.join(what)}. Cancel that "
                "first, or remove the user with --force and end the payments with the payment provider."
            )
        holders = [(plans.Kind.ORG, org.id, f"{org.name} ({org.id})") for org in found.orgs_blocking]
        if found.plan_blocking:
            holders.append((plans.Kind.USER, user_id, user_id))
        paid = [(name, left_over(cursor, kind, holder, now=now)) for kind, holder, name in holders]
        deletion.delete(cursor, user_id, now=now, by=audit.OPERATOR, although_paid=force)
    click.echo(f"Removed {user_id}.", err=True)
    for name, sentence in paid:
        if sentence:
            click.echo(f"{name}: {sentence}", err=True)
