"""The end-to-end encryption between a wing and a browser: protocol.md section 5. A node never calls this.

shared  = X25519(my_private, peer_public)
key     = HKDF-SHA256(shared, salt=32 zero bytes, info, 32)
message = base64(nonce[12] || AES-256-GCM(key, nonce, plaintext) || tag[16])
"""

from __future__ import annotations

import base64
import binascii
import gzip
import os
import zlib
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wingthing.crypto.keys import load_public
from wingthing.errors import DecryptionFailed, InvalidMessage

PTY = b"wt-pty"
TUNNEL = b"wt-tunnel"
PASSKEY = b"wt-passkey"
"""Ours: what lets somebody in while a wing is locked, so that it cannot be played back as input or output."""

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


def derive_key(private: X25519PrivateKey, peer_public: str, info: bytes) -> bytes:
    """The 32-byte key for one of the domains above with the peer whose public key (base64) is given.

    Raises InvalidMessage when the peer's key is malformed or a point of low order.
    """
    try:
        shared = private.exchange(load_public(peer_public))
    except ValueError as why:  # the all-zero shared secret, RFC 7748 section 6.1
        raise InvalidMessage("public_key is not a usable X25519 key") from why
    return HKDF(SHA256(), KEY_BYTES, salt=bytes(KEY_BYTES), info=info).derive(shared)


class Box:
    """Seals and opens messages under one key. `randomness(n)` gives n bytes; nonces are random."""

    __slots__ = ("_aead", "_randomness")

    def __init__(self, key: bytes, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._aead = AESGCM(key)
        self._randomness = randomness

    @classmethod
    def between(cls, private: X25519PrivateKey, peer_public: str, info: bytes) -> Box:
        """The box that `private` shares with the peer. Raises InvalidMessage as `derive_key` does."""
        return cls(derive_key(private, peer_public, info))

    def seal(self, plaintext: bytes) -> str:
        """The base64 message for `plaintext`."""
        nonce = self._randomness(NONCE_BYTES)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, plaintext, None)).decode("ascii")

    def open(self, message: str) -> bytes:
        """The plaintext of a base64 message.

        Raises DecryptionFailed when it is not base64, too short, made with another key, or altered.
        """
        try:
            raw = base64.b64decode(message, validate=True)
        except (binascii.Error, ValueError) as why:
            raise DecryptionFailed("the encrypted data is not valid base64") from why
        if len(raw) < NONCE_BYTES + TAG_BYTES:
            raise DecryptionFailed("the encrypted data is too short")
        try:
            return self._aead.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None)
        except InvalidTag as why:
            raise DecryptionFailed("the encrypted data does not fit this session's key") from why


def nonce_of(message: str) -> bytes:
    """The nonce of a base64 message that has been opened: no two that anybody seals have the same."""
    return base64.b64decode(message)[:NONCE_BYTES]


def compress(plaintext: bytes) -> bytes:
    """One complete gzip stream, for `pty.output` with `compressed: true`. Carries no time of its own."""
    return gzip.compress(plaintext, compresslevel=6, mtime=0)


def decompress(stream: bytes, *, most: int) -> bytes:
    """The inverse, of at most `most` bytes. Raises InvalidMessage on damage or a larger result."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        plaintext = inflater.decompress(stream, most + 1)
    except zlib.error as why:
        raise InvalidMessage("the compressed data is damaged") from why
    if len(plaintext) > most or not inflater.eof:
        raise InvalidMessage(f"the compressed data is incomplete or larger than {most} bytes")
    return plaintext
