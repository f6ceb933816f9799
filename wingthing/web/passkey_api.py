"""`/api/app/passkey`: the passkeys of a user (WebAuthn Level 3, section 7.1; protocol.md section 2).

They do not log anybody in here: wings that are locked ask for them. So only ES256 is offered and taken, which
is what a wing can check.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Callable
from typing import Any, Final

import attrs
import hyperlink
import msgspec
import webauthn
from klein import Klein
from twisted.logger import Logger
from twisted.web.http import Request
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    options_to_json_dict,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSECRV, COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from wingthing.crypto.keys import b64encode
from wingthing.crypto.passkeys import raw_public_key
from wingthing.errors import InvalidMessage
from wingthing.relay.credentials import header
from wingthing.relay.peers import Identity
from wingthing.store import audit, passkeys
from wingthing.store.passkeys import Passkey
from wingthing.store.pool import Database
from wingthing.web.answers import body, json, map_errors
from wingthing.web.api import logged_in
from wingthing.web.client_address import client_address
from wingthing.web.guard import Guard, host_name
from wingthing.web.identity import Authenticator
from wingthing.web.visits import visit_of
from wingthing.wire.account_limits import MAX_PASSKEY_REGISTRATIONS, PASSKEY_REGISTRATION_SECONDS
from wingthing.wire.gossip import PasskeysChanged
from wingthing.wire.limits import MAX_LABEL_CHARS
from wingthing.wire.text import is_plain

PARTS: Final = ("app/passkey",)
"""What the addresses of this app begin with, below `/api/`."""

ALGORITHMS: Final = [COSEAlgorithmIdentifier.ECDSA_SHA_256]
CHALLENGE_BYTES: Final = 32
ID_BYTES: Final = 8


class Registration(msgspec.Struct, rename="camel"):
    """`finish`: RegistrationResponseJSON of WebAuthn, and what the passkey is to be called."""

    id: str
    raw_id: str
    type: str
    response: dict[str, Any]
    label: str = ""


class Label(msgspec.Struct):
    """`PUT /api/app/passkey/{id}`."""

    label: str


@attrs.frozen
class Begun:
    """A registration that is under way: the challenge, for which server's name, and until when it counts."""

    challenge: bytes
    rp_id: str
    until: float


