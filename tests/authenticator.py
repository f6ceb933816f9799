"""An authenticator in software: what a browser and a security key make together, from WebAuthn's text alone.

It shares no code with the package, and can also make what no real one would.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT = 0x01
VERIFIED = 0x04
ATTESTED = 0x40


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One passkey, for the server that is called `rp_id`."""

    def __init__(self, rp_id: str = "localhost", origin: str = "http://localhost:8080") -> None:
        self.rp_id = rp_id
        self.origin = origin
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(16)
        numbers = self.private.public_key().public_numbers()
        self.x, self.y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")

    @property
    def key(self) -> str:
        """base64 of the 64 raw bytes."""
        return base64.b64encode(self.x + self.y).decode()

    def get(self, challenge: bytes, *, flags: int = PRESENT, **client: Any) -> dict[str, bytes]:
        """What `navigator.credentials.get` makes: `client` replaces fields of the client data."""
        said = {
            "type": "webauthn.get",
            "challenge": base64url(challenge),
            "origin": self.origin,
            "crossOrigin": False,
        }
        client_data = json.dumps(said | client).encode()
        data = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + bytes(4)
        return self.sign(data, client_data)

    def sign(self, data: bytes, client_data: bytes) -> dict[str, bytes]:
        signed = data + hashlib.sha256(client_data).digest()
        return {
            "authenticator_data": data,
            "client_data_json": client_data,
            "signature": self.private.sign(signed, ec.ECDSA(SHA256())),
        }

    def shows(self, challenge: str, **options: Any) -> dict[str, str]:
        """The fields of `passkey.response` and `passkey.auth` for a challenge in base64url."""
        made = self.get(from_base64url(challenge), **options)
        coded = {name: base64.b64encode(value).decode() for name, value in made.items()}
        return {"credential_id": base64url(self.credential_id), **coded}

    def create(self, options: dict[str, Any], **client: Any) -> dict[str, Any]:
        """RegistrationResponseJSON for the `publicKey` of `register/begin`, without an attestation."""
        said = {
            "type": "webauthn.create",
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        client_data = json.dumps(said | client).encode()
        return self.registration(client_data, self.attested(self.cose()))

    def cose(self) -> dict[int, Any]:
        """The public key as COSE has it: EC2, ES256, P-256."""
        return {1: 2, 3: -7, -1: 1, -2: self.x, -3: self.y}

    def attested(self, cose: dict[int, Any], *, flags: int = PRESENT | VERIFIED | ATTESTED) -> bytes:
        """The authenticator data of a registration."""
        return (
            hashlib.sha256(self.rp_id.encode()).digest()
            + bytes([flags])
            + bytes(4)
            + bytes(16)
            + len(self.credential_id).to_bytes(2, "big")
            + self.credential_id
            + cbor2.dumps(cose)
        )

    def registration(self, client_data: bytes, data: bytes) -> dict[str, Any]:
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return {
            "id": base64url(self.credential_id),
            "rawId": base64url(self.credential_id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(client_data),
                "attestationObject": base64url(attestation),
                "transports": ["internal", "unheard-of"],
            },
        }
