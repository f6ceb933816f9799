"""Builds what sign-in needs, from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from klein import Klein
from twisted.web.client import Agent, HTTPConnectionPool

from wingthing.store.pool import Database
from wingthing.store.sign_in import EMAIL
from wingthing.web import methods
from wingthing.web.entrance import Entrance
from wingthing.web.github import GitHubProvider
from wingthing.web.identity import Authenticator
from wingthing.web.mail import Mailer, SmtpMailer
from wingthing.web.mail_links import LinkSender, MailLinks
from wingthing.web.methods import MethodsApi
from wingthing.web.oidc import OidcProvider
from wingthing.web.outbound import Outbound
from wingthing.web.providers import Provider
from wingthing.web.sign_in import SignInPages, Ways
from wingthing.web.sign_in_settings import SignIn
from wingthing.wire.account_limits import PROVIDER_SECONDS


def mailer_of(reactor: Any, sign_in: SignIn | None) -> Mailer | None:
    """Who sends mail; None where no mail server is configured."""
    if sign_in is None or sign_in.smtp is None:
        return None
    return SmtpMailer(reactor, sign_in.smtp)


def providers_of(reactor: Any, sign_in: SignIn) -> Mapping[str, Provider]:
    """The providers that are configured, by their ids."""
    agent = Agent(
        reactor, connectTimeout=PROVIDER_SECONDS, pool=HTTPConnectionPool(reactor, persistent=False)
    )
    http = Outbound(reactor, agent)
    found: list[Provider] = []
    if sign_in.github is not None:
        found.append(GitHubProvider(sign_in.github, http))
    for id, client in (("google", sign_in.google), ("oidc", sign_in.oidc)):
        if client is not None:
            found.append(OidcProvider(id, client, http, reactor.seconds))
    return {provider.id: provider for provider in found}


class DoorWay:
    """Where people come in. Nobody does by it on a server without sign-in."""

    def __init__(
        self,
        reactor: Any,
        sign_in: SignIn | None,
        mailer: Mailer | None,
        *,
        authenticator: Authenticator,
        database: Database,
        base_url: Callable[[], str],
        revoked: Callable[[], None],
    ) -> None:
        self._open = sign_in is not None
        settings = sign_in or SignIn()
        self._ways = Ways(
            Entrance(
                authenticator=authenticator,
                database=database,
                allowed=settings.allowed,
                base_url=base_url,
                seconds=reactor.seconds,
                revoked=revoked,
            ),
            providers_of(reactor, settings),
            by_mail=mailer is not None,
        )
        self._sender = None if mailer is None else LinkSender(reactor, self._ways, mailer)

    def pages(self) -> Mapping[str, Klein]:
        """The apps below `/auth/`, by what their addresses begin with."""
        if not self._open:
            return {}
        pages = SignInPages(self._ways).app
        found = dict.fromkeys(("login", *self._ways.providers), pages)
        if self._sender is not None:
            found[EMAIL] = MailLinks(self._ways, self._sender).app
        return found

    def api(self) -> Mapping[str, Klein]:
        """The apps below `/api/`."""
        return dict.fromkeys(methods.PARTS, MethodsApi(self._ways, self._sender).app)
