"""Who is behind a socket of an edge, which has no database: a login session or a wing token.

A wing's token is checked with the fleet's key alone, so that it counts with login away too. What an edge has
heard to be revoked does not count; a login session must have been confirmed by login.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wingthing.cluster.caches import EntitlementCache, SessionCache
from wingthing.crypto import tokens as crypto_tokens
from wingthing.crypto.digests import digest
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated
from wingthing.relay.credentials import HOW_TO_SIGN_IN, MAX_CREDENTIAL_CHARS, TOKEN_REVOKED
from wingthing.relay.peers import Identity
from wingthing.wire.gossip import PasskeysChanged, Revoked, RevokedKind


class Revocations:
    """What this edge has heard to be revoked, for as long as it matters."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._until: dict[tuple[RevokedKind, str], tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, event: Revoked) -> bool:
        """Remember one; whether it is new."""
        key = (event.kind, event.subject)
        known = self._until.get(key)
        if known is not None and known[0] >= event.at:
            return False
        self._until[key] = (event.at, event.until)
        return True

    def forget_old(self) -> None:
        """Drop what nobody needs to remember any more."""
        now = self._seconds()
        for key in [key for key, (_at, until) in self._until.items() if until < now]:
            del self._until[key]

    def covers_login(self, login: str) -> bool:
        """Whether a login session, by its hash, does not count any more."""
        return (RevokedKind.LOGIN, login) in self._until

    def covers_user(self, user_id: str) -> bool:
        """Whether a user has been removed."""
        return (RevokedKind.USER, user_id) in self._until

    def covers(self, token: WingToken) -> bool:
        """Whether a token does not count any more."""
        if token.jti and (RevokedKind.TOKEN, token.jti) in self._until:
            return True
        if self.covers_user(token.user_id):
            return True
        everything = self._until.get((RevokedKind.TOKENS, token.user_id))
        return everything is not None and token.issued_at <= everything[0]


class EdgeAuthenticator:
    """Implements the Authenticator of the sockets for an edge."""

    def __init__(
        self,
        keys: KeyRing,
        seconds: Callable[[], float],
        sessions: SessionCache,
        users: EntitlementCache,
        revocations: Revocations,
    ) -> None:
        self._keys = keys
        self._seconds = seconds
        self._sessions = sessions
        self._users = users
        self._revocations = revocations

    async def wing(self, token: str) -> tuple[WingToken, Identity]:
        """The claims of a wing token and its user, as far as login has told. Raises NotAuthenticated."""
        if len(token) > MAX_CREDENTIAL_CHARS:
            raise NotAuthenticated("the token is not valid")
        claims = crypto_tokens.check(token, self._keys.accepted, now=self._seconds())
        if self._revocations.covers(claims):
            raise NotAuthenticated(TOKEN_REVOKED)
        user = self._users.find(claims.user_id)
        identity = Identity(
            claims.user_id,
            display_name=user.display_name if user else "",
            email=user.email if user else "",
            provider=user.provider if user else "",
            avatar_url=user.avatar_url if user else "",
            token=claims.jti,
            token_issued_at=claims.issued_at,
            passkeys=user.passkeys if user else (),
        )
        return claims, identity

    async def viewer(self, *, cookie: str | None, token: str | None) -> Identity:
        """The user of a token if there is one, else of a login cookie.

        Raises NotAuthenticated, or TemporarilyUnavailable when only login could tell and is away.
        """
        if token is not None:
            return (await self.wing(token))[1]
        if not cookie or len(cookie) > MAX_CREDENTIAL_CHARS:
            raise NotAuthenticated(HOW_TO_SIGN_IN)
        login = digest(cookie)
        if self._revocations.covers_login(login):
            raise NotAuthenticated(HOW_TO_SIGN_IN)
        session = await self._sessions.find(login)
        # Looked at again: it may have ended while login was asked.
        if session is None or self._revoked(login, session.user_id):
            raise NotAuthenticated(HOW_TO_SIGN_IN)
        return Identity(
            session.user_id,
            display_name=session.display_name,
            email=session.email,
            provider=session.provider,
            avatar_url=session.avatar_url,
            login=login,
            passkeys=session.passkeys,
        )

    def _revoked(self, login: str, user_id: str) -> bool:
        return self._revocations.covers_login(login) or self._revocations.covers_user(user_id)

    def passkeys_changed(self, event: PasskeysChanged) -> None:
        """What is remembered of a user's passkeys is not true any more."""
        self._sessions.passkeys_changed(event)
        self._users.poll_now()

    def revoked(self, events: Iterable[Revoked]) -> list[Revoked]:
        """Remember what does not count any more; answers what was not known yet."""
        self._revocations.forget_old()
        fresh = [event for event in events if self._revocations.add(event)]
        for event in fresh:
            self._sessions.revoked(event)
        return fresh
