"""`wt login`, `wt logout` and `wt whoami`: whose machine this is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from wingthing.cli import _reactor
from wingthing.cli._words import day
from wingthing.crypto.keys import public_text
from wingthing.errors import NotAuthenticated, OperatorError
from wingthing.wing.device import DeviceCode, DeviceLogin, Grant, http_client
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.presence import Presence
from wingthing.wing.roost import Roost

LOGIN_REQUIRED_EXIT_CODE = 1


@click.command()
@click.option("--roost", "-r", metavar="URL", help="The server.  [default: the last one, or this machine's]")
def login(roost: str | None) -> None:
    """Log this machine in to a server.

    Prints a code and an address. Open the address in a browser that is logged in there, and approve.
    """
    home = Home.find()
    server = home.roost(roost)
    if server.exposes_token:
        click.echo(f"Warning: {server.url} is not https: others on the network can read the login.", err=True)
    who = _reactor.run(
        lambda reactor: log_in(
            home, DeviceLogin(reactor, http_client(reactor), server), _show, remember=bool(roost)
        )
    )
    click.echo(f"Logged in to {server.url}{f' as {who}' if who else ''}.")
    if Presence(home.directory).holder() is None:
        click.echo("Start the wing with 'wt start'.")
    else:
        click.echo("A wing runs already: 'wt stop' and 'wt start' make it use this login.")


async def log_in(
    home: Home, server: DeviceLogin, show: Callable[[DeviceCode], Any], *, remember: bool = False
) -> str:
    """The whole device login; whose it is, as far as the server says.

    `show` tells the person what to do; `remember` writes the server into wing.yaml. Raises OperatorError.
    """
    public_key = public_text(home.wing_key())
    wing_id = home.wing_id()
    code = await server.begin(wing_id, public_key)
    show(code)
    grant = await server.wait(code)
    home.save_token(_stored(grant, wing_id, public_key, server.roost))
    if remember:
        home.config.change(roost=server.roost.url)
    try:
        return grant.who or (await server.check(grant.token)).name
    except (OperatorError, NotAuthenticated):
        # The login itself is done; its name is a courtesy.
        return ""


def _stored(grant: Grant, wing_id: str, public_key: str, roost: Roost) -> DeviceToken:
    return DeviceToken(
        device_token=grant.token,
        expires_at=grant.expires_at,
        issued_at=int(time.time()),
        device_id=wing_id,
        public_key=public_key,
        roost=roost.url,
    )


def _show(code: DeviceCode) -> None:
    click.echo(f"Open   {code.verification_url}")
    click.echo(f"Code   {code.user_code}")
    click.echo("Waiting for the approval (Ctrl-C gives up) ...")


@click.command()
@click.option("--everywhere", is_flag=True, help="Log out all your other machines and browsers too.")
def logout(everywhere: bool) -> None:
    """Forget this machine's login.

    The machine's id and key stay. A wing that runs goes on until it has to connect again; with --everywhere
    the server ends it at once.
    """
    home = Home.find()
    if everywhere:
        token = home.token()
        if token is None:
            raise OperatorError("This machine is not logged in: 'wt login' first, then log out everywhere.")
        _revoke(home, token)
    if not home.forget_token():
        click.echo("This machine was not logged in.")
        return
    click.echo("Logged out.")
    if Presence(home.directory).holder() is not None:
        click.echo("The wing still runs: end it with 'wt stop'.")


def _revoke(home: Home, token: DeviceToken) -> None:
    server = home.issuer(token) or home.roost()
    try:
        _reactor.run(
            lambda reactor: DeviceLogin(reactor, http_client(reactor), server).revoke(token.device_token)
        )
    except NotAuthenticated as why:
        raise OperatorError(
            f"{server.url} does not accept this machine's login any more: run 'wt login' first."
        ) from why


@click.command()
@click.pass_context
def whoami(ctx: click.Context) -> None:
    """Show who this machine is logged in as. Exit code 1 when it is not."""
    home = Home.find()
    token = home.token()
    server = home.roost()
    if token is None or not home.login_is_for(token, server):
        click.echo(f"This machine is not logged in to {server.url}: run 'wt login'.")
        ctx.exit(LOGIN_REQUIRED_EXIT_CODE)
    try:
        who = _reactor.run(
            lambda reactor: DeviceLogin(reactor, http_client(reactor), server).check(token.device_token)
        )
    except NotAuthenticated:
        click.echo(f"{server.url} does not accept this machine's login any more: run 'wt login'.")
        ctx.exit(LOGIN_REQUIRED_EXIT_CODE)
    until = f", until {day(token.expires_at)}" if token.expires_at else ""
    click.echo(f"{who.name} on {server.url}{until}")
    click.echo(f"machine {home.wing_id()}")
