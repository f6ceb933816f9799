"""The formats of keys: X25519 of wings and browsers (protocol.md section 5), P-256 of nodes (section 2)."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from wingthing.errors import InvalidMessage, OperatorError

X25519_BYTES = 32


def b64encode(raw: bytes) -> str:
    """Standard alphabet, with padding, as everywhere on the wire."""
    return base64.b64encode(raw).decode("ascii")


def b64decode(text: str | bytes, *, what: str = "value") -> bytes:
    """The inverse, strict. Raises InvalidMessage naming `what` when `text` is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as why:
        raise InvalidMessage(f"{what} is not valid base64") from why


# -- X25519 ------------------------------------------------------------------------------------------------


def new_wing_key() -> X25519PrivateKey:
    """A fresh key for a wing or a viewer."""
    return X25519PrivateKey.generate()


def dump_wing_key(key: X25519PrivateKey) -> str:
    """Base64 of the 32 private bytes: the content of the file `wing_key`."""
    return b64encode(key.private_bytes_raw())


def load_wing_key(text: str, *, source: str = "The file wing_key") -> X25519PrivateKey:
    """The key in the file `wing_key`. Raises OperatorError naming `source` when it is damaged."""
    try:
        return X25519PrivateKey.from_private_bytes(b64decode(text.strip(), what="the wing's key"))
    except (InvalidMessage, ValueError) as why:
        raise OperatorError(
            f"{source} is damaged: put the backup back, or delete it to make a new key "
            "(browsers will then warn that this machine's key has changed)."
        ) from why


def public_bytes(key: X25519PrivateKey) -> bytes:
    """The 32 public bytes of a private key."""
    return key.public_key().public_bytes_raw()


def public_text(key: X25519PrivateKey) -> str:
    """Base64 of the public key: `public_key`, `sender_pub` and `pub` on the wire."""
    return b64encode(public_bytes(key))


def load_public(text: str) -> X25519PublicKey:
    """A peer's public key from the wire. Raises InvalidMessage."""
    raw = b64decode(text, what="public_key")
    if len(raw) != X25519_BYTES:
        raise InvalidMessage(f"public_key has {len(raw)} bytes where {X25519_BYTES} belong")
    return X25519PublicKey.from_public_bytes(raw)


def fingerprint(public: str) -> str:
    """A public key (base64) as people compare it: eight groups of four hex digits of its SHA-256."""
    digest = hashlib.sha256(b64decode(public, what="public_key")).hexdigest()[:32]
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))


# -- P-256 -------------------------------------------------------------------------------------------------


def new_signing_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key to sign tokens with."""
    return ec.generate_private_key(ec.SECP256R1())


def dump_signing_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Base64 of the SEC1 DER: what `WT_JWT_KEY` holds and `wt keygen` prints."""
    return b64encode(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def dump_signing_public(key: ec.EllipticCurvePublicKey) -> str:
    """Base64 of the SPKI DER: `relay_pub_key` of `registered`."""
    return b64encode(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def load_signing_key(
    text: str, *, source: str, advice: str = "run 'wt keygen' and set it to the line that it prints"
) -> ec.EllipticCurvePrivateKey:
    """The key in `text` (base64 of SEC1 DER, or PEM).

    `source` names where it came from and `advice` what to do, for the sentence of the OperatorError that
    anything else raises.
    """
    text = text.strip()
    try:
        if text.startswith("-----BEGIN"):
            # A secret store often keeps the line breaks of a PEM as the two characters "\n".
            pem = text.replace("\\n", "\n").encode()
            key = serialization.load_pem_private_key(pem, password=None)
        else:
            key = serialization.load_der_private_key(base64.b64decode(text, validate=True), password=None)
    except (ValueError, TypeError, binascii.Error) as why:
        raise OperatorError(f"{source} does not hold a private key: {advice}.") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise OperatorError(f"{source} holds a key that is not on the curve P-256: {advice}.")
    return key
