"""What a wing checks of a browser's passkey: protocol.md section 5, WebAuthn Level 3 section 7.2.

Only ES256: a key is the 64 raw bytes X||Y of a point on P-256. `rpIdHash` is not compared with anything: an
authenticator makes a key of its own for each server's name, so the key says already which one it is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from wingthing.crypto.keys import b64encode
from wingthing.errors import InvalidMessage, NotAuthenticated

RAW_KEY_BYTES: Final = 64
NONCE_BYTES: Final = 32
RP_ID_HASH_BYTES: Final = 32
HEAD_BYTES: Final = RP_ID_HASH_BYTES + 1 + 4
"""The hash of the server's name, the flags, and the signature counter."""

USER_PRESENT: Final = 0x01
MORE_FOLLOWS: Final = 0x40 | 0x80
"""Attested credential data, or extensions, stand after the head."""

MAX_CLIENT_DATA_BYTES: Final = 8 * 1024
BOUND: Final = b"wt-passkey\0"
BOUND_IN_TUNNEL: Final = b"wt-passkey-tunnel\0"
"""What two kinds of challenges begin with, so that neither can be taken for the other."""


class Assertion(msgspec.Struct, frozen=True):
    """What an authenticator has made, as bytes."""

    authenticator_data: bytes
    client_data_json: bytes
    signature: bytes


class Proof(msgspec.Struct, frozen=True):
    """An assertion that is right: by which key (base64), and on which page it was made."""

    key: str
    origin: str


def check(assertion: Assertion, *, challenge: bytes, keys: Iterable[str]) -> Proof:
    """The proof that somebody with one of `keys` (base64 of raw public keys) has answered `challenge` now.

    Raises NotAuthenticated with the reason.
    """
    client_data = _client_data(assertion.client_data_json)
    if not hmac.compare_digest(_challenge_of(client_data), challenge):
        raise refused("it answers another question")
    _check_authenticator_data(assertion.authenticator_data)
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data_json).digest()
    for key in keys:
        try:
            _public_key(key).verify(assertion.signature, signed, ec.ECDSA(SHA256()))
        except (InvalidSignature, InvalidMessage):
            continue
        origin = client_data.get("origin")
        return Proof(key, origin if isinstance(origin, str) else "")
    raise refused("it is none of the passkeys that count here")


def challenge_of(assertion: Assertion) -> bytes:
    """The challenge that an assertion says it answers. Raises NotAuthenticated."""
    return _challenge_of(_client_data(assertion.client_data_json))


def bound_challenge(nonce: bytes, browser_public: bytes, wing_public: bytes, session_id: str) -> bytes:
    """A challenge that is for one terminal, one wing and one browser's key: who is asked to sign it can tell.

    Otherwise a node could pass on the question that it was asked in a session of its own, and a wing the
    question of another wing.
    """
    return hashlib.sha256(BOUND + nonce + browser_public + wing_public + session_id.encode()).digest()


def tunnel_challenge(nonce: bytes, browser_public: bytes, wing_public: bytes) -> bytes:
    """The same for a question that was asked through the tunnel."""
    return hashlib.sha256(BOUND_IN_TUNNEL + nonce + browser_public + wing_public).digest()


def raw_public_key(text: str, *, what: str = "key") -> str:
    """A public key as base64 of its 64 raw bytes; given so, or as base64 of the SPKI DER that browsers give.

    Raises InvalidMessage naming `what`.
    """
    raw = from_base64(text, what=what)
    if len(raw) != RAW_KEY_BYTES:
        try:
            key = load_der_public_key(raw)
        except Exception as why:  # The library has no bound on what it raises for a damaged key.
            raise InvalidMessage(f"{what} is not a passkey's public key in base64") from why
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InvalidMessage(f"{what} is not a key on the curve P-256")
        numbers = key.public_numbers()
        raw = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    encoded = b64encode(raw)
    _public_key(encoded, what=what)
    return encoded


def from_base64(text: str, *, what: str) -> bytes:
    """Bytes from base64 of either alphabet, padded or not. Raises InvalidMessage naming `what`."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as why:
        raise InvalidMessage(f"{what} is not valid base64") from why


def to_base64url(raw: bytes) -> str:
    """base64url without padding, as in all of WebAuthn."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def refused(why: str) -> NotAuthenticated:
    """The error that tells somebody why their passkey does not count."""
    return NotAuthenticated(f"the passkey was not accepted: {why}")


def _client_data(said: bytes) -> dict[str, Any]:
    if len(said) > MAX_CLIENT_DATA_BYTES:
        raise refused("what the browser has signed is too long")
    try:
        client_data = msgspec.json.decode(said, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise refused("what the browser has signed is damaged") from why
    if client_data.get("type") != "webauthn.get":
        raise refused("it was not made to get in")
    if client_data.get("crossOrigin") is True:
        raise refused("the page was inside a page of somebody else")
    return client_data


def _challenge_of(client_data: dict[str, Any]) -> bytes:
    said = client_data.get("challenge")
    if not isinstance(said, str):
        raise refused("what the browser has signed is damaged")
    try:
        return from_base64(said, what="challenge")
    except InvalidMessage as why:
        raise refused("what the browser has signed is damaged") from why


def _check_authenticator_data(data: bytes) -> None:
    if len(data) < HEAD_BYTES:
        raise refused("what the authenticator says is too short")
    flags = data[RP_ID_HASH_BYTES]
    if not flags & USER_PRESENT:
        raise refused("nobody was there")
    if len(data) > HEAD_BYTES and not flags & MORE_FOLLOWS:
        raise refused("what the authenticator says is too long")


def _public_key(text: str, *, what: str = "key") -> ec.EllipticCurvePublicKey:
    raw = from_base64(text, what=what)
    if len(raw) != RAW_KEY_BYTES:
        raise InvalidMessage(f"{what} is not {RAW_KEY_BYTES} bytes in base64")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError as why:
        raise InvalidMessage(f"{what} is not a point on the curve P-256") from why
