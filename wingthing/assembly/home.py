"""A node with a data directory: accounts, pages and API besides the relay. The single node, and login."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import IResource

from wingthing.assembly.config import Config
from wingthing.assembly.listener import Presence
from wingthing.assembly.node import Node
from wingthing.assembly.ready import DatabaseCheck
from wingthing.assembly.revocations import RevocationWatch
from wingthing.assembly.usage import UsageBook
from wingthing.crypto.keyring import KeyRing
from wingthing.names import DATABASE_FILE, LOCAL_USER_ID
from wingthing.store import local_key, revocations, users
from wingthing.store.connection import connect, transaction
from wingthing.store.pool import Database, open_database
from wingthing.web.api import AppApi, Wings
from wingthing.web.api_tree import ApiTree
from wingthing.web.auth import AuthApp
from wingthing.web.identity import Authenticator
from wingthing.web.pages import Pages
from wingthing.wire.gossip import Revoked


class HomeNode(Node):
    """`machine` and `boot` name this run of this node in the usage reports."""

    def __init__(
        self, reactor: Any, config: Config, keys: KeyRing, directory: Path, *, machine: str, boot: str
    ) -> None:
        """Raises OperatorError when the directory or the database cannot be used, or another has it."""
        super().__init__(reactor, config, keys)
        self.directory = directory
        self.machine = machine
        self.boot = boot
        self.presence = Presence(directory)
        self.presence.take()
        try:
            self._open()
            self.build()
        except BaseException:
            self.presence.leave()
            raise

    def build(self) -> None:
        """Put together what is particular to the role, and listen."""
        raise TypeError(f"{type(self).__name__} builds nothing")

    def _open(self) -> None:
        reactor = self.reactor
        self.database: Database = open_database(reactor, self.directory / DATABASE_FILE)
        seen = self._prepare_database()
        self.local_key = local_key.LocalKey(self.directory, os.urandom)
        self.local_key.current()
        self.authenticator = Authenticator(self.database, self.keys, reactor.seconds)
        self.revocations = RevocationWatch(reactor, self.database, seen, self.revoked)
        self.revocations.setServiceParent(self)
        self.usage = UsageBook(reactor, self.database, self.router.meter, self.machine, self.boot)
        self.usage.setServiceParent(self)
        self._check = DatabaseCheck(reactor, lambda: self.database.read(users.find, LOCAL_USER_ID))

    async def not_ready(self) -> str:
        return await self._check.trouble()

    def auth(self) -> AuthApp:
        """The app of `/auth/`."""
        return AuthApp(
            authenticator=self.authenticator,
            database=self.database,
            local_key=self.local_key,
            guard=self.guard,
            base_url=lambda: self.public_url,
            seconds=self.reactor.seconds,
            revoked=self.revocations.look_now,
        )

    def api(self, wings: Wings) -> IResource:
        """What serves `/api/`."""
        rest = AppApi(
            authenticator=self.authenticator,
            database=self.database,
            wings=wings,
            usage=self.usage,
            seconds=self.reactor.seconds,
            roost=self.config.with_wing,
            revoked=self.revocations.look_now,
            here=self.reached_machine,
        )
        return ApiTree(self.parts(wings), rest.app)

    def parts(self, wings: Wings) -> Mapping[str, Klein]:
        """The apps of `/api/` besides the main one, by what their addresses begin with."""
        return {}

    def accounts(self) -> Mapping[str, Klein]:
        """The apps outside `/api/` and `/auth/` that a node with accounts has, by their first segment."""
        return {}

    def pages(self) -> Pages:
        """The app of everything else."""
        return Pages(self.authenticator)

    def reached_machine(self, request: Request) -> str:
        """The machine that the browser behind a request has reached; empty on a node that is alone."""
        return ""

    def revoked(self, event: Revoked) -> None:
        """Something does not count any more."""
        self.router.revoke(event)

    def link(self) -> str:
        return local_key.link(self.public_url, self.local_key.current())

    def listening(self, url: str) -> None:
        super().listening(url)
        self.presence.announce(self.public_url)

    async def drained(self) -> None:
        await self.usage.flush()

    def closed(self) -> None:
        self.database.close()
        self.presence.leave()

    def _prepare_database(self) -> int:
        """Make sure of the local user; answers the number of the latest revocation."""
        connection = connect(self.database.path)
        try:
            with transaction(connection) as cursor:
                users.ensure(
                    cursor, LOCAL_USER_ID, name=_own_name(), provider="local", now=self.reactor.seconds()
                )
                return revocations.latest(cursor)
        finally:
            connection.close()


def _own_name() -> str:
    """What the local user is called: the account that runs the server."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "you"
