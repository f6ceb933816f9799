"""Builds what sends notifications, from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.web.client import Agent

from wingthing.assembly.config import Config
from wingthing.store.pool import Database
from wingthing.web import public_hosts
from wingthing.web.courier import Courier
from wingthing.web.notifier import Notifier
from wingthing.web.ntfy import NtfySender
from wingthing.web.push import PushSender
from wingthing.wire.account_limits import NOTIFICATION_SECONDS


def notifier_of(reactor: Any, config: Config, database: Database, base_url: Callable[[], str]) -> Notifier:
    """Who sends the calls of terminals on.

    The ntfy server is the operator's choice and may be anywhere. Push services are named by users: they are
    public hosts behind https, and on a server whose one user owns it may be on this machine.
    """
    owned = config.fleet is None and config.sign_in is None
    allowed = public_hosts.is_public_or_loopback if owned else public_hosts.is_public
    own_agent = Agent(reactor, connectTimeout=NOTIFICATION_SECONDS)
    push = PushSender(
        Courier(reactor, public_hosts.agent(reactor, allowed)),
        database,
        reactor.seconds,
        base_url,
        plain_too=owned,
    )
    ntfy = NtfySender(Courier(reactor, own_agent), config.ntfy_url)
    return Notifier(database, ntfy, push, reactor.seconds, base_url)
