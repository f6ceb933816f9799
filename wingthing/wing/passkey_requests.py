"""Showing a passkey through the tunnel, where no node sees it: `passkey.challenge` and `passkey.auth`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from wingthing.crypto.keys import b64decode
from wingthing.crypto.passkeys import to_base64url, tunnel_challenge
from wingthing.wing.admission import assertion_of
from wingthing.wing.passkeys import LockRules, Passkeys
from wingthing.wing.tunnel import Answerer, Request
from wingthing.wire.wing_limits import PASSKEY_ANSWER_SECONDS


class Shown(msgspec.Struct):
    """`passkey.auth`; all in base64 or base64url. By which credential it was made, the key says."""

    authenticator_data: str
    client_data_json: str
    signature: str
    credential_id: str = ""


class PasskeyRequests:
    """The answers. `own_public` is the wing's public key, `seconds()` is Unix seconds."""

    def __init__(
        self, passkeys: Passkeys, rules: LockRules, own_public: bytes, seconds: Callable[[], float]
    ) -> None:
        self._own_public = own_public
        self._passkeys = passkeys
        self._rules = rules
        self._seconds = seconds
        self.answerers: dict[str, Answerer] = {
            "passkey.challenge": self._challenge,
            "passkey.auth": self._auth,
        }

    async def _challenge(self, request: Request) -> Any:
        browser = b64decode(request.browser, what="sender_pub")
        nonce, challenge = self._passkeys.ask(
            request.person,
            lambda nonce: tunnel_challenge(nonce, browser, self._own_public),
            now=self._seconds(),
        )
        return {
            "challenge": to_base64url(challenge),
            "nonce": to_base64url(nonce),
            "expires_in": PASSKEY_ANSWER_SECONDS,
            "keys": self._rules.access.keys_of(request.person),
        }

    async def _auth(self, request: Request) -> Any:
        shown = request.read(Shown)
        assertion = assertion_of(shown.authenticator_data, shown.client_data_json, shown.signature)
        token = self._passkeys.redeem(request.person, assertion, now=self._seconds())
        return {"auth_token": token, "expires_in": self._rules.config.auth_ttl}
