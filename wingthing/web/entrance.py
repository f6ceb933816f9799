"""What follows when somebody has been vouched for: a session of theirs, or one more way to sign in."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.web.http import Request

from wingthing.errors import Forbidden
from wingthing.relay.credentials import cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import audit, sign_in
from wingthing.store.pool import Database
from wingthing.store.sign_in import Vouched
from wingthing.web.client_address import client_address
from wingthing.web.cookies import set_login_cookie
from wingthing.web.identity import Authenticator
from wingthing.web.sign_in_settings import Allowed
from wingthing.web.visits import visit_of

ID_BYTES = 12


class Entrance:
    """The one door of a server with sign-in.

    `revoked()` hears when a session has ended.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        allowed: Allowed,
        base_url: Callable[[], str],
        seconds: Callable[[], float],
        revoked: Callable[[], None],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.authenticator = authenticator
        self.database = database
        self.allowed = allowed
        self.base_url = base_url
        self.seconds = seconds
        self.randomness = randomness
        self._revoked = revoked

    @property
    def secure(self) -> bool:
        """Whether browsers reach this server by https."""
        return self.base_url().startswith("https:")

    async def enter(self, request: Request, vouched: Vouched) -> None:
        """Log a browser in as the account of somebody who is vouched for.

        It gets a session that is new, whatever it came with: who has put a cookie into the browser must not
        be logged in with it. The session that it had ends.

        Raises Forbidden for an address that may not sign in here.
        """
        self.must_be_allowed(vouched.email)
        entered = await self.database.write(
            sign_in.enter, vouched, user_id=f"u{self._id()}", method_id=self._id(), now=self.seconds()
        )
        before = cookie_of(request)
        if before:
            await self.authenticator.log_out(before)
            self._revoked()
        cookie = await self.authenticator.log_in(entered.user.id, visit_of(request))
        if entered.new:
            await self._note(request, entered.user.id, "account made", vouched.provider)
        elif entered.linked:
            await self._note(request, entered.user.id, "sign-in linked", vouched.provider)
        await self._note(request, entered.user.id, "login", vouched.provider)
        set_login_cookie(request, cookie, secure=self.secure)

    async def link(self, request: Request, identity: Identity, vouched: Vouched) -> None:
        """Give a user one more way to sign in.

        Raises Forbidden for an address that may not sign in here, PeerError (409) when another account has
        the method.
        """
        self.must_be_allowed(vouched.email)
        await self.database.write(
            sign_in.link, vouched, user_id=identity.user_id, method_id=self._id(), now=self.seconds()
        )
        await self._note(request, identity.user_id, "sign-in linked", vouched.provider)

    async def unlink(self, request: Request, identity: Identity, method_id: str) -> None:
        """Remove one. Raises NotFound, or PeerError (409) when it is the last."""
        gone = await self.database.write(sign_in.unlink, identity.user_id, method_id)
        await self._note(request, identity.user_id, "sign-in removed", gone.provider)

    def must_be_allowed(self, email: str) -> None:
        """Raises Forbidden for an address that may not sign in here."""
        if email not in self.allowed:
            raise Forbidden(f"{email} may not sign in on this server: ask whoever runs it to let you in")

    def _id(self) -> str:
        return self.randomness(ID_BYTES).hex()

    async def _note(self, request: Request, user_id: str, action: str, subject: str) -> None:
        await self.database.write(
            audit.note,
            at=self.seconds(),
            user_id=user_id,
            action=action,
            subject=subject,
            address=client_address(request),
        )
