"""`/auth/`: the one-time link, device login, and logging out."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec
from klein import Klein
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.http import Request

from wingthing.crypto.keys import load_public
from wingthing.errors import NotAuthenticated
from wingthing.names import LOCAL_USER_ID
from wingthing.relay import limiting
from wingthing.relay.credentials import argument, cookie_of, header, token_of
from wingthing.relay.peers import Identity
from wingthing.store import audit, device_codes, tokens
from wingthing.store.local_key import LocalKey
from wingthing.store.pool import Database
from wingthing.web.answers import json, map_errors, page, plain_body, says_json
from wingthing.web.client_address import client_address
from wingthing.web.cookies import clear_login_cookie, set_login_cookie
from wingthing.web.guard import Guard, host_name
from wingthing.web.identity import Authenticator
from wingthing.web.peer_user import Address, is_loopback, user_of
from wingthing.web.visits import visit_of
from wingthing.wire.limits import (
    DEVICE_CODE_SECONDS,
    DEVICE_POLL_LOCAL_SECONDS,
    DEVICE_POLL_SECONDS,
)
from wingthing.wire.messages import WingId

FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


class DeviceRequest(msgspec.Struct):
    """`POST /auth/device`."""

    wing_id: WingId
    public_key: str | None = None


class DevicePoll(msgspec.Struct):
    """`POST /auth/token`."""

    device_code: str


class Refresh(msgspec.Struct):
    """`POST /auth/refresh`."""

    token: str


class AuthApp:
    """Klein app for everything under `/auth/`. `revoked()` hears when something does not count any more."""

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        local_key: LocalKey,
        guard: Guard,
        base_url: Callable[[], str],
        seconds: Callable[[], float],
        revoked: Callable[[], None],
        peer_user: Callable[[Address, Address], int | None] = user_of,
        sign_in: bool = False,
    ) -> None:
        """`sign_in`: whether people sign in here; then nobody is let in by a link, or by where they are."""
        self._sign_in = sign_in
        self._authenticator = authenticator
        self._database = database
        self._local_key = local_key
        self._guard = guard
        self._base_url = base_url
        self._seconds = seconds
        self._revoked = revoked
        self._peer_user = peer_user

    # -- the one-time link ----------------------------------------------------------------------------------

    @app.route("/local", methods=["GET", "HEAD"])
    async def local(self, request: Request) -> bytes:
        """Turns the link that `wt url` prints into a login cookie, once."""
        if request.method == b"HEAD":
            # Whatever looks at links before people do must not spend them.
            return b""
        if self._sign_in or await self._is_logged_in(request):
            return redirect(request, "/app/")
        limiting.check(request, "one-time-link")
        if not self._local_key.spend(argument(request, "key") or ""):
            raise NotAuthenticated("this link has been used, or is not the latest one")
        limiting.give_back(request, "one-time-link")
        cookie = await self._authenticator.log_in(LOCAL_USER_ID, visit_of(request))
        await self._note(request, LOCAL_USER_ID, "login")
        set_login_cookie(request, cookie, secure=self._secure)
        return redirect(request, "/app/")

    @app.route("/logout", methods=["POST"])
    async def logout(self, request: Request) -> bytes:
        """Ends the login session of the cookie."""
        cookie = cookie_of(request)
        identity = await self._authenticator.viewer(cookie=cookie, token=None)
        await self._authenticator.log_out(cookie or "")
        self._revoked()
        await self._note(request, identity.user_id, "logout")
        clear_login_cookie(request, secure=self._secure)
        request.setResponseCode(204)
        return b""

    # -- device login ----------------------------------------------------------------------------------------

    @app.route("/device", methods=["POST"])
    async def device(self, request: Request) -> bytes:
        """A wing asks for a code (protocol.md section 2)."""
        limiting.check(request, "device-code")
        asked = plain_body(request, DeviceRequest)
        if asked.public_key:
            load_public(asked.public_key)
        at_once = not self._sign_in and says_json(request) and self._asks_for_itself(request)
        codes = await self._database.write(
            device_codes.create,
            wing_id=asked.wing_id,
            public_key=asked.public_key or "",
            user_id=LOCAL_USER_ID if at_once else None,
            now=self._seconds(),
            randomness=os.urandom,
        )
        return json(
            request,
            {
                "device_code": codes.device_code,
                "user_code": codes.user_code,
                "verification_url": f"{self._base_url()}/auth/claim?code={codes.user_code}",
                "expires_in": DEVICE_CODE_SECONDS,
                "interval": DEVICE_POLL_LOCAL_SECONDS if at_once else DEVICE_POLL_SECONDS,
            },
        )

    @app.route("/token", methods=["POST"])
    async def token(self, request: Request) -> bytes:
        """A wing asks whether its code has been approved; the answer to an error is 200 too (section 2)."""
        limiting.check(request, "device-poll")
        asked = plain_body(request, DevicePoll)
        found = await self._database.write(device_codes.poll, asked.device_code, now=self._seconds())
        if isinstance(found, str):
            return json(request, {"error": found})
        token, claims = await self._authenticator.new_token(
            found.user_id, pub=found.public_key, wing=found.wing_id
        )
        _claims, identity = await self._authenticator.wing(token)
        await self._note(request, identity.user_id, "device login", found.wing_id)
        return json(request, {"token": token, "expires_at": claims.expires_at, **_described(identity)})

    @app.route("/check", methods=["GET"])
    async def check(self, request: Request) -> bytes:
        """Whose token is it."""
        _claims, identity = await self._authenticator.wing(_bearer(request))
        return json(request, {"ok": True, "user_id": identity.user_id, **_described(identity)})

    @app.route("/refresh", methods=["POST"])
    async def refresh(self, request: Request) -> bytes:
        """A new token for one that still counts."""
        claims, identity = await self._authenticator.wing(plain_body(request, Refresh).token)
        token, fresh = await self._authenticator.new_token(identity.user_id, pub=claims.pub, wing=claims.wing)
        await self._note(request, identity.user_id, "device login renewed", claims.wing)
        return json(request, {"token": token, "expires_at": fresh.expires_at})

    @app.route("/revoke", methods=["POST"])
    async def revoke(self, request: Request) -> bytes:
        """Logs the user of the token out everywhere, this machine included (an extension)."""
        _claims, identity = await self._authenticator.wing(_bearer(request))
        await self._database.write(tokens.revoke_everything, identity.user_id, now=self._seconds())
        self._revoked()
        await self._note(request, identity.user_id, "logout everywhere")
        return json(request, {"ok": True})

    @app.route("/claim", methods=["GET"])
    async def claim_page(self, request: Request) -> bytes:
        """The page on which a logged-in user approves a code."""
        identity = await self._authenticator.viewer(
            cookie=cookie_of(request), token=None, visit=visit_of(request)
        )
        code = device_codes.normal(argument(request, "code") or "")
        wing_id = None
        if code:
            # Before the answer is known, so that a hundred at once are a hundred.
            limiting.check(request, "claim", account=identity.user_id)
            wing_id = await self._database.read(device_codes.waiting, code, now=self._seconds())
            if wing_id is not None:
                limiting.give_back(request, "claim", account=identity.user_id)
        return _claim_form(request, code, wing_id)

    @app.route("/claim", methods=["POST"])
    async def claim(self, request: Request) -> bytes:
        """The approval."""
        identity = await self._authenticator.viewer(
            cookie=cookie_of(request), token=None, visit=visit_of(request)
        )
        limiting.check(request, "claim", account=identity.user_id)
        code = device_codes.normal(argument(request, "user_code") or "")
        wing_id = await self._database.write(
            device_codes.approve, code, identity.user_id, now=self._seconds()
        )
        if wing_id is None:
            await self._note(request, identity.user_id, "wrong device code")
            return _claim_form(request, code, None, status=404)
        limiting.give_back(request, "claim", account=identity.user_id)
        await self._note(request, identity.user_id, "approve device", wing_id)
        return page(
            request, "claim.html", title="Machine approved", code=code, wing_id=wing_id, approved=True
        )

    # -- helpers ---------------------------------------------------------------------------------------------

    def _asks_for_itself(self, request: Request) -> bool:
        """Whether the code may be approved at once: the request comes from a process of this very user.

        protocol.md section 2 approves codes at once on a server without sign-in. The token that follows opens
        terminals, so "at once" is for those who could read the signing key and make one anyway: the peer is a
        loopback address, and the kernel says that its socket belongs to the user of this process. Not even to
        root, whose forwarders speak for others. A tunnel or proxy that this user runs is such a process too,
        so the request must also have come through no proxy and have asked for a loopback name, and the server
        must have no public URL. Everybody else goes through the page.

        Web pages of others do not get here: they cannot call a body JSON without an `Origin`, and the guard
        checks that.
        """
        if any(header(request, name) for name in FORWARDED):
            return False
        asked, public = header(request, "host") or "", self._base_url().partition("://")[2]
        if not _names_this_machine(asked) or not _names_this_machine(public):
            return False
        peer, own = request.getClientAddress(), request.getHost()
        if not isinstance(peer, IPv4Address | IPv6Address) or not isinstance(own, IPv4Address | IPv6Address):
            return False
        if not is_loopback(peer.host):
            return False
        return self._peer_user((peer.host, peer.port), (own.host, own.port)) == os.getuid()

    async def _is_logged_in(self, request: Request) -> bool:
        try:
            await self._authenticator.viewer(cookie=cookie_of(request), token=None)
        except NotAuthenticated:
            return False
        return True

    @property
    def _secure(self) -> bool:
        return self._base_url().startswith("https:")

    async def _note(self, request: Request, user_id: str, action: str, subject: str = "") -> None:
        await self._database.write(
            audit.note,
            at=self._seconds(),
            user_id=user_id,
            action=action,
            subject=subject,
            address=client_address(request),
        )


def _claim_form(request: Request, code: str, wing_id: str | None, status: int = 200) -> bytes:
    """The form for a code; with a code and no `wing_id` it says that no machine waits under it."""
    # Under `no-referrer` browsers send a form with `Origin: null`, which the guard takes for a stranger.
    request.setHeader("Referrer-Policy", "same-origin")
    return page(
        request, "claim.html", status, title="Approve a machine", code=code, wing_id=wing_id, approved=False
    )


def redirect(request: Request, path: str) -> bytes:
    """303 to a path of this server."""
    request.setResponseCode(303)
    request.setHeader("Location", path)
    return b""


def _bearer(request: Request) -> str:
    token = token_of(request)
    if token is None:
        raise NotAuthenticated("a token is needed: run 'wt login'")
    return token


def _described(identity: Identity) -> dict[str, str]:
    said = {"display_name": identity.display_name, "provider": identity.provider}
    return {**said, "email": identity.email} if identity.email else said


def _names_this_machine(authority: str) -> bool:
    name = host_name(authority) or ""
    return name == "localhost" or is_loopback(name)
