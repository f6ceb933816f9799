"""The wing as one service: terminals, projects and the link, put together.

It installs no signal handlers and can be started again after it was stopped.
"""

from __future__ import annotations

import os
import random as randomness
from collections.abc import Callable
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing import files
from wingthing.crypto.keys import public_bytes, public_text
from wingthing.errors import OperatorError
from wingthing.names import RELAY_KEY_FILE
from wingthing.wing.config import PathRule, merge_paths
from wingthing.wing.credentials import Credentials
from wingthing.wing.device import http_client
from wingthing.wing.home import Home
from wingthing.wing.link import Link, LinkState
from wingthing.wing.link_socket import Dialer, dialer
from wingthing.wing.passkey_requests import PasskeyRequests
from wingthing.wing.passkeys import Passkeys
from wingthing.wing.presence import Presence, Status
from wingthing.wing.projects import Projects
from wingthing.wing.requests import Requests
from wingthing.wing.roost import Roost
from wingthing.wing.rules import Rules
from wingthing.wing.sessions import Sessions
from wingthing.wing.settings import CHANGES, Settings
from wingthing.wing.terminals import Terminals
from wingthing.wing.tunnel import Tunnel
from wingthing.wire import codec
from wingthing.wire.messages import WingConfig
from wingthing.wire.node_messages import PasskeyRegistered, Registered
from wingthing.wire.wing_limits import LOCK_WATCH_SECONDS

Refused = Callable[[str], None]
"""Told the sentence when the server will not have this wing, after which it tries no more."""


