"""`/api/app/methods`: by what a user signs in. Shown, added to, and taken away."""

from __future__ import annotations

from typing import Final

import msgspec
from klein import Klein
from twisted.web.http import Request

from wingthing.errors import NotFound
from wingthing.relay import limiting
from wingthing.relay.peers import Identity
from wingthing.store import sign_in
from wingthing.store.sign_in import EMAIL
from wingthing.web.answers import body, json, map_errors
from wingthing.web.api import logged_in
from wingthing.web.mail_links import LinkSender
from wingthing.web.next_path import HOME
from wingthing.web.sign_in import Ways
from wingthing.wire.email_address import normal

PARTS: Final = ("app/methods",)
EMAIL_NAME: Final = "E-mail"


class Linking(msgspec.Struct):
    """`POST /api/app/methods/{provider}/link`."""

    email: str = ""


class MethodsApi:
    """Klein app for `/api/app/methods`. `sender` is None where no mail can be sent."""

    app = Klein()
    map_errors(app)

    def __init__(self, ways: Ways, sender: LinkSender | None) -> None:
        self.authenticator = ways.entrance.authenticator
        self._ways = ways
        self._entrance = ways.entrance
        self._sender = sender

    @app.route("/app/methods", methods=["GET"])
    @logged_in
    async def methods(self, request: Request, identity: Identity) -> bytes:
        """Those of this user, and which ones there are."""
        found = await self._entrance.database.read(sign_in.of_user, identity.user_id)
        available = [{"provider": p.id, "name": p.name} for p in self._ways.providers.values()]
        if self._sender is not None:
            available.append({"provider": EMAIL, "name": EMAIL_NAME})
        names = {entry["provider"]: entry["name"] for entry in available}
        return json(
            request,
            {
                "methods": [
                    {
                        "id": method.id,
                        "provider": method.provider,
                        "name": names.get(method.provider, method.provider),
                        "email": method.email,
                        "linked_at": method.linked_at,
                        "used_at": method.used_at,
                    }
                    for method in found
                ],
                "available": available,
            },
        )

    @app.route("/app/methods/<provider>/link", methods=["POST"])
    @logged_in
    async def link(self, request: Request, identity: Identity, provider: str) -> bytes:
        """Begin to add one: where the page has to go, or that a mail is on its way."""
        asked = body(request, Linking)
        if provider != EMAIL:
            chosen = self._ways.provider(provider)
            location = await self._ways.start(request, chosen, HOME, identity.login)
            return json(request, {"location": location})
        if self._sender is None:
            raise NotFound("this server has no such way to sign in")
        email = normal(asked.email)
        self._entrance.must_be_allowed(email)
        limiting.check(request, "magic-link", subject=email)
        self._sender.send(email, HOME, identity.user_id)
        return json(request, {"sent": True})

    @app.route("/app/methods/<method_id>", methods=["DELETE"])
    @logged_in
    async def unlink(self, request: Request, identity: Identity, method_id: str) -> bytes:
        """Take one away."""
        await self._entrance.unlink(request, identity, method_id)
        request.setResponseCode(204)
        return b""
