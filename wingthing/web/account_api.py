"""`/api/app/`: a user's own account: profile, login sessions, machines, and the end of it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from klein import Klein
from twisted.web.http import Request

from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.names import LOCAL_USER_ID
from wingthing.relay.peers import Identity
from wingthing.store import audit, deletion, login_sessions, tokens, users
from wingthing.store.pool import Database
from wingthing.store.tokens import IssuedToken
from wingthing.web.answers import body, json, map_errors
from wingthing.web.api import Wings, logged_in
from wingthing.web.client_address import client_address
from wingthing.web.cookies import clear_login_cookie
from wingthing.web.identity import Authenticator
from wingthing.wire.limits import MAX_DISPLAY_NAME_CHARS
from wingthing.wire.text import is_plain

PARTS: Final = ("app/profile", "app/sessions", "app/devices", "app/account")
"""What the addresses of this app begin with, below `/api/`."""


class Profile(msgspec.Struct):
    """`PUT /api/app/profile`."""

    display_name: str


class Deletion(msgspec.Struct):
    """`DELETE /api/app/account`: the user's e-mail address or id, typed by hand."""

    confirm: str


class AccountApi:
    """Klein app for the addresses in PARTS.

    `revoked()` hears when something does not count any more, `orgs_changed()` when memberships have.
    """

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        wings: Wings,
        seconds: Callable[[], float],
        base_url: Callable[[], str],
        revoked: Callable[[], None],
        orgs_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._wings = wings
        self._seconds = seconds
        self._base_url = base_url
        self._revoked = revoked
        self._orgs_changed = orgs_changed

    # -- profile ---------------------------------------------------------------------------------------------

    @app.route("/app/profile", methods=["GET"])
    @logged_in
    async def profile(self, request: Request, identity: Identity) -> bytes:
        """What this server calls the user."""
        return await self._profile(request, identity)

    @app.route("/app/profile", methods=["PUT"])
    @logged_in
    async def put_profile(self, request: Request, identity: Identity) -> bytes:
        """Change what others see. Nodes without a database know the new name within a minute."""
        given = body(request, Profile).display_name.strip()
        name = " ".join(given.split())
        if not name or len(name) > MAX_DISPLAY_NAME_CHARS:
            raise InvalidMessage(f"a name has 1 to {MAX_DISPLAY_NAME_CHARS} characters")
        if not is_plain(given):
            raise InvalidMessage("a name has no control characters, nor such as turn the text around")
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "name changed"),
            users.rename,
            identity.user_id,
            name,
        )
        return await self._profile(request, identity)

    # -- login sessions --------------------------------------------------------------------------------------

    @app.route("/app/sessions", methods=["GET"])
    @logged_in
    async def sessions(self, request: Request, identity: Identity) -> bytes:
        """In which browsers the user is logged in, the latest used first."""
        found = await self._database.read(
            login_sessions.of_user, identity.user_id, identity.login, now=self._seconds()
        )
        return json(request, found)

    @app.route("/app/sessions/<session_id>", methods=["DELETE"])
    @logged_in
    async def end_session(self, request: Request, identity: Identity, session_id: str) -> bytes:
        """Log one browser out, on every node; this one too when it is asked for."""
        ended = await self._database.write(
            audit.recorded,
            self._entry(request, identity, "login session ended"),
            login_sessions.end_one,
            identity.user_id,
            session_id,
            now=self._seconds(),
        )
        self._revoked()
        if ended == identity.login:
            clear_login_cookie(request, secure=self._secure)
        return _done(request)

    @app.route("/app/sessions", methods=["DELETE"])
    @logged_in
    async def end_other_sessions(self, request: Request, identity: Identity) -> bytes:
        """Log all other browsers out."""
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "all other login sessions ended"),
            login_sessions.end_others,
            identity.user_id,
            identity.login,
            now=self._seconds(),
        )
        self._revoked()
        return _done(request)

    # -- machines --------------------------------------------------------------------------------------------

    @app.route("/app/devices", methods=["GET"])
    @logged_in
    async def devices(self, request: Request, identity: Identity) -> bytes:
        """The tokens of this user that count, one for each machine's login.

        `used_at` is the latest use that was noted, and now for the newest token of a machine that is
        connected: with which of its tokens it is, only the node knows that it has come to.
        """
        now = self._seconds()
        found = await self._database.read(tokens.of_user, identity.user_id, now=now)
        online = {
            record.wing_id
            for record in self._wings.reachable(identity.user_id)
            if record.user_id == identity.user_id
        }
        return json(request, _devices(found, online, now))

    @app.route("/app/devices/<jti>", methods=["DELETE"])
    @logged_in
    async def revoke_device(self, request: Request, identity: Identity, jti: str) -> bytes:
        """Revoke one of them: its sockets end at once, on every node."""
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "device revoked", jti),
            tokens.revoke,
            identity.user_id,
            jti,
            now=self._seconds(),
        )
        self._revoked()
        return _done(request)

    @app.route("/app/devices", methods=["DELETE"])
    @logged_in
    async def revoke_devices(self, request: Request, identity: Identity) -> bytes:
        """Revoke all of them, and any that this server has not noted."""
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "all devices revoked"),
            tokens.revoke_all,
            identity.user_id,
            now=self._seconds(),
        )
        self._revoked()
        return _done(request)

    # -- the end ---------------------------------------------------------------------------------------------

    @app.route("/app/account/deletion", methods=["GET"])
    @logged_in
    async def before_deletion(self, request: Request, identity: Identity) -> bytes:
        """What would go with the account, and what stands against it."""
        return json(
            request, await self._database.read(deletion.preview, identity.user_id, now=self._seconds())
        )

    @app.route("/app/account", methods=["DELETE"])
    @logged_in
    async def delete_account(self, request: Request, identity: Identity) -> bytes:
        """Delete the account, for ever. Answers 409 while an organisation of others hangs on it."""
        confirm = body(request, Deletion).confirm.strip()
        if identity.user_id == LOCAL_USER_ID:
            raise Forbidden(
                "this is the account of the server itself and cannot be deleted: to be rid of all its data, "
                "stop the server and delete its data directory"
            )
        email = identity.email.casefold()
        if confirm != identity.user_id and (not email or confirm.casefold() != email):
            raise InvalidMessage("to delete the account, type your e-mail address or your user id")
        await self._database.write(
            deletion.delete, identity.user_id, now=self._seconds(), address=client_address(request)
        )
        self._revoked()
        self._orgs_changed()
        clear_login_cookie(request, secure=self._secure)
        return _done(request)

    # -- helpers ---------------------------------------------------------------------------------------------

    async def _profile(self, request: Request, identity: Identity) -> bytes:
        user = await self._database.read(users.find, identity.user_id)
        if user is None:
            raise NotFound("this account is no more")
        return json(
            request,
            {
                "id": user.id,
                "display_name": user.display_name,
                "email": user.email,
                "avatar_url": user.avatar_url,
                "provider": user.provider,
                "created_at": user.created_at,
            },
        )

    def _entry(self, request: Request, identity: Identity, action: str, subject: str = "") -> audit.Draft:
        return audit.Draft(
            at=self._seconds(),
            user_id=identity.user_id,
            action=action,
            subject=subject,
            address=client_address(request),
        )

    @property
    def _secure(self) -> bool:
        return self._base_url().startswith("https:")


def _devices(found: Iterable[IssuedToken], online: set[str], now: float) -> list[dict[str, object]]:
    """Tokens, the newest first, for programs."""
    entries, seen = [], set[str]()
    for token in found:
        in_use = token.wing_id in online - seen
        seen.add(token.wing_id)
        entries.append(
            {
                "id": token.jti,
                "wing_id": token.wing_id,
                "issued_at": token.issued_at,
                "expires_at": token.expires_at,
                "used_at": now if in_use else token.used_at,
            }
        )
    return entries


def _done(request: Request) -> bytes:
    request.setResponseCode(204)
    return b""
