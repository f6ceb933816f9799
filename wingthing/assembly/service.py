"""The server as one MultiService: store, relay, sockets, web, listener, put together."""

from __future__ import annotations

import os
import secrets
import uuid
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wingthing.assembly.accounts import AccountWatch
from wingthing.assembly.beside import provide_login, wing_inside
from wingthing.assembly.config import Config
from wingthing.assembly.drain import drain
from wingthing.assembly.listener import Listener, Presence
from wingthing.crypto.keys import dump_signing_public
from wingthing.names import DATABASE_FILE, LOCAL_USER_ID
from wingthing.relay.router import Router
from wingthing.sockets.base import RelayFactory
from wingthing.sockets.upgrade import DashboardUpgrade, UpgradeResource, ViewerUpgrade, WingUpgrade
from wingthing.store import local_key, users
from wingthing.store.connection import connect, transaction
from wingthing.store.pool import Database, open_database
from wingthing.store.signing_key import signing_key
from wingthing.web.api import AppApi
from wingthing.web.auth import AuthApp
from wingthing.web.guard import Guard, machine_names
from wingthing.web.identity import Authenticator
from wingthing.web.pages import Pages
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.wire.limits import DRAIN_SECONDS


class Server(MultiService):
    """One node. Starting it binds the port; stopping it drains the sockets first."""

    log = Logger()

    def __init__(self, reactor: Any, config: Config) -> None:
        """Raises OperatorError when the directory, the key or the database cannot be used."""
        super().__init__()
        self._reactor = reactor
        self.config = config
        self._presence = Presence(config.data_dir)
        self._presence.take()
        try:
            self._build()
        except BaseException:
            self._presence.leave()
            raise

    def _build(self) -> None:
        config, reactor = self.config, self._reactor
        self.key = signing_key(config.data_dir)
        self.database: Database = open_database(reactor, config.data_dir / DATABASE_FILE)
        self._ensure_local_user()
        self.local_key = local_key.LocalKey(config.data_dir, os.urandom)
        self.local_key.current()
        self.router = Router(
            relay_pub_key=dump_signing_public(self.key.public_key()),
            new_session_id=lambda: secrets.token_hex(4),
            new_connection_id=lambda: str(uuid.uuid4()),
        )
        self.guard = Guard(config.base_url, config.allow_remote, machine_names())
        authenticator = Authenticator(self.database, self.key, reactor.seconds)
        factory = RelayFactory(self.router, reactor)
        self._upgrades: dict[str, UpgradeResource] = {
            name: kind(factory, authenticator, self.guard.origin_allowed)
            for name, kind in {
                "wing": WingUpgrade,
                "pty": ViewerUpgrade,
                "relay": ViewerUpgrade,
                "app": DashboardUpgrade,
            }.items()
        }
        auth = AuthApp(
            authenticator=authenticator,
            database=self.database,
            local_key=self.local_key,
            guard=self.guard,
            base_url=lambda: self.public_url,
            seconds=reactor.seconds,
            ended=self.router.end_login,
        )
        api = AppApi(
            authenticator=authenticator,
            database=self.database,
            wings=self.router.wings,
            usage=self.router.meter,
            seconds=reactor.seconds,
            roost=config.with_wing,
        )
        tree = Tree(auth=auth.app, api=api.app, pages=Pages(authenticator).app, sockets=self._upgrades)
        site = QuietSite(self.guard, tree, reactor=reactor)
        self.public_url = config.base_url or ""
        AccountWatch(reactor, self.database, self.router).setServiceParent(self)
        Listener(reactor, config.endpoint, site, self._listening).setServiceParent(self)

    def link(self) -> str:
        """The one-time link that lets the next browser in."""
        return local_key.link(self.public_url, self.local_key.current())

    def stopService(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for upgrade in self._upgrades.values():
            upgrade.draining = True
        try:
            await drain(self._reactor, self.router, DRAIN_SECONDS)
        finally:
            try:
                await MultiService.stopService(self)
            finally:
                self.database.close()
                self._presence.leave()

    def _listening(self, url: str) -> None:
        """The port is bound: `url` is where."""
        self.public_url = self.config.base_url or url
        provide_login(self.config.data_dir, url, self.key, self.database.path, self._reactor.seconds())
        if self.config.with_wing:
            wing_inside(self._reactor, self.config, url).setServiceParent(self)
        self._presence.announce(self.public_url)

    def _ensure_local_user(self) -> None:
        connection = connect(self.database.path)
        try:
            with transaction(connection) as cursor:
                users.ensure(
                    cursor, LOCAL_USER_ID, name=_own_name(), provider="local", now=self._reactor.seconds()
                )
        finally:
            connection.close()


def make_server(reactor: Any, config: Config) -> Server:
    """The service of this node. Raises OperatorError with what must be put right."""
    return Server(reactor, config)


def _own_name() -> str:
    """What the local user is called: the account that runs the server."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "you"
