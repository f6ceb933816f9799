"""The box against tests/vectors.json, and against whoever changes a byte of it."""

from __future__ import annotations

import base64
import gzip
import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto import box, keys
from wingthing.crypto.box import PTY, TUNNEL, Box
from wingthing.errors import DecryptionFailed, InvalidMessage

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())
KEY = bytes(range(32))

LOW_ORDER_POINTS = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
"""Those of Curve25519: with them every private key gives the same shared secret, all zeros."""


def fixed(nonce_hex: str) -> Any:
    nonce = bytes.fromhex(nonce_hex)

    def randomness(size: int) -> bytes:
        assert size == len(nonce)
        return nonce

    return randomness


class VectorTests(TestCase):
    def setUp(self) -> None:
        self.wing = keys.load_wing_key(VECTORS["wing"]["private"])
        self.browser = keys.load_wing_key(VECTORS["browser"]["private"])

    def test_public_keys(self) -> None:
        self.assertEqual(keys.public_text(self.wing), VECTORS["wing"]["public"])
        self.assertEqual(keys.public_text(self.browser), VECTORS["browser"]["public"])

    def test_the_shared_secret(self) -> None:
        shared = self.wing.exchange(keys.load_public(VECTORS["browser"]["public"]))
        self.assertEqual(shared.hex(), VECTORS["shared_secret_hex"])

    def test_both_sides_derive_the_key_of_each_domain(self) -> None:
        self.assertEqual({domain["info"].encode() for domain in VECTORS["domains"]}, {PTY, TUNNEL})
        for domain in VECTORS["domains"]:
            info = domain["info"].encode()
            for private, peer in ((self.wing, "browser"), (self.browser, "wing")):
                derived = box.derive_key(private, VECTORS[peer]["public"], info)
                self.assertEqual(derived.hex(), domain["key_hex"])

    def test_every_message_is_sealed_to_the_byte_and_opened(self) -> None:
        count = 0
        for domain in VECTORS["domains"]:
            for vector in domain["messages"]:
                key = bytes.fromhex(domain["key_hex"])
                plaintext = base64.b64decode(vector["plaintext"])
                sealer = Box(key, randomness=fixed(vector["nonce_hex"]))
                self.assertEqual(sealer.seal(plaintext), vector["message"])
                opener = Box.between(self.browser, VECTORS["wing"]["public"], domain["info"].encode())
                self.assertEqual(opener.open(vector["message"]), plaintext)
                count += 1
        self.assertEqual(count, 8)

    def test_the_compressed_message(self) -> None:
        vector = VECTORS["compressed"]
        opener = Box.between(self.browser, VECTORS["wing"]["public"], vector["info"].encode())
        stream = opener.open(vector["message"])
        self.assertEqual(box.decompress(stream, most=1 << 20), base64.b64decode(vector["plaintext"]))


