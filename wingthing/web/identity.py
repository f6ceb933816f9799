"""Who is behind a request or a socket: a login cookie, or a wing token."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

import attrs
from twisted.logger import Logger

from wingthing.crypto import tokens as crypto_tokens
from wingthing.crypto.digests import digest
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated, TemporarilyUnavailable
from wingthing.relay.credentials import HOW_TO_GET_IN, MAX_CREDENTIAL_CHARS, TOKEN_REVOKED, NotSignedIn
from wingthing.relay.peers import Identity
from wingthing.store import login_sessions, passkeys, tokens, users
from wingthing.store.pool import Database
from wingthing.store.users import User
from wingthing.web.visits import UNKNOWN, Visit


class Authenticator:
    """Asks the database; nothing that a client says about itself counts.

    All methods raise NotAuthenticated, or TemporarilyUnavailable when the database is busy.
    """

    log = Logger()

    def __init__(
        self, database: Database, keys: KeyRing, seconds: Callable[[], float], *, sign_in: bool = False
    ) -> None:
        """`sign_in`: whether people sign in here, or are let in by a one-time link."""
        self._sign_in = sign_in
        self._database = database
        self._keys = keys
        self._seconds = seconds

    async def wing(self, token: str) -> tuple[WingToken, Identity]:
        """The claims of a wing token and its user.

        A token that this server has signed counts unless it, or its user, has been revoked: the signature
        alone says who it is, so that every node of a fleet can tell.
        """
        if len(token) > MAX_CREDENTIAL_CHARS:
            raise NotAuthenticated("the token is not valid")
        claims = crypto_tokens.check(token, self._keys.accepted, now=self._seconds())
        revoked, stale, user, keys = await self._database.read(_token_state, claims, now=self._seconds())
        if revoked or (user is not None and user.removed_at is not None):
            raise NotAuthenticated(TOKEN_REVOKED)
        if stale:
            await self._note_use(tokens.touch, claims.jti, now=self._seconds())
        known = identity_of(user, keys) if user is not None else Identity(claims.user_id)
        return claims, attrs.evolve(known, token=claims.jti, token_issued_at=claims.issued_at)

    async def viewer(self, *, cookie: str | None, token: str | None, visit: Visit = UNKNOWN) -> Identity:
        """The user of a token if there is one, else of a login cookie, whose use is noted with `visit`."""
        if token is not None:
            return (await self.wing(token))[1]
        if not cookie or len(cookie) > MAX_CREDENTIAL_CHARS:
            raise self._nobody()
        identity = await self.session(digest(cookie), visit)
        if identity is None:
            raise self._nobody()
        return identity

    async def session(self, login: str, visit: Visit = UNKNOWN) -> Identity | None:
        """The user of a login session, by the digest of its cookie; None when there is no such session."""
        found = await self._database.read(_session_state, login, now=self._seconds())
        if found is None:
            return None
        user, stale, keys = found
        if stale:
            await self._note_use(
                login_sessions.touch, login, now=self._seconds(), address=visit.address, agent=visit.agent
            )
        return identity_of(user, keys, login=login)

    async def log_in(self, user_id: str, visit: Visit = UNKNOWN) -> str:
        """A new login session of a user; the value of its cookie."""
        return await self._database.write(
            login_sessions.create,
            user_id,
            now=self._seconds(),
            randomness=os.urandom,
            address=visit.address,
            agent=visit.agent,
        )

    async def log_out(self, cookie: str) -> None:
        """End a login session."""
        await self._database.write(login_sessions.end, digest(cookie), now=self._seconds())

    async def new_token(self, user_id: str, *, pub: str = "", wing: str = "") -> tuple[str, WingToken]:
        """A new wing token, noted so that it can be revoked."""
        token, claims = crypto_tokens.mint(
            self._keys.signing,
            user_id=user_id,
            now=self._seconds(),
            jti=os.urandom(16).hex(),
            pub=pub,
            wing=wing,
        )
        await self._database.write(tokens.issued, claims)
        return token, claims

    def _nobody(self) -> NotAuthenticated:
        return NotSignedIn() if self._sign_in else NotAuthenticated(HOW_TO_GET_IN)

    async def _note_use(self, touch: Callable[..., None], *arguments: object, **more: object) -> None:
        try:
            await self._database.write(touch, *arguments, **more)
        except TemporarilyUnavailable:
            # Nobody is turned away for it: the next request notes the use.
            self.log.warn("the use of a login could not be noted: the database is busy")


Keys = tuple[str, ...]


def identity_of(user: User, keys: Keys, login: str = "") -> Identity:
    """A row of the users as the rest of the program sees it, with the public keys of their passkeys."""
    return Identity(
        user.id,
        display_name=user.display_name,
        email=user.email,
        provider=user.provider,
        avatar_url=user.avatar_url,
        login=login,
        passkeys=keys,
    )


def _token_state(
    cursor: sqlite3.Cursor, claims: WingToken, *, now: float
) -> tuple[bool, bool, User | None, Keys]:
    stale = tokens.stale(cursor, claims, now=now)
    user = users.find(cursor, claims.user_id)
    return tokens.revoked(cursor, claims), stale, user, passkeys.keys_of(cursor, claims.user_id)


def _session_state(cursor: sqlite3.Cursor, login: str, *, now: float) -> tuple[User, bool, Keys] | None:
    found = login_sessions.find(cursor, login, now=now)
    if found is None:
        return None
    user = users.find(cursor, found[0])
    if user is None or user.removed_at is not None:
        return None
    return user, found[1], passkeys.keys_of(cursor, user.id)
