"""A node with a data directory: accounts, pages and API besides the relay. The single node, and login."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import IResource

from wingthing.assembly.config import Config
from wingthing.assembly.device_book import DeviceBook
from wingthing.assembly.listener import Presence
from wingthing.assembly.node import Node
from wingthing.assembly.notifications import notifier_of
from wingthing.assembly.org_watch import OrgWatch
from wingthing.assembly.plan_watch import PlanWatch
from wingthing.assembly.ready import DatabaseCheck
from wingthing.assembly.revocations import RevocationWatch
from wingthing.assembly.sign_in import DoorWay, mailer_of
from wingthing.assembly.usage import UsageBook
from wingthing.crypto.keyring import KeyRing
from wingthing.names import DATABASE_FILE, ENV_ALLOWED_EMAILS, LOCAL_USER_ID
from wingthing.store import local_key, revocations, rosters, sign_in, users
from wingthing.store.connection import connect, transaction
from wingthing.store.plans import Kind
from wingthing.store.pool import Database, open_database
from wingthing.web import (
    account_api,
    account_log,
    billing,
    invite_pages,
    notify_api,
    org_api,
    passkey_api,
    plan_api,
)
from wingthing.web.account_api import AccountApi
from wingthing.web.account_log import AccountLog
from wingthing.web.api import AppApi, Wings
from wingthing.web.api_tree import ApiTree
from wingthing.web.auth import AuthApp
from wingthing.web.billing import BillingApp
from wingthing.web.identity import Authenticator
from wingthing.web.invitations import Invitations
from wingthing.web.invite_pages import InvitePages
from wingthing.web.notify_api import NotifyApi
from wingthing.web.org_api import OrgApi
from wingthing.web.pages import Pages
from wingthing.web.passkey_api import PasskeyApi
from wingthing.web.plan_api import PlanApi
from wingthing.web.plans import Plans
from wingthing.web.sign_in_settings import Allowed
from wingthing.wire.gossip import PasskeysChanged, Revoked
from wingthing.wire.node_messages import OrgChanged
from wingthing.wire.records import OrgRecord, WingRecord


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
        seen, orgs_seen = self._prepare_database()
        self.local_key = local_key.LocalKey(self.directory, os.urandom)
        if self.config.sign_in is None:
            self.local_key.current()
        self.authenticator = Authenticator(
            self.database, self.keys, reactor.seconds, sign_in=self.config.sign_in is not None
        )
        self.mailer = mailer_of(reactor, self.config.sign_in)
        self.revocations = RevocationWatch(reactor, self.database, seen, self.revoked)
        self.revocations.setServiceParent(self)
        self.orgs = OrgWatch(reactor, self.database, orgs_seen, self.org_changed)
        self.orgs.setServiceParent(self)
        self.usage = UsageBook(reactor, self.database, self.router.meter, self.machine, self.boot)
        self.usage.setServiceParent(self)
        DeviceBook(reactor, self.database, self.online).setServiceParent(self)
        self.plan_watch = PlanWatch(reactor, self.database, self.usage, self.caps, self.config.terms)
        if self.config.sign_in is not None:
            self.plan_watch.setServiceParent(self)
        self.plans = Plans(
            database=self.database,
            seconds=reactor.seconds,
            settled=self.config.sign_in is not None,
            terms=self.config.terms,
            provider=self.config.plans.billing,
            changed=self._plan_changed,
        )
        self.doorway = DoorWay(
            reactor,
            self.config.sign_in,
            self.mailer,
            authenticator=self.authenticator,
            database=self.database,
            base_url=lambda: self.public_url,
            revoked=self.revocations.look_now,
        )
        self.notifier = notifier_of(reactor, self.config, self.database, lambda: self.public_url)
        self.router.hearers.append(self.notifier.called)
        self._check = DatabaseCheck(reactor, lambda: self.database.read(users.find, LOCAL_USER_ID))

    async def not_ready(self) -> str:
        return await self._check.trouble()

    def auth(self) -> IResource:
        """What serves `/auth/`."""
        rest = AuthApp(
            authenticator=self.authenticator,
            database=self.database,
            local_key=self.local_key,
            guard=self.guard,
            base_url=lambda: self.public_url,
            seconds=self.reactor.seconds,
            revoked=self.revocations.look_now,
            sign_in=self.config.sign_in is not None,
        )
        return ApiTree(self.doorway.pages(), rest.app)

    def api(self, wings: Wings) -> IResource:
        """What serves `/api/`."""
        rest = AppApi(
            authenticator=self.authenticator,
            database=self.database,
            wings=wings,
            plans=self.plans,
            seconds=self.reactor.seconds,
            roost=self.config.with_wing,
            sign_in=self.config.sign_in is not None,
            here=self.reached_machine,
        )
        return ApiTree(self.parts(wings), rest.app)

    def parts(self, wings: Wings) -> Mapping[str, Klein]:
        """The apps of `/api/` besides the main one, by what their addresses begin with."""
        account = AccountApi(
            authenticator=self.authenticator,
            database=self.database,
            wings=wings,
            seconds=self.reactor.seconds,
            base_url=lambda: self.public_url,
            revoked=self.revocations.look_now,
            orgs_changed=self.orgs.look_soon,
        )
        log = AccountLog(
            authenticator=self.authenticator, database=self.database, seconds=self.reactor.seconds
        )
        plan = PlanApi(
            authenticator=self.authenticator,
            plans=self.plans,
            usage=self.usage,
            seconds=self.reactor.seconds,
        )
        passkeys = PasskeyApi(
            authenticator=self.authenticator,
            database=self.database,
            guard=self.guard,
            seconds=self.reactor.seconds,
            changed=self.passkeys_changed,
        )
        notify = NotifyApi(
            authenticator=self.authenticator,
            database=self.database,
            ntfy=self.notifier.ntfy,
            push=self.notifier.push,
            seconds=self.reactor.seconds,
            base_url=lambda: self.public_url,
        )
        return {
            **self.doorway.api(),
            **dict.fromkeys(notify_api.PARTS, notify.app),
            **dict.fromkeys(org_api.PARTS, self._orgs().app),
            **dict.fromkeys(account_api.PARTS, account.app),
            **dict.fromkeys(account_log.PARTS, log.app),
            **dict.fromkeys(plan_api.PARTS, plan.app),
            **dict.fromkeys(passkey_api.PARTS, passkeys.app),
        }

    def accounts(self) -> Mapping[str, Klein]:
        """The apps outside `/api/` and `/auth/` that a node with accounts has, by their first segment."""
        invites = InvitePages(
            authenticator=self.authenticator,
            database=self.database,
            seconds=self.reactor.seconds,
            base_url=lambda: self.public_url,
            sign_in=self.config.sign_in is not None,
            revoked=self.revocations.look_now,
            changed=self.orgs.look_now,
        )
        return {**self._billing(), invite_pages.SEGMENT: invites.app}

    def _orgs(self) -> OrgApi:
        invitations = Invitations(
            clock=self.reactor,
            database=self.database,
            base_url=lambda: self.public_url,
            mailer=self.mailer,
        )
        return OrgApi(
            authenticator=self.authenticator,
            database=self.database,
            plans=self.plans,
            invitations=invitations,
            seconds=self.reactor.seconds,
            changed=self.orgs.look_now,
        )

    def _billing(self) -> dict[str, Klein]:
        provider = self.config.plans.billing
        if self.config.sign_in is None or provider is None:
            return {}
        app = BillingApp(
            database=self.database,
            secret=provider.webhook_secret,
            seconds=self.reactor.seconds,
            changed=self._plan_changed,
        )
        return {billing.SEGMENT: app.app}

    def pages(self) -> Pages:
        """The app of everything else."""
        return Pages(self.authenticator)

    def online(self) -> Iterable[WingRecord]:
        """The wings that are connected, to any node."""
        return [wing.record for wing in self.router.wings.online()]

    def reached_machine(self, request: Request) -> str:
        """The machine that the browser behind a request has reached; empty on a node that is alone."""
        return ""

    def revoked(self, event: Revoked) -> None:
        """Something does not count any more."""
        self.router.revoke(event)

    def org_changed(self, org_id: str, org: OrgRecord | None) -> frozenset[str]:
        """An organisation is not what it was; None for one that is not there any more. Answers whom that
        concerns."""
        roster = self.router.roster
        users = roster.put(org) if org is not None else roster.drop(org_id)
        # Who has a seat follows from who is in it.
        self.plan_watch.look_now()
        return users

    def passkeys_changed(self, event: PasskeysChanged) -> None:
        """A user has other passkeys than before."""
        self.router.passkeys_changed(event)

    def _plan_changed(self, kind: Kind, holder: str) -> None:
        users = [holder] if kind is Kind.USER else list(self.router.roster.members(holder))
        self.plan_watch.look_now()
        self.plans_changed(users)

    def plans_changed(self, users: list[str]) -> None:
        """The plans of these users are not what they were: their pages ask anew."""
        self.router.dashboards.publish(users, OrgChanged())

    def link(self) -> str | None:
        if self.config.sign_in is not None:
            return None
        return local_key.link(self.public_url, self.local_key.current())

    def listening(self, url: str) -> None:
        super().listening(url)
        self.presence.announce(self.public_url, sign_in=self.config.sign_in is not None)

    async def drained(self) -> None:
        await self.usage.flush()

    def closed(self) -> None:
        self.notifier.stop()
        self.database.close()
        self.presence.leave()

    def _prepare_database(self) -> tuple[int, int]:
        """Make sure of the local user, or with sign-in that there is none, and of the roster; answers the
        numbers of the latest revocation and of the latest change of an organisation. What ends here is later
        than that: edges that have gone on meanwhile must be told of it."""
        connection = connect(self.database.path)
        try:
            with transaction(connection) as cursor:
                now = self.reactor.seconds()
                seen = revocations.latest(cursor)
                if self.config.sign_in is None:
                    users.ensure(cursor, LOCAL_USER_ID, name=_own_name(), provider="local", now=now)
                else:
                    sign_in.end_local(cursor, LOCAL_USER_ID, now=now)
                    self._end_not_allowed(cursor, self.config.sign_in.allowed, now)
                self.router.roster.take(rosters.every(cursor))
                return seen, rosters.latest(cursor)
        finally:
            connection.close()

    def _end_not_allowed(self, cursor: sqlite3.Cursor, allowed: Allowed, now: float) -> None:
        number = sign_in.end_not_allowed(cursor, lambda email: email in allowed, now=now)
        if number:
            self.log.warn(
                "{users} may not sign in any more by {variable}: the logins of their browsers and machines "
                "have ended",
                users="1 user" if number == 1 else f"{number} users",
                variable=ENV_ALLOWED_EMAILS,
            )


def _own_name() -> str:
    """What the local user is called: the account that runs the server."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "you"
