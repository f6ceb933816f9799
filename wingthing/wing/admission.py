"""Who comes to a terminal while the wing is locked: `passkey.challenge` and `passkey.response`.

        browser                          wing
           |  pty.start, pty.attach  --->  |   no token that counts
           |  <----  passkey.challenge     |
           |  passkey.response  -------->  |   at most PASSKEY_ANSWER_SECONDS later
           |  <-----  pty.started          |   with a token for the next time; or `pty.exited` with an error

A node reads all of this. So a browser that knows `sealed_token` gets and gives tokens encrypted, and a
challenge that is made from its own key: it can tell a question that was asked of somebody else, and does not
answer it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from wingthing.crypto import passkeys as crypto
from wingthing.crypto.box import PASSKEY, Box
from wingthing.crypto.keys import b64decode, public_bytes
from wingthing.crypto.passkeys import Assertion
from wingthing.errors import DecryptionFailed, Forbidden, NotFound, PeerError, TemporarilyUnavailable
from wingthing.wing.access import NOT_ALLOWED, PASSKEY_REQUIRED, Person
from wingthing.wing.painter import Sender
from wingthing.wing.passkeys import LockRules, Passkeys
from wingthing.wire.messages import PasskeyChallenge, PasskeyResponse, PtyAttach, PtyStart
from wingthing.wire.wing_limits import MAX_PASSKEY_WAITS, PASSKEY_ANSWER_SECONDS

MAX_IN_LINE = 64
"""Who may wait behind somebody who is asked for a passkey."""


@attrs.frozen
class Admitted:
    """Somebody may come in: by which passkey (empty where none is needed), and with which token for the next
    time, as the fields of `pty.started`."""

    key: str = ""
    auth_token: str | None = None
    sealed_token: str | None = None


@attrs.define(eq=False)
class Waiting:
    """Somebody who has been asked. `in_line` are answers that must not overtake theirs."""

    person: Person
    challenge: bytes
    answer: Deferred[tuple[str, str]]
    deadline: IDelayedCall
    in_line: list[Deferred[None]] = attrs.field(factory=list)


class Admission:
    """`key` is the wing's."""

    def __init__(
        self,
        clock: IReactorTime,
        sender: Sender,
        rules: LockRules,
        passkeys: Passkeys,
        key: X25519PrivateKey,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._sender = sender
        self._rules = rules
        self._passkeys = passkeys
        self._key = key
        self._randomness = randomness
        self._waiting: dict[str, Waiting] = {}

    async def admit(self, asked: PtyStart | PtyAttach, session_id: str, person: Person) -> Admitted:
        """Returns when the person may have the terminal. Raises PeerError when they may not.

        A spectator is not asked: a browser's `passkey.response` is for terminals that it controls.
        """
        sealer = None
        if asked.sealed_token is not None:
            sealer = Box.between(self._key, asked.public_key, PASSKEY)
        token = asked.auth_token if sealer is None else _opened(sealer, asked.sealed_token or "")
        key = self._passkeys.key_of(person, token, now=self._clock.seconds())
        refusal = self._rules.access.refusal(person, key)
        spectating = isinstance(asked, PtyAttach) and asked.spectate
        if refusal == NOT_ALLOWED or (refusal is not None and spectating):
            raise Forbidden(refusal)
        if not spectating:
            # The node takes a wing's answers in the order in which it has asked.
            self.give_up(session_id)
        if refusal is None:
            return Admitted(key)
        fresh, key = await self._ask(asked, session_id, person, bound=sealer is not None)
        if sealer is None or not fresh:
            return Admitted(key, auth_token=fresh or None)
        return Admitted(key, sealed_token=sealer.seal(fresh.encode()))

    async def _ask(
        self, asked: PtyStart | PtyAttach, session_id: str, person: Person, *, bound: bool
    ) -> tuple[str, str]:
        """The token and the key of somebody who has answered; both empty if the lock was opened meanwhile."""
        if len(self._waiting) >= MAX_PASSKEY_WAITS:
            raise TemporarilyUnavailable("this machine waits for too many passkeys: try again")
        nonce = self._randomness(crypto.NONCE_BYTES)
        challenge = nonce
        if bound:
            browser = b64decode(asked.public_key, what="public_key")
            challenge = crypto.bound_challenge(nonce, browser, public_bytes(self._key), session_id)
        waiting = self._waiting[session_id] = Waiting(
            person,
            challenge,
            Deferred(),
            self._clock.callLater(PASSKEY_ANSWER_SECONDS, self.give_up, session_id),
        )
        self._sender.send(
            PasskeyChallenge(
                session_id=session_id,
                challenge=crypto.to_base64url(challenge),
                keys=list(self._rules.access.keys_of(person)) or None,
                nonce=crypto.to_base64url(nonce) if bound else None,
            )
        )
        return await waiting.answer

    def answered(self, response: PasskeyResponse) -> None:
        """A browser has answered. Raises NotFound when nobody has asked."""
        waiting = self._waiting.get(response.session_id)
        if waiting is None:
            raise NotFound("no passkey has been asked for here")
        if not response.signature:
            self.give_up(response.session_id)
            return
        try:
            if self._rules.access.refusal(waiting.person) is None:
                came_in = ("", "")
            else:
                assertion = assertion_of(
                    response.authenticator_data, response.client_data_json, response.signature
                )
                came_in = self._passkeys.accept(
                    waiting.person, assertion, waiting.challenge, now=self._clock.seconds()
                )
        except PeerError as why:
            self._end(response.session_id, why)
        else:
            self._end(response.session_id, came_in)

    def give_up(self, session_id: str) -> None:
        """Refuse whoever has been asked about this terminal, if somebody has."""
        self._end(session_id, Forbidden(PASSKEY_REQUIRED))

    def give_up_all(self) -> None:
        """Nobody who has been asked can answer any more."""
        for session_id in list(self._waiting):
            self.give_up(session_id)

    async def turn(self, session_id: str) -> None:
        """Returns when nobody is asked about this terminal, and has been answered."""
        while (waiting := self._waiting.get(session_id)) is not None:
            if len(waiting.in_line) >= MAX_IN_LINE:
                self.give_up(session_id)
                continue
            mine: Deferred[None] = Deferred()
            waiting.in_line.append(mine)
            await mine

    def _end(self, session_id: str, result: tuple[str, str] | PeerError) -> None:
        waiting = self._waiting.pop(session_id, None)
        if waiting is None:
            return
        if waiting.deadline.active():
            waiting.deadline.cancel()
        # Whoever waits is answered before these calls return, and only then those behind.
        if isinstance(result, PeerError):
            waiting.answer.errback(result)
        else:
            waiting.answer.callback(result)
        for behind in waiting.in_line:
            behind.callback(None)


def assertion_of(authenticator_data: str, client_data_json: str, signature: str) -> Assertion:
    """An assertion as it travels. Raises InvalidMessage."""
    return Assertion(
        crypto.from_base64(authenticator_data, what="authenticator_data"),
        crypto.from_base64(client_data_json, what="client_data_json"),
        crypto.from_base64(signature, what="signature"),
    )


def _opened(sealer: Box, sealed: str) -> str:
    """The token in a box; empty when there is none, or it is for another key."""
    try:
        return sealer.open(sealed).decode() if sealed else ""
    except (DecryptionFailed, UnicodeDecodeError):
        return ""
