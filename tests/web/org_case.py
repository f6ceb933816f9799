"""A server with organisations and people in them, each with a cookie of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred

from tests.store.support import counting
from tests.web.support import NOW, URL, Answer, WebCase
from wingthing.errors import TemporarilyUnavailable
from wingthing.store import orgs, users
from wingthing.web import invite_pages, org_api
from wingthing.web.invitations import Invitations
from wingthing.web.invite_pages import InvitePages
from wingthing.web.org_api import OrgApi

ROLES = {"ann": "owner", "bob": "admin", "cat": "member", "dan": "member"}
"""Who is what in Acme. Eve is a stranger."""


class FakeMailer:
    """Letters that are kept. What is in `refused` is not taken; what is in `slow` never comes to an end."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str, str]] = []
        self.refused: set[str] = set()
        self.slow: set[str] = set()

    async def send(self, to: str, subject: str, text: str, html: str = "") -> None:
        if to in self.slow:
            forever: Deferred[None] = Deferred()
            await forever
        if to in self.refused:
            raise TemporarilyUnavailable("the mail could not be sent just now")
        self.letters.append((to, subject, text))


class OrgWebCase(WebCase):
    sign_in = True
    mailer: FakeMailer | None = None

    def setUp(self) -> None:
        self.changes = 0
        """How often the server was told that an organisation is not what it was."""

        self.randomness = counting()
        super().setUp()
        self.cookies: dict[str, str] = {}
        for user_id in (*ROLES, "eve"):
            self.add_user(user_id, f"{user_id}@example.org")
        made = self.run_now(orgs.create, "Acme", "ann", now=NOW, randomness=self.randomness)
        self.org = made.id
        for number, (user_id, role) in enumerate(ROLES.items()):
            if user_id != "ann":
                self.run_now(orgs.add_member, self.org, user_id, role, now=NOW + number)

    def add_user(self, user_id: str, email: str) -> None:
        self.run_now(users.add, user_id, name=user_id.title(), email=email, provider="test", now=NOW)
        logging_in = Deferred.fromCoroutine(self.authenticator.log_in(user_id))
        self.cookies[user_id] = self.successResultOf(logging_in)

    def parts(self) -> Mapping[str, Klein]:
        invitations = Invitations(
            clock=self.clock,
            database=self.database,
            base_url=lambda: self.base_url or URL,
            mailer=self.mailer,
            randomness=self.randomness,
        )
        app = OrgApi(
            authenticator=self.authenticator,
            database=self.database,
            plans=self.plans,
            invitations=invitations,
            seconds=self.clock.seconds,
            changed=self._changed,
            randomness=self.randomness,
        ).app
        return dict.fromkeys(org_api.PARTS, app)

    def accounts(self) -> Mapping[str, Klein]:
        pages = InvitePages(
            authenticator=self.authenticator,
            database=self.database,
            seconds=self.clock.seconds,
            base_url=lambda: self.base_url or URL,
            sign_in=self.sign_in,
            revoked=self._revoked,
            changed=self._changed,
        )
        return {invite_pages.SEGMENT: pages.app}

    async def _changed(self) -> None:
        self.changes += 1

    # -- requests --------------------------------------------------------------------------------------------

    def as_user(self, user_id: str | None) -> None:
        """Who makes the requests from now on; None for somebody who is not logged in."""
        self.cookie = self.cookies[user_id] if user_id else ""

    def call(self, user_id: str | None, method: str, path: str, body: object = None) -> Answer:
        """One request of a user below `/api/orgs`; `{org}` stands for Acme."""
        self.as_user(user_id)
        headers: dict[str, str | None] = {} if user_id else {"Origin": URL}
        return self.ask(method, "/api/orgs" + path.replace("{org}", self.org), body, headers)

    def invite(self, *emails: str, role: str = "member", actor: str = "ann") -> list[Any]:
        answer = self.call(actor, "POST", "/{org}/invite", {"emails": list(emails), "role": role})
        assert answer.status == 200, answer
        invited: list[Any] = answer.json["invited"]
        return invited

    def roles(self) -> dict[str, str]:
        """As Ann is told; as Bob is, when she is not in it any more."""
        for user_id in ("ann", "bob"):
            answer = self.call(user_id, "GET", "/{org}/members")
            if answer.status == 200:
                return {member["user_id"]: member["role"] for member in answer.json}
        return {}