class PasskeyApi:
    """Klein app for the addresses in PARTS. `changed(event)` hears when a user has other passkeys."""

    app = Klein()
    map_errors(app)
    log = Logger()

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        guard: Guard,
        seconds: Callable[[], float],
        changed: Callable[[PasskeysChanged], None],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._guard = guard
        self._seconds = seconds
        self._changed = changed
        self._randomness = randomness
        self._begun: dict[str, Begun] = {}
        """login session -> its registration. In memory: a restart costs another try."""

    @app.route("/app/passkey", methods=["GET"])
    @logged_in
    async def every(self, request: Request, identity: Identity) -> bytes:
        """The user's passkeys, oldest first."""
        found = await self._database.read(passkeys.of_user, identity.user_id)
        return json(request, [_told(passkey) for passkey in found])

    @app.route("/app/passkey/register/begin", methods=["POST"])
    @logged_in
    async def begin(self, request: Request, identity: Identity) -> bytes:
        """What a browser needs to make one. A second call of the same login ends what the first has begun."""
        rp_id = self._rp_id(request)
        known = await self._database.read(passkeys.of_user, identity.user_id)
        passkeys.check_room(known)
        begun = Begun(
            self._randomness(CHALLENGE_BYTES), rp_id, self._seconds() + PASSKEY_REGISTRATION_SECONDS
        )
        self._remember(identity.login, begun)
        options = webauthn.generate_registration_options(
            rp_id=rp_id,
            rp_name="wingthing",
            # Authenticators keep it: it must not tell who the user is (WebAuthn 14.6.1).
            user_id=hashlib.sha256(identity.user_id.encode()).digest(),
            user_name=identity.email or identity.name,
            user_display_name=identity.name,
            challenge=begun.challenge,
            timeout=PASSKEY_REGISTRATION_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in known],
            supported_pub_key_algs=ALGORITHMS,
        )
        return json(request, {"publicKey": options_to_json_dict(options)})

    @app.route("/app/passkey/register/finish", methods=["POST"])
    @logged_in
    async def finish(self, request: Request, identity: Identity) -> bytes:
        """Keep the one that the browser has made. Whatever comes of it, the challenge is spent."""
        made = body(request, Registration)
        label = _label(made.label or visit_of(request).agent or "Passkey")
        begun = self._begun.pop(identity.login, None)
        if begun is None or begun.until <= self._seconds():
            raise InvalidMessage("this took too long, or was done before: begin again")
        credential_id, public_key = self._checked(made, begun, header(request, "host") or "")
        passkey = Passkey(
            self._randomness(ID_BYTES).hex(),
            credential_id,
            public_key,
            label,
            ",".join(_transports(made.response.get("transports"))),
            self._seconds(),
        )
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "passkey registered", passkey.id),
            passkeys.add,
            identity.user_id,
            passkey,
        )
        await self._tell(identity, registered=True)
        return json(request, _told(passkey))

    @app.route("/app/passkey/<passkey_id>", methods=["PUT"])
    @logged_in
    async def rename(self, request: Request, identity: Identity, passkey_id: str) -> bytes:
        """Call one something else."""
        label = _label(body(request, Label).label)
        await self._database.write(passkeys.rename, identity.user_id, passkey_id, label)
        return json(request, {"ok": True, "label": label})

    @app.route("/app/passkey/<passkey_id>", methods=["DELETE"])
    @logged_in
    async def delete(self, request: Request, identity: Identity, passkey_id: str) -> bytes:
        """Forget one. A wing that has written it down takes it until its owner revokes it there."""
        await self._database.write(
            audit.recorded,
            self._entry(request, identity, "passkey deleted", passkey_id),
            passkeys.remove,
            identity.user_id,
            passkey_id,
        )
        await self._tell(identity, registered=False)
        request.setResponseCode(204)
        return b""

    # -- helpers ---------------------------------------------------------------------------------------------

    def _rp_id(self, request: Request) -> str:
        """The name of this server that a passkey is for: the public one, and where that is none (on a local
        server) the one that was asked for. Raises InvalidMessage where there is none."""
        asked = host_name(header(request, "host") or "") or ""
        public = self._guard.base_url
        name = hyperlink.parse(public).host.lower() if public is not None else ""
        if not name or _is_address(name):
            name = asked
        if _is_address(name):
            raise InvalidMessage(
                "a passkey is for a name, and this page was opened by an address: open it by its name, on "
                "this machine itself as localhost"
            )
        if asked != name:
            raise InvalidMessage(f"passkeys of this server are for {public}: open the page there")
        return name

    def _remember(self, login: str, begun: Begun) -> None:
        self._begun.pop(login, None)
        while len(self._begun) >= MAX_PASSKEY_REGISTRATIONS:
            del self._begun[next(iter(self._begun))]
        self._begun[login] = begun

    def _checked(self, made: Registration, begun: Begun, host: str) -> tuple[str, str]:
        """The credential's id (base64url) and public key (base64 of the raw bytes). Raises InvalidMessage."""
        try:
            client_data = parse_client_data_json(
                base64url_to_bytes(str(made.response.get("clientDataJSON", "")))
            )
            if client_data.cross_origin or not self._guard.origin_allowed(client_data.origin, host):
                raise InvalidMessage("the passkey was made on a page of another server")
            verified = webauthn.verify_registration_response(
                credential={
                    "id": made.id,
                    "rawId": made.raw_id,
                    "type": made.type,
                    "response": made.response,
                },
                expected_challenge=begun.challenge,
                expected_rp_id=begun.rp_id,
                expected_origin=client_data.origin,
                supported_pub_key_algs=ALGORITHMS,
            )
            key = decode_credential_public_key(verified.credential_public_key)
        except InvalidMessage:
            raise
        except WebAuthnException as why:
            raise InvalidMessage(f"the passkey was not accepted: {why}") from why
        except Exception as why:
            # The library lets through whatever damaged CBOR, base64 and keys make its own libraries raise.
            self.log.debug("a passkey was not accepted: {why!r}", why=why)
            raise InvalidMessage("the passkey was not accepted: what the browser sent is damaged") from why
        if not isinstance(key, DecodedEC2PublicKey) or key.crv != COSECRV.P256:
            raise InvalidMessage("the passkey was not accepted: its key is not on the curve P-256")
        public_key = raw_public_key(b64encode(key.x + key.y), what="the passkey's key")
        return bytes_to_base64url(verified.credential_id), public_key

    async def _tell(self, identity: Identity, *, registered: bool) -> None:
        keys = await self._database.read(passkeys.keys_of, identity.user_id)
        self._changed(
            PasskeysChanged(
                user_id=identity.user_id, email=identity.email, keys=list(keys), registered=registered
            )
        )

    def _entry(self, request: Request, identity: Identity, action: str, subject: str) -> audit.Draft:
        return audit.Draft(
            at=self._seconds(),
            user_id=identity.user_id,
            action=action,
            subject=subject,
            address=client_address(request),
        )


def _told(passkey: Passkey) -> dict[str, object]:
    return {
        "id": passkey.id,
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key,
        "label": passkey.label,
        "created_at": int(passkey.created_at),
    }


def _label(given: str) -> str:
    label = " ".join(given.split())
    if not label or len(label) > MAX_LABEL_CHARS:
        raise InvalidMessage(f"a label has 1 to {MAX_LABEL_CHARS} characters")
    if not is_plain(given.strip()):
        raise InvalidMessage("a label has no control characters, nor such as turn the text around")
    return label


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(name) for name in _transports(passkey.transports.split(","))]
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(passkey.credential_id), transports=transports or None
    )


def _transports(named: object) -> list[str]:
    """Those of some names that WebAuthn knows."""
    said = {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    return [known.value for known in AuthenticatorTransport if known.value in said]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