class BoxTests(TestCase):
    def test_a_domain_does_not_open_what_the_other_sealed(self) -> None:
        wing, browser = keys.new_wing_key(), keys.new_wing_key()
        sealed = Box.between(wing, keys.public_text(browser), PTY).seal(b"ls")
        self.assertRaises(DecryptionFailed, Box.between(browser, keys.public_text(wing), TUNNEL).open, sealed)
        self.assertEqual(Box.between(browser, keys.public_text(wing), PTY).open(sealed), b"ls")

    def test_a_third_key_opens_nothing(self) -> None:
        wing, browser, other = keys.new_wing_key(), keys.new_wing_key(), keys.new_wing_key()
        sealed = Box.between(wing, keys.public_text(browser), PTY).seal(b"ls")
        for peer in (wing, browser):
            stranger = Box.between(other, keys.public_text(peer), PTY)
            self.assertRaises(DecryptionFailed, stranger.open, sealed)

    def test_the_same_plaintext_is_never_sealed_alike(self) -> None:
        sealer = Box(KEY)
        self.assertEqual(len({sealer.seal(b"y\r\n") for _ in range(1000)}), 1000)

    @given(st.binary(max_size=300))
    def test_round_trip(self, plaintext: bytes) -> None:
        sealed = Box(KEY).seal(plaintext)
        self.assertEqual(len(base64.b64decode(sealed)), len(plaintext) + box.NONCE_BYTES + box.TAG_BYTES)
        self.assertEqual(Box(KEY).open(sealed), plaintext)

    def test_damage_of_any_bit_is_noticed(self) -> None:
        opener = Box(KEY)
        raw = base64.b64decode(opener.seal(b"rm -rf build"))
        for at in range(len(raw)):
            for bit in range(8):
                changed = raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]
                self.assertRaises(DecryptionFailed, opener.open, base64.b64encode(changed).decode())

    def test_a_message_cut_anywhere_is_noticed(self) -> None:
        opener = Box(KEY)
        raw = base64.b64decode(opener.seal(b"rm -rf build"))
        for length in range(len(raw)):
            self.assertRaises(DecryptionFailed, opener.open, base64.b64encode(raw[:length]).decode())
        self.assertRaises(DecryptionFailed, opener.open, base64.b64encode(raw + b"\0").decode())

    @given(st.text(max_size=120))
    def test_any_text_is_opened_or_refused(self, message: str) -> None:
        self.assertRaises(DecryptionFailed, Box(KEY).open, message)

    def test_base64_is_strict(self) -> None:
        sealed = Box(KEY).seal(b"12345678")
        for bad in (
            sealed + "\n",
            " " + sealed,
            sealed.rstrip("=") + "*",
            sealed.replace("=", ""),
            "é",
            sealed[1:],
        ):
            if bad != sealed:
                self.assertRaises(DecryptionFailed, Box(KEY).open, bad)
        url_safe = base64.urlsafe_b64encode(bytes([0xFB]) * 40).decode()
        self.assertRaises(DecryptionFailed, Box(KEY).open, url_safe)


class PublicKeyTests(TestCase):
    def test_points_of_low_order_are_refused(self) -> None:
        private = keys.new_wing_key()
        for point in LOW_ORDER_POINTS:
            for high_bit in (0, 0x80):
                raw = bytearray.fromhex(point)
                raw[31] |= high_bit
                self.assertRaises(
                    InvalidMessage, box.derive_key, private, base64.b64encode(raw).decode(), PTY
                )

    def test_wrong_sizes_and_what_is_not_base64(self) -> None:
        private = keys.new_wing_key()
        for size in (0, 1, 31, 33, 64):
            text = base64.b64encode(os.urandom(size)).decode()
            self.assertRaises(InvalidMessage, box.derive_key, private, text, PTY)
        for text in ("", "not base64!", "é" * 44, "=" * 44, keys.public_text(private) + "\n"):
            self.assertRaises(InvalidMessage, box.derive_key, private, text, PTY)


class CompressionTests(TestCase):
    def test_it_is_one_complete_gzip_stream_without_a_time(self) -> None:
        stream = box.compress(b"screen" * 100)
        self.assertEqual(gzip.decompress(stream), b"screen" * 100)
        self.assertEqual(stream[4:8], b"\0\0\0\0")
        self.assertEqual(box.compress(b"screen" * 100), stream)

    @given(st.binary(max_size=2000))
    def test_round_trip(self, plaintext: bytes) -> None:
        self.assertEqual(box.decompress(box.compress(plaintext), most=2000), plaintext)

    def test_what_is_too_large_is_refused_before_it_is_held(self) -> None:
        bomb = box.compress(bytes(10_000_000))
        self.assertLess(len(bomb), 20_000)
        self.assertRaises(InvalidMessage, box.decompress, bomb, most=9_999_999)
        self.assertEqual(len(box.decompress(bomb, most=10_000_000)), 10_000_000)

    def test_a_stream_cut_anywhere_is_refused(self) -> None:
        stream = box.compress(b"the screen as it was")
        for length in range(len(stream)):
            self.assertRaises(InvalidMessage, box.decompress, stream[:length], most=1000)

    def test_damage_is_refused(self) -> None:
        for stream in (b"", b"plain", b"\x1f\x8b", box.compress(b"x" * 50)[:-8] + bytes(8)):
            self.assertRaises(InvalidMessage, box.decompress, stream, most=1000)
