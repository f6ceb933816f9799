"""`/api/app/`: what the browser app asks, over the login cookie."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Protocol

import msgspec
from klein import Klein
from twisted.web.http import Request

from wingthing import __version__
from wingthing.errors import InvalidMessage, NotFound
from wingthing.relay.credentials import argument, cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import audit, labels, tokens, users
from wingthing.store.pool import Database
from wingthing.web.answers import body, json, map_errors
from wingthing.web.identity import Authenticator
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


class Usage(Protocol):
    """Who has been sent how much."""

    async def month_bytes(self, user_id: str) -> int:
        """Bytes sent to a user's browsers this month (UTC), by all nodes."""


class Label(msgspec.Struct):
    """`PUT /api/app/wings/{wing_id}/label`."""

    label: str


def logged_in(handler: Handler) -> Handler:
    """Gives the handler the identity behind the cookie as its second argument; without one it answers 401."""

    @wraps(handler)
    async def checked(self: AppApi, request: Request, **arguments: Any) -> bytes:
        identity = await self.authenticator.viewer(cookie=cookie_of(request), token=None)
        return await handler(self, request, identity, **arguments)

    return checked


class AppApi:
    """Klein app for everything under `/api/`.

    `roost` says whether a wing lives in this process; `here(request)` which machine the browser has reached.
    """

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        wings: Wings,
        usage: Usage,
        seconds: Callable[[], float],
        roost: bool,
        revoked: Callable[[], None],
        here: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._wings = wings
        self._usage = usage
        self._seconds = seconds
        self._roost = roost
        self._revoked = revoked
        self._here = here

    @app.route("/app/me", methods=["GET"])
    @logged_in
    async def me(self, request: Request, identity: Identity) -> bytes:
        """Who is logged in. A server without sign-in has no paid tiers: everything is there."""
        return json(
            request,
            {
                "id": identity.user_id,
                "display_name": identity.display_name,
                "provider": identity.provider,
                "avatar_url": identity.avatar_url,
                "email": identity.email,
                "tier": "pro",
                "is_pro": True,
                "personal_pro": True,
                "roost_mode": self._roost,
                "has_passkeys": bool(identity.passkeys),
            },
        )

    @app.route("/app/wings", methods=["GET"])
    @logged_in
    async def wings(self, request: Request, identity: Identity) -> bytes:
        """The wings that are online, with this user's labels (an extension)."""
        named = await self._database.read(labels.of_user, identity.user_id)
        here = self._here(request)
        entries = []
        for record in self._wings.reachable(identity.user_id):
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
                entry["owner"] = record.owner
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

    @app.route("/app/usage", methods=["GET"])
    @logged_in
    async def usage(self, request: Request, identity: Identity) -> bytes:
        """What this user has been sent this month; there is no cap."""
        sent = await self._usage.month_bytes(identity.user_id)
        return json(request, {"tier": "pro", "usage_bytes": sent, "cap_bytes": None, "exceeded": False})

    @app.route("/app/upgrade", methods=["POST"])
    @logged_in
    async def upgrade(self, request: Request, identity: Identity) -> bytes:
        """Everybody has the pro tier here."""
        return json(request, {"ok": True, "tier": "pro"})

    @app.route("/app/downgrade", methods=["POST"])
    @logged_in
    async def downgrade(self, request: Request, identity: Identity) -> bytes:
        """Everybody keeps the pro tier here."""
        return json(request, {"ok": True, "tier": "pro"})

    @app.route("/app/resolve-email", methods=["GET"])
    @logged_in
    async def resolve_email(self, request: Request, identity: Identity) -> bytes:
        """The user of this server with that address."""
        user = await self._database.read(users.by_email, argument(request, "email") or "")
        if user is None:
            raise NotFound("nobody here has this address")
        return json(request, {"user_id": user.id, "display_name": user.display_name})

    @app.route("/app/devices", methods=["GET"])
    @logged_in
    async def devices(self, request: Request, identity: Identity) -> bytes:
        """The tokens of this user that count, one for each machine's login (an extension)."""
        found = await self._database.read(tokens.of_user, identity.user_id, now=self._seconds())
        return json(
            request,
            [
                {"id": t.jti, "wing_id": t.wing_id, "issued_at": t.issued_at, "expires_at": t.expires_at}
                for t in found
            ],
        )

    @app.route("/app/devices/<jti>", methods=["DELETE"])
    @logged_in
    async def revoke_device(self, request: Request, identity: Identity, jti: str) -> bytes:
        """Revoke one of them: its sockets end at once, on every node."""
        await self._database.write(tokens.revoke, identity.user_id, jti, now=self._seconds())
        await self._database.write(
            audit.note, at=self._seconds(), user_id=identity.user_id, action="device revoked", subject=jti
        )
        self._revoked()
        request.setResponseCode(204)
        return b""

    @app.route("/app/audit", methods=["GET"])
    @logged_in
    async def audit_log(self, request: Request, identity: Identity) -> bytes:
        """The latest entries of this user's audit log (an extension)."""
        entries = await self._database.read(audit.of_user, identity.user_id, most=200)
        return json(
            request,
            [{"at": e.at, "action": e.action, "subject": e.subject, "address": e.address} for e in entries],
        )

    def _must_reach(self, identity: Identity, wing_id: str) -> None:
        if all(record.wing_id != wing_id for record in self._wings.reachable(identity.user_id)):
            raise NotFound("wing not found")
