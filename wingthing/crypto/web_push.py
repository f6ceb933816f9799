"""Web Push: the payload is encrypted for one browser (RFC 8291), the request names this server (RFC 8292)."""

from __future__ import annotations

import base64
import binascii
import os

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wingthing.errors import InvalidMessage

POINT_BYTES = 65
AUTH_BYTES = 16
SALT_BYTES = 16
RECORD_BYTES = 4096
"""The size of a record that is announced; a push has one, which is not full."""

LAST_RECORD = b"\x02"
"""What ends the text of the last record (RFC 8188 section 2)."""

MAX_PAYLOAD_BYTES = 3993
"""What every push service takes (RFC 8291 section 4): 4096 less the header, the padding and the tag."""


@attrs.frozen
class BrowserKeys:
    """A browser's public key as an uncompressed point, and the secret that only it and this server know."""

    p256dh: bytes
    auth: bytes = attrs.field(repr=False)


def browser_keys(p256dh: str, auth: str) -> BrowserKeys:
    """The keys of a subscription, base64url as a browser gives them. Raises InvalidMessage."""
    keys = BrowserKeys(from_base64url(p256dh, "keys.p256dh"), from_base64url(auth, "keys.auth"))
    if len(keys.auth) != AUTH_BYTES:
        raise InvalidMessage(f"keys.auth has {AUTH_BYTES} bytes")
    try:
        if len(keys.p256dh) != POINT_BYTES:
            raise ValueError(len(keys.p256dh))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.p256dh)
    except ValueError as why:
        raise InvalidMessage("keys.p256dh is no P-256 public key") from why
    return keys


def encrypt(payload: bytes, keys: BrowserKeys) -> bytes:
    """The body of a push: `aes128gcm` with a key made for this message. Raises InvalidMessage when it is too
    long."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidMessage("the notification is too long")
    return sealed(payload, keys, ec.generate_private_key(ec.SECP256R1()), os.urandom(SALT_BYTES))


def sealed(payload: bytes, keys: BrowserKeys, private: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """`encrypt` with a given key and salt, neither of which may be used twice (RFC 8291 section 3.4, RFC 8188
    section 2)."""
    ours = _point(private)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.p256dh)
    shared = private.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, keys.auth, b"WebPush: info\0" + keys.p256dh + ours, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, payload + LAST_RECORD, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=salt, info=info).derive(secret)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def application_key(key: ec.EllipticCurvePrivateKey) -> str:
    """The server's public key as a browser subscribes with it: base64url of the uncompressed point."""
    return base64url(_point(key))


def authorization(
    key: ec.EllipticCurvePrivateKey, *, origin: str, contact: str, now: float, lifetime: int
) -> str:
    """The `Authorization` of a push to the service at `origin`; `contact` is an https URL, or empty."""
    claims: dict[str, object] = {"aud": origin, "exp": int(now) + lifetime}
    if contact:
        claims["sub"] = contact
    token = jwt.encode(claims, key, algorithm="ES256")
    return f"vapid t={token}, k={application_key(key)}"


def base64url(raw: bytes) -> str:
    """Without padding (RFC 7515 appendix C)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str, what: str) -> bytes:
    """The inverse; padding is allowed. Raises InvalidMessage naming `what`."""
    bare = text.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as why:
        raise InvalidMessage(f"{what} is not valid base64url") from why
    return raw
