"""The passkeys that open this wing while it is locked: challenges, and the tokens that are given for them.

Nothing of it is written down but which key is whose (`allow_keys` in wing.yaml): a restart ends all tokens.
Times are Unix seconds, and given in.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, MutableMapping
from typing import Protocol, TypeVar

import attrs
from twisted.logger import Logger

from wingthing.crypto import passkeys
from wingthing.crypto.digests import digest
from wingthing.crypto.passkeys import Assertion, Proof
from wingthing.errors import Forbidden, OperatorError, PeerError
from wingthing.wing.access import NOT_ALLOWED, Access, Person
from wingthing.wing.config import WingConfig
from wingthing.wire.wing_limits import (
    MAX_AUTH_TOKENS,
    MAX_PASSKEY_CHALLENGES,
    MAX_SPENT_CHALLENGES,
    PASSKEY_ANSWER_SECONDS,
)

TOKEN_BYTES = 32
ALL_USERS = 64
"""How many times what one user may have is kept for all users together."""

LEAST_CHALLENGE_BYTES = 16
"""Of a browser's own choice (WebAuthn 13.4.3)."""

K = TypeVar("K")
V = TypeVar("V")


class LockRules(Protocol):
    """What is needed of `Rules`."""

    @property
    def config(self) -> WingConfig:
        """The file as it is now."""

    @property
    def access(self) -> Access:
        """Who may do what."""

    def pin(self, person: Person, key: str) -> None:
        """Write down that this key is this person's. Raises OperatorError."""


@attrs.frozen
class Asked:
    """A challenge that has not been answered: whom it was given, and until when it counts."""

    user_id: str
    until: float


@attrs.frozen
class Grant:
    """What stands behind a token: who has shown which passkey, and when."""

    user_id: str
    key: str
    at: float


class Passkeys:
    """`randomness(n)` gives n bytes."""

    log = Logger()

    def __init__(self, rules: LockRules, randomness: Callable[[int], bytes]) -> None:
        self._rules = rules
        self._randomness = randomness
        self._asked: dict[bytes, Asked] = {}
        self._grants: dict[str, Grant] = {}
        """digest of the token -> what stands behind it."""

        self._spent: dict[bytes, None] = {}

    def refusal(self, person: Person, token: str | None, *, now: float) -> str | None:
        """What a person is answered who comes with this token: NOT_ALLOWED, PASSKEY_REQUIRED, or nothing."""
        return self._rules.access.refusal(person, self.key_of(person, token, now=now))

    def key_of(self, person: Person, token: str | None, *, now: float) -> str:
        """The passkey that a token was given for; empty when it does not count, or is not theirs."""
        grant = self._grants.get(digest(token)) if token else None
        if grant is None or not hmac.compare_digest(grant.user_id.encode(), person.user_id.encode()):
            return ""
        ttl = self._rules.config.auth_ttl
        return grant.key if ttl is None or now - grant.at < ttl else ""

    def ask(self, person: Person, bind: Callable[[bytes], bytes], *, now: float) -> tuple[bytes, bytes]:
        """A new nonce, and the challenge that `bind` makes of it, for a request through the tunnel; it counts
        once, for this user.

        Raises PeerError when this person is not on the list, or needs no passkey.
        """
        self._must_need_one(person)
        for challenge in [challenge for challenge, asked in self._asked.items() if asked.until <= now]:
            del self._asked[challenge]
        nonce = self._randomness(passkeys.NONCE_BYTES)
        challenge = bind(nonce)
        asked = Asked(person.user_id, now + PASSKEY_ANSWER_SECONDS)
        _keep(self._asked, challenge, asked, lambda other: other.user_id, MAX_PASSKEY_CHALLENGES)
        return nonce, challenge

    def redeem(self, person: Person, assertion: Assertion, *, now: float) -> str:
        """The token for an answer to a challenge of `ask`; with `legacy_passkey` also for one to a challenge
        that the browser has chosen, which then counts once too. Raises PeerError."""
        challenge = passkeys.challenge_of(assertion)
        asked = self._asked.get(challenge)
        if asked is not None and asked.user_id == person.user_id:
            del self._asked[challenge]
        if asked is None or asked.user_id != person.user_id or asked.until <= now:
            self._must_be_legacy(challenge)
        return self.accept(person, assertion, challenge, now=now)[0]

    def accept(
        self, person: Person, assertion: Assertion, challenge: bytes, *, now: float
    ) -> tuple[str, str]:
        """The token for an answer to `challenge`, and the key that stands behind it.

        A key that only the server has told of is written down with its first use, and from then on no other
        counts for this person. Raises PeerError.
        """
        self._must_need_one(person)
        access = self._rules.access
        proof = passkeys.check(assertion, challenge=challenge, keys=access.keys_of(person))
        if not access.has_pinned(person):
            self._pin(person, proof)
        self._spent[challenge] = None
        if len(self._spent) > MAX_SPENT_CHALLENGES:
            del self._spent[next(iter(self._spent))]
        token = self._randomness(TOKEN_BYTES).hex()
        grant = Grant(person.user_id, proof.key, now)
        _keep(self._grants, digest(token), grant, lambda other: other.user_id, MAX_AUTH_TOKENS)
        return token, proof.key

    def _must_need_one(self, person: Person) -> None:
        refusal = self._rules.access.refusal(person)
        if refusal is None:
            raise PeerError("this machine asks you for no passkey")
        if refusal == NOT_ALLOWED:
            raise Forbidden(NOT_ALLOWED)

    def _must_be_legacy(self, challenge: bytes) -> None:
        if not self._rules.config.legacy_passkey:
            raise passkeys.refused("this machine has not asked that, or too long ago: try again")
        if challenge in self._spent:
            raise passkeys.refused("this answer has been used before: try again")
        if len(challenge) < LEAST_CHALLENGE_BYTES:
            raise passkeys.refused("the question is too short")

    def _pin(self, person: Person, proof: Proof) -> None:
        try:
            self._rules.pin(person, proof.key)
        except OperatorError as why:
            self.log.error("the passkey of {who} was not kept: {why}", who=person.name, why=why)
            raise PeerError("this machine cannot write down your passkey: see its log") from why
        self.log.warn(
            "the first passkey of {who} is theirs from now on: {key}, made for {origin}",
            who=person.name,
            key=proof.key,
            origin=proof.origin or "an unnamed page",
        )


def _keep(kept: MutableMapping[K, V], key: K, value: V, user: Callable[[V], str], most: int) -> None:
    """Add to what is kept, in order of age; what is too much of one user, or in all, is forgotten."""
    theirs = [other for other, known in kept.items() if user(known) == user(value)]
    for other in theirs[: max(0, len(theirs) - most + 1)]:
        del kept[other]
    while len(kept) >= most * ALL_USERS:
        del kept[next(iter(kept))]
    kept[key] = value
