"""`/api/app/`: what the browser app asks, over the login cookie."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, Protocol

import msgspec
from klein import Klein
from twisted.web.http import Request

from wingthing import __version__
from wingthing.errors import InvalidMessage, NotFound
from wingthing.relay import limiting
from wingthing.relay.credentials import argument, cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import labels, users
from wingthing.store.pool import Database
from wingthing.web.answers import body, json, map_errors
from wingthing.web.guard import SAFE_METHODS
from wingthing.web.identity import Authenticator
from wingthing.web.plans import Plans
from wingthing.web.visits import visit_of
from wingthing.wire.internal import Tier
from wingthing.wire.limits import MAX_LABEL_CHARS
from wingthing.wire.records import WingRecord
from wingthing.wire.text import is_plain

Handler = Callable[..., Awaitable[bytes]]


class Wings(Protocol):
    """Who is online."""

    def reachable(self, user_id: str) -> list[WingRecord]:
        """The online wings that a user may reach, on any node."""

    def machine_of(self, wing_id: str) -> str:
        """The machine that a wing is connected to; empty when this node is alone."""


class Label(msgspec.Struct):
    """`PUT /api/app/wings/{wing_id}/label`."""

    label: str


def logged_in(handler: Handler) -> Handler:
    """Gives the handler the identity behind the cookie as its second argument; without one it answers 401."""

    @wraps(handler)
    async def checked(self: Any, request: Request, **arguments: Any) -> bytes:
        authenticator: Authenticator = self.authenticator
        identity = await authenticator.viewer(cookie=cookie_of(request), token=None, visit=visit_of(request))
        if request.method.decode("ascii", "replace") not in SAFE_METHODS:
            limiting.check_account(request, "write", identity.user_id)
        return await handler(self, request, identity, **arguments)

    return checked


class AppApi:
    """Klein app for everything under `/api/`.

    `roost` says whether a wing lives in this process, `sign_in` whether people sign in; `here(request)` says
    which machine the browser has reached.
    """

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        wings: Wings,
        plans: Plans,
        seconds: Callable[[], float],
        roost: bool,
        sign_in: bool = False,
        here: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._wings = wings
        self._plans = plans
        self._seconds = seconds
        self._roost = roost
        self._sign_in = sign_in
        self._here = here

    @app.route("/app/me", methods=["GET"])
    @logged_in
    async def me(self, request: Request, identity: Identity) -> bytes:
        """Who is logged in, and what their plan is."""
        standing = await self._plans.standing(identity.user_id)
        return json(
            request,
            {
                "id": identity.user_id,
                "display_name": identity.display_name,
                "provider": identity.provider,
                "avatar_url": identity.avatar_url,
                "email": identity.email,
                "tier": standing.tier,
                "is_pro": standing.tier is Tier.PRO,
                "personal_pro": standing.personal,
                "roost_mode": self._roost,
                "has_passkeys": bool(identity.passkeys),
                "sign_in": self._sign_in,
            },
        )

    @app.route("/app/wings", methods=["GET"])
    @logged_in
    async def wings(self, request: Request, identity: Identity) -> bytes:
        """The wings that are online, with this user's labels (an extension)."""
        here = self._here(request)
        records = self._wings.reachable(identity.user_id)
        others = {record.user_id for record in records if record.user_id != identity.user_id}
        named, owners = await self._database.read(_named, identity.user_id, others)
        entries = []
        for record in records:
            entry = {
                "wing_id": record.wing_id,
                "public_key": record.public_key,
                "user_id": record.user_id,
                "org_id": record.org_id,
                "latest_version": __version__,
                "locked": record.locked,
                "allowed_count": record.allowed_count,
            }
            if record.user_id != identity.user_id:
                # The node that a wing has come to may not have known its owner then.
                entry["owner"] = owners.get(record.user_id, record.owner)
            if (machine := self._wings.machine_of(record.wing_id)) != here:
                entry["remote_node"] = machine
            if record.wing_id in named:
                entry["label"] = named[record.wing_id]
            entries.append(entry)
        return json(request, entries)

    @app.route("/app/wings/<wing_id>/label", methods=["PUT"])
    @logged_in
    async def put_label(self, request: Request, identity: Identity, wing_id: str) -> bytes:
        """Name a wing."""
        given = body(request, Label).label.strip()
        label = " ".join(given.split())
        if not label or len(label) > MAX_LABEL_CHARS:
            raise InvalidMessage(f"a label has 1 to {MAX_LABEL_CHARS} characters")
        if not is_plain(given):
            raise InvalidMessage("a label has no control characters, nor such as turn the text around")
        self._must_reach(identity, wing_id)
        await self._database.write(labels.put, identity.user_id, wing_id, label)
        return json(request, {"ok": True, "label": label})

    @app.route("/app/wings/<wing_id>/label", methods=["DELETE"])
    @logged_in
    async def delete_label(self, request: Request, identity: Identity, wing_id: str) -> bytes:
        """Forget the name."""
        await self._database.write(labels.delete, identity.user_id, wing_id)
        return json(request, {"ok": True})

    @app.route("/app/resolve-email", methods=["GET"])
    @logged_in
    async def resolve_email(self, request: Request, identity: Identity) -> bytes:
        """The user of this server with that address."""
        limiting.check_account(request, "lookup", identity.user_id)
        user = await self._database.read(users.by_email, argument(request, "email") or "")
        if user is None:
            raise NotFound("nobody here has this address")
        return json(request, {"user_id": user.id, "display_name": user.display_name})

    def _must_reach(self, identity: Identity, wing_id: str) -> None:
        if all(record.wing_id != wing_id for record in self._wings.reachable(identity.user_id)):
            raise NotFound("wing not found")


def _named(
    cursor: sqlite3.Cursor, user_id: str, others: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What a user calls wings, and how others are called."""
    return labels.of_user(cursor, user_id), users.names(cursor, others)
