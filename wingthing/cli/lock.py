"""`wt wing lock|unlock|allow|revoke|allowed`: who besides the owner may use this machine's wing.

They change wing.yaml, which a wing that runs reads again by itself.
"""

from __future__ import annotations

import click
from rich.table import Table

from wingthing.cli._table import show
from wingthing.crypto.keys import fingerprint
from wingthing.crypto.passkeys import raw_public_key
from wingthing.errors import InvalidMessage, OperatorError
from wingthing.wing import allow_list
from wingthing.wing.config import AllowKey, WingConfig, allow_key
from wingthing.wing.device import claims_of
from wingthing.wing.home import Home
from wingthing.wire.text import is_plain


@click.command()
def lock() -> None:
    """Lock the wing for everybody who is not on its list.

    People on the list are asked for a passkey; you are, too, once you are on it. Terminals of people who are
    not let in any more are closed to them at once; what runs in them goes on.
    """
    home = Home.find()
    config = home.config.change(locked=True)
    click.echo("The wing is locked.")
    click.echo(f"{_on_the_list(config)} You are asked for a passkey too {_when_asked(home, config)}")


@click.command()
def unlock() -> None:
    """Unlock the wing for everybody who may reach it."""
    config = Home.find().config.change(locked=None)
    click.echo("The wing is not locked.")
    if config.allow_keys:
        click.echo("The list stays, for the next 'wt wing lock'.")


@click.command()
@click.option("--email", default="", help="Who, by the e-mail address that they sign in with.")
@click.option("--user", "user_id", metavar="ID", default="", help="Who, by the id on the server.")
@click.option("--key", metavar="BASE64", default="", help="The public key of their passkey.")
def allow(email: str, user_id: str, key: str) -> None:
    """Let somebody come in while the wing is locked.

    With --key only that passkey counts: nobody can pose as them, the server included. Without it the first
    one that they show is written down, and from then on only that counts. Repeat the command for each passkey
    of one person.
    """
    wanted = AllowKey(_key(key), user_id.strip(), email.strip())
    _must_name(wanted)
    if wanted.email and ("@" not in wanted.email or not is_plain(wanted.email)):
        raise OperatorError(f"'{email}' is no e-mail address: correct --email.")
    home = Home.find()
    before = home.config.read().allow_keys
    config = home.config.change(allow_keys=lambda entries: allow_list.added(entries, wanted))
    who = _name(wanted)
    click.echo(f"{who} is on the list already." if config.allow_keys == before else f"{who} may come in.")
    if not config.locked:
        click.echo("The wing is not locked, so everybody may who can reach it: 'wt wing lock' locks it.")


@click.command()
@click.option("--email", default="", help="Who, by e-mail address.")
@click.option("--user", "user_id", metavar="ID", default="", help="Who, by the id on the server.")
@click.option("--key", metavar="BASE64", default="", help="Only this passkey of theirs, or of anybody.")
def revoke(email: str, user_id: str, key: str) -> None:
    """Take people off the list.

    These are all entries that fit everything given. What they have open is closed to them, and the tokens
    that they were given count no more.
    """
    named = allow_key({"key": key, "user_id": user_id, "email": email})
    _must_name(named)
    home = Home.find()
    before = home.config.read().allow_keys
    config = home.config.change(allow_keys=lambda entries: allow_list.without(entries, named))
    gone = len(before) - len(config.allow_keys)
    if not gone:
        raise OperatorError("Nobody on the list fits that: 'wt wing allowed' shows who is on it.")
    click.echo(f"{_entries(gone)} taken off. {_on_the_list(config)}")


@click.command()
def allowed() -> None:
    """Show the list of who may come in while the wing is locked."""
    config = Home.find().config.read()
    click.echo("The wing is locked." if config.locked else "The wing is not locked.")
    if not config.allow_keys:
        click.echo("Nobody is on the list.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("who", "passkey", "fingerprint"):
        table.add_column(name, overflow="fold")
    for entry in config.allow_keys:
        table.add_row(_name(entry) if entry.user_id or entry.email else "anybody with it", *_shown(entry.key))
    show(table)


def _must_name(entry: AllowKey) -> None:
    if not any((entry.key, entry.user_id, entry.email)):
        raise click.UsageError("Say who: --email ADDRESS, --user ID, or --key with the key of a passkey.")


def _key(given: str) -> str:
    try:
        return raw_public_key(given, what="--key") if given else ""
    except InvalidMessage as why:
        raise OperatorError(f"{why}: copy it from the list of passkeys in the app.") from why


def _name(entry: AllowKey) -> str:
    return entry.email or entry.user_id or "Whoever has that passkey"


def _shown(key: str) -> tuple[str, str]:
    if not key:
        return "the first that they show", ""
    try:
        return key, fingerprint(raw_public_key(key))
    except InvalidMessage:
        return f"damaged: {key}", "nobody has it"


def _on_the_list(config: WingConfig) -> str:
    if not config.allow_keys:
        return "Nobody is on the list: 'wt wing allow --email ADDRESS' lets somebody come in."
    return f"On the list: {_entries(len(config.allow_keys))}."


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _when_asked(home: Home, config: WingConfig) -> str:
    """Whether the owner is on the list, as far as the login says who that is."""
    token = home.token()
    owner = claims_of(token.device_token).user_id if token is not None else ""
    if owner and any(entry.user_id == owner for entry in config.allow_keys):
        return "because you are on it."
    return f"once you are on it: 'wt wing allow --user {owner or 'ID'}'."
