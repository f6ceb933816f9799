"""How nodes know each other: by tokens that only who has the fleet's key can make, never by an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wingthing.crypto import node_tokens
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.node_tokens import Audience, NodeToken
from wingthing.errors import NotAuthenticated, TemporarilyUnavailable
from wingthing.wire.limits import CLOCK_SKEW_SECONDS, INTERNAL_TOKEN_SECONDS

MAX_SEEN = 200_000
"""Tokens that are remembered so that none counts twice: a minute of more than 2,000 requests a second."""


class Trust:
    """Makes and checks the tokens of one node. `new_id` gives random names, `seconds` Unix time."""

    def __init__(
        self, keys: KeyRing, machine: str, seconds: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self.machine = machine
        self._keys = keys
        self._seconds = seconds
        self._new_id = new_id
        self._seen: dict[str, float] = {}
        self._standing: dict[Audience, tuple[str, float]] = {}

    def token(
        self, audience: Audience, nonce: str = "", passed: dict[str, Any] | None = None
    ) -> tuple[str, str]:
        """A new token of this node, and its name (`jti`)."""
        jti = self._new_id()
        token = node_tokens.mint(
            self._keys,
            audience,
            machine=self.machine,
            now=self._seconds(),
            jti=jti,
            nonce=nonce,
            passed=passed,
        )
        return token, jti

    def standing_token(self, audience: Audience) -> str:
        """A token that may be used many times; a new one when half of its time is over."""
        token, until = self._standing.get(audience, ("", 0.0))
        now = self._seconds()
        if now >= until:
            token, _jti = self.token(audience)
            self._standing[audience] = (token, now + INTERNAL_TOKEN_SECONDS / 2)
        return token

    def check(self, token: str, audience: Audience) -> NodeToken:
        """The claims of another node's token. Raises NotAuthenticated."""
        return node_tokens.check(token, self._keys.accepted, audience, now=self._seconds())

    def check_once(self, token: str) -> NodeToken:
        """The claims of the token of a request to `/internal/`, which counts once.

        Raises NotAuthenticated, for a token that was here before too; TemporarilyUnavailable when more
        tokens come than can be remembered.
        """
        claims = self.check(token, Audience.INTERNAL)
        now = self._seconds()
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest] > now:
                break
            del self._seen[oldest]
        if claims.jti in self._seen:
            raise NotAuthenticated("the token has been used")
        if len(self._seen) >= MAX_SEEN:
            raise TemporarilyUnavailable("too many requests between nodes: try again")
        # All live equally long, so the order of coming is that of going.
        self._seen[claims.jti] = now + INTERNAL_TOKEN_SECONDS + 2 * CLOCK_SKEW_SECONDS
        return claims

    def check_answer(self, token: str, jti: str) -> NodeToken:
        """The claims of the token that came with the answer to request `jti`. Raises NotAuthenticated."""
        claims = self.check(token, Audience.ANSWER)
        if claims.nonce != jti:
            raise NotAuthenticated("the answer is not for this request")
        return claims
