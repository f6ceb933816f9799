"""`/invite/{token}`: the page that asks whether to accept an invite, and what comes of it.

A token that is none says nothing of anybody. With a right one, in the account of the invited address,
the page says who invites to what; in another account, only for whom it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import attrs
from klein import Klein
from twisted.web.http import Request

from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.relay.credentials import argument, cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import audit, invites, orgs
from wingthing.store.invites import ACCEPTED, EXPIRED, WAITING, WITHDRAWN, Invite
from wingthing.store.pool import Database
from wingthing.web.answers import map_errors, page
from wingthing.web.auth import redirect
from wingthing.web.client_address import client_address
from wingthing.web.cookies import clear_login_cookie
from wingthing.web.identity import Authenticator
from wingthing.web.next_path import login_path
from wingthing.web.visits import visit_of

SEGMENT: Final = "invite"
"""The first segment of these addresses."""

WHY_NOT: Final = {
    ACCEPTED: "This invitation has been accepted already: it works once.",
    WITHDRAWN: "This invitation has been withdrawn.",
    EXPIRED: "This invitation has expired.",
}


@attrs.frozen
class Held:
    """An invite in somebody's hands: whether it is for them, and whether they are in the organisation."""

    invite: Invite
    theirs: bool
    member: bool


class InvitePages:
    """Klein app for `/invite/`. `sign_in` says whether there is a login page; `revoked()` hears of a logout,
    `changed()` that an organisation is not what it was, and is waited for."""

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        seconds: Callable[[], float],
        base_url: Callable[[], str],
        sign_in: bool,
        revoked: Callable[[], None],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._authenticator = authenticator
        self._database = database
        self._seconds = seconds
        self._base_url = base_url
        self._sign_in = sign_in
        self._revoked = revoked
        self._changed = changed

    @app.route("/invite/<token>", methods=["GET"])
    async def ask(self, request: Request, token: str) -> bytes:
        """Who invites to what, and a button. Looking at it changes nothing."""
        identity = await self._viewer(request)
        if identity is None:
            return self._to_login(request, token)
        held = await self._database.read(_held, token, identity.user_id, now=self._seconds())
        return self._page(request, identity, held)

    @app.route("/invite/<token>", methods=["POST"])
    async def answer(self, request: Request, token: str) -> bytes:
        """The button: to accept, or to sign in as somebody else."""
        identity = await self._viewer(request)
        if identity is None:
            return self._to_login(request, token)
        if argument(request, "do") == "switch":
            await self._log_out(request, identity)
            return self._to_login(request, token)
        try:
            invite = await self._database.write(
                _accept, token, identity.user_id, now=self._seconds(), address=client_address(request)
            )
        except PeerError as why:
            if why.status not in (403, 404, 410):
                raise
            held = await self._database.read(_held, token, identity.user_id, now=self._seconds())
            return self._page(request, identity, held)
        await self._changed()
        return _to_org(request, invite)

    # -- helpers ---------------------------------------------------------------------------------------------

    async def _viewer(self, request: Request) -> Identity | None:
        """Who is logged in. Raises NotAuthenticated where there is no login page to go to."""
        try:
            return await self._authenticator.viewer(
                cookie=cookie_of(request), token=None, visit=visit_of(request)
            )
        except NotAuthenticated:
            if not self._sign_in:
                raise
            return None

    def _to_login(self, request: Request, token: str) -> bytes:
        path = f"/{SEGMENT}/{quote(token, safe='')}"
        return redirect(request, login_path(path) if self._sign_in else path)

    async def _log_out(self, request: Request, identity: Identity) -> None:
        await self._authenticator.log_out(cookie_of(request) or "")
        self._revoked()
        await self._database.write(
            audit.note,
            at=self._seconds(),
            user_id=identity.user_id,
            action="logout",
            address=client_address(request),
        )
        clear_login_cookie(request, secure=self._base_url().startswith("https:"))

    def _page(self, request: Request, identity: Identity, held: Held | None) -> bytes:
        # Under `no-referrer` browsers send a form with `Origin: null`, which the guard takes for a stranger.
        request.setHeader("Referrer-Policy", "same-origin")
        if held is None:
            raise NotFound("there is no invitation at this address: the link may be incomplete")
        if not held.theirs:
            return page(
                request,
                "invite.html",
                403,
                title="This invitation is for somebody else",
                state="other",
                invited=held.invite.email,
                own=identity.email or identity.name,
                can_switch=self._sign_in,
            )
        if held.invite.state == ACCEPTED and held.member:
            # The button pressed twice, or the letter opened again.
            return _to_org(request, held.invite)
        if held.invite.state != WAITING:
            return page(
                request,
                "invite.html",
                410,
                title="This invitation is over",
                state="ended",
                why=WHY_NOT[held.invite.state],
            )
        return page(
            request,
            "invite.html",
            title=f"Join {held.invite.org_name}?",
            state="waiting",
            invite=held.invite,
        )


def _to_org(request: Request, invite: Invite) -> bytes:
    return redirect(request, f"/app/#account/orgs/{quote(invite.org_id, safe='')}")


def _held(cursor: sqlite3.Cursor, token: str, user_id: str, *, now: float) -> Held | None:
    invite = invites.find(cursor, token, now=now)
    if invite is None:
        return None
    member = orgs.is_member(cursor, invite.org_id, user_id)
    return Held(invite, invites.is_for(cursor, invite, user_id), member)


def _accept(cursor: sqlite3.Cursor, token: str, user_id: str, *, now: float, address: str) -> Invite:
    invite = invites.accept(cursor, token, user_id, now=now)
    audit.note(
        cursor,
        at=now,
        user_id=user_id,
        action=f"joined as {invite.role}",
        subject=invite.org_name,
        address=address,
        org_id=invite.org_id,
    )
    return invite