class WingService(MultiService):
    """One wing. Implements LinkHandler.

    Starting it raises OperatorError when another wing runs on the directory.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        home: Home,
        roost: Callable[[], Roost],
        *,
        dial: Dialer,
        http: HTTPClient,
        paths: tuple[PathRule, ...],
        inside_server: bool,
        refused: Refused,
        known_as: Roost | None = None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._home = home
        self._inside_server = inside_server
        self._refused = refused
        self._presence = Presence(home.directory)
        key = home.wing_key()
        self.wing_id = home.wing_id()
        self._credentials = Credentials(home, roost, http, reactor, self.wing_id, public_text(key), known_as)
        self.rules = Rules(home.config, lambda: self._credentials.owner, Path.home(), paths)
        self.terminals = Terminals(
            reactor,
            home.directory,
            reactor,
            audit=lambda: self.rules.config.audit,
            idle_timeout=lambda: self.rules.config.idle_timeout,
            allowed_paths=self.rules.all_folders,
        )
        self.projects = Projects(reactor, reactor, self.rules.all_folders)
        self.link = Link(reactor, dial, self._log_in, self, randomness.random, inside=inside_server)
        passkeys = Passkeys(self.rules, os.urandom)
        self.sessions = Sessions(reactor, self.link, self.terminals, key, self.rules, passkeys)
        self.terminals.events = self.sessions
        requests = Requests(reactor, self.rules, self.terminals, self.terminals.history, self.projects)
        settings = Settings(self.rules, self._look_at_lock)
        showing = PasskeyRequests(passkeys, self.rules, public_bytes(key), reactor.seconds)
        self._tunnel = Tunnel(
            self.link,
            key,
            {**requests.answerers, **settings.answerers, **showing.answerers},
            requests.streamers,
            refusal=lambda person, token: passkeys.refusal(person, token, now=reactor.seconds()),
            refused_info=requests.identity,
            unlocked=frozenset({"ping", *showing.answerers}),
            once=CHANGES | {"pty.kill"},
        )
        self._told: tuple[bool, int] | None = None
        self._enforced = self.rules.config
        self._watch = LoopingCall(self._look_at_lock)
        self._watch.clock = reactor
        self.terminals.setServiceParent(self)
        self.projects.setServiceParent(self)

    # -- the service -----------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        self._presence.take()
        super().privilegedStartService()

    def startService(self) -> None:
        self._presence.take()
        super().startService()
        # A browser that comes back must find its terminal, so they are looked for before the link is made.
        self.terminals.when_ready().addCallback(self._terminals_ready)

    def stopService(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            if self._watch.running:
                self._watch.stop()
            if self.link.running:
                await self.link.stopService()
            await MultiService.stopService(self)
        finally:
            self._presence.leave()

    def _terminals_ready(self, _result: None) -> None:
        if self.running and not self.link.running:
            self.link.startService()
            self._watch.start(LOCK_WATCH_SECONDS, now=False)

    async def _log_in(self) -> Any:
        config = self.rules.config
        return await self._credentials.login(config)

    # -- LinkHandler -----------------------------------------------------------------------------------------

    def registered(self, ack: Registered) -> None:
        self._told = None
        self._tell_config()
        self._remember_server(ack.relay_pub_key)
        self.sessions.registered()

    def received(self, kind: str, message: bytes) -> None:
        if kind == "tunnel.req":
            self._tunnel.received(message)
        elif kind == "passkey.registered":
            # The key itself comes with the next thing that its user does.
            self.log.info("{who} has a new passkey", who=_who(codec.read(message, PasskeyRegistered)))
        elif not self.sessions.received(kind, message):
            self.log.debug("a message of type {kind} was ignored", kind=kind)

    def disconnected(self) -> None:
        self.sessions.disconnected()

    def congested(self) -> None:
        self.sessions.set_congested(True)

    def has_room(self) -> None:
        self.sessions.set_congested(False)

    def state_changed(self, state: LinkState, detail: str) -> None:
        if self.running:
            self._tell(state, detail)
        if state is LinkState.REFUSED:
            self.log.error("{detail}", detail=detail)
            self._refused(detail)

    # --------------------------------------------------------------------------------------------------------

    def _tell(self, state: LinkState, detail: str) -> None:
        status = Status(
            pid=os.getpid(),
            state=state.value,
            detail=detail,
            roost=self._credentials.roost.url,
            wing_id=self.wing_id,
            since=self._reactor.seconds(),
            inside_server=self._inside_server,
        )
        try:
            self._presence.tell(status)
        except OperatorError as why:
            self.log.warn("{why}", why=why)

    def _look_at_lock(self) -> None:
        """The settings may have been changed, by hand or through the tunnel."""
        config = self.rules.config
        if config is not self._enforced:
            self._enforced = config
            self.sessions.enforce_lock()
        self._tell_config()

    def _tell_config(self) -> None:
        """Tell the node when the lock is not what it knows."""
        config = self.rules.config
        now = (config.locked, len(config.allow_keys))
        if self._told is None:
            self._told = self._credentials.registered_lock
        if now != self._told:
            message = WingConfig(wing_id=self.wing_id, locked=now[0], allowed_count=now[1])
            if self.link.send(message):
                self._told = now

    def _remember_server(self, key: str) -> None:
        """A server whose key changes is another one, or was set up anew. No terminal depends on it."""
        path = self._home.directory / RELAY_KEY_FILE
        try:
            before = files.read_text(path)
            if before is None or before.strip() != key:
                if before is not None:
                    self.log.warn(
                        "{url} signs with another key than the last time", url=self._credentials.roost.url
                    )
                files.write_text(path, key + "\n")
        except OperatorError as why:
            self.log.warn("{why}", why=why)


def _who(registered: PasskeyRegistered) -> str:
    return registered.email or registered.user_id


def make_wing_service(
    reactor: Any,
    home: Home,
    roost: Roost | None,
    *,
    paths: list[str] | None = None,
    inside_server: bool = False,
    refused: Refused = lambda sentence: None,
    known_as: Roost | None = None,
) -> WingService:
    """The wing of the directory `home`, for the server `roost`; None is what `Home.roost` finds, asked anew
    for each connection. `known_as` is the name of that server in the login, when it is another.

    `paths`, when given, stand in for those of wing.yaml this time. `inside_server` says that the process is
    not the wing's own, so that `wt stop` leaves it alone. `refused` is told when the server will not have
    this wing. Raises OperatorError when a file of the directory is damaged.
    """
    chosen = merge_paths(home.config.read().paths, paths, Path.cwd()) if paths else ()
    return WingService(
        reactor,
        home,
        home.roost if roost is None else lambda: roost,
        dial=dialer(reactor),
        http=http_client(reactor),
        paths=chosen,
        inside_server=inside_server,
        refused=refused,
        known_as=known_as,
    )
