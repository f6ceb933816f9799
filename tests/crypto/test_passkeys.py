"""What a wing checks of a passkey: a fixed example, and whoever changes a bit of it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.authenticator import Authenticator, base64url
from wingthing.crypto import passkeys
from wingthing.crypto.keys import b64decode
from wingthing.crypto.passkeys import Assertion, Proof
from wingthing.errors import InvalidMessage, NotAuthenticated

CHALLENGE = bytes(range(32))
AUTHENTICATOR = Authenticator()


def check(made: dict[str, bytes], challenge: bytes = CHALLENGE, *keys: str) -> Proof:
    return passkeys.check(Assertion(**made), challenge=challenge, keys=keys or [AUTHENTICATOR.key])


class FixedTests(TestCase):
    """An assertion that another implementation could be tried on: the key of RFC 6979 A.2.5."""

    KEY = base64.b64encode(
        bytes.fromhex(
            "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
            "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
        )
    ).decode()
    CLIENT_DATA = (
        b'{"type":"webauthn.get","challenge":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",'
        b'"origin":"https://wings.example.org","crossOrigin":false}'
    )
    DATA = hashlib.sha256(b"wings.example.org").digest() + b"\x05" + bytes(4)

    SIGNATURE = bytes.fromhex(
        "3046022100a238b65c5e521300e9d54f48e8b94ca7f21912ff0608bdf87563a288e6e165"
        "18022100b12c5c791ee317f2d2de4550e2e8e7e7a4e43d8adfd50f74077a28171fb40393"
    )

    def test_it_is_accepted(self) -> None:
        made = {
            "authenticator_data": self.DATA,
            "client_data_json": self.CLIENT_DATA,
            "signature": self.SIGNATURE,
        }
        self.assertEqual(check(made, CHALLENGE, self.KEY), Proof(self.KEY, "https://wings.example.org"))
        self.assertEqual(passkeys.challenge_of(Assertion(**made)), CHALLENGE)


class CheckTests(TestCase):
    def refused(self, made: dict[str, bytes], *keys: str, challenge: bytes = CHALLENGE) -> str:
        why = self.assertRaises(NotAuthenticated, check, made, challenge, *keys)
        self.assertTrue(str(why).startswith("the passkey was not accepted: "))
        return str(why)

    def test_the_one_of_several_keys_that_it_was_made_with(self) -> None:
        other = Authenticator()
        proof = check(AUTHENTICATOR.get(CHALLENGE), CHALLENGE, other.key, "damaged", AUTHENTICATOR.key)
        self.assertEqual(proof, Proof(AUTHENTICATOR.key, "http://localhost:8080"))

    def test_somebody_elses_key(self) -> None:
        self.refused(AUTHENTICATOR.get(CHALLENGE), Authenticator().key)
        self.assertRaises(
            NotAuthenticated,
            passkeys.check,
            Assertion(**AUTHENTICATOR.get(CHALLENGE)),
            challenge=CHALLENGE,
            keys=[],
        )

    def test_another_challenge(self) -> None:
        for challenge in (bytes(32), b"", CHALLENGE[:-1], CHALLENGE + b"\0"):
            self.assertIn("another question", self.refused(AUTHENTICATOR.get(challenge)))

    def test_an_answer_of_another_kind(self) -> None:
        for kind in ("webauthn.create", "payment.get", "", None, 5):
            self.assertIn("to get in", self.refused(AUTHENTICATOR.get(CHALLENGE, type=kind)))

    def test_a_page_inside_another_page(self) -> None:
        self.refused(AUTHENTICATOR.get(CHALLENGE, crossOrigin=True))

    def test_nobody_was_there(self) -> None:
        for flags in (0, 0x04, 0xFE & ~0xC0):
            self.assertIn("nobody", self.refused(AUTHENTICATOR.get(CHALLENGE, flags=flags)))

    def test_truncated_and_prolonged_data(self) -> None:
        good = AUTHENTICATOR.get(CHALLENGE)
        data = good["authenticator_data"]
        for length in range(len(data)):
            self.refused(AUTHENTICATOR.sign(data[:length], good["client_data_json"]))
        self.refused(AUTHENTICATOR.sign(data + b"\0", good["client_data_json"]))
        with_extensions = data[:32] + b"\x81" + data[33:] + b"\xa0"
        check(AUTHENTICATOR.sign(with_extensions, good["client_data_json"]))

    def test_client_data_that_is_none(self) -> None:
        data = AUTHENTICATOR.get(CHALLENGE)["authenticator_data"]
        for said in (b"", b"[]", b"null", b"\xff", b"[" * 5000, b'{"type":"webauthn.get"}'):
            self.refused(AUTHENTICATOR.sign(data, said))
        said = json.dumps({"type": "webauthn.get", "challenge": "!"}).encode()
        self.refused(AUTHENTICATOR.sign(data, said))
        long = json.dumps({"type": "webauthn.get", "challenge": base64url(CHALLENGE), "x": "y" * 9000})
        self.assertIn("too long", self.refused(AUTHENTICATOR.sign(data, long.encode())))

    def test_without_an_origin(self) -> None:
        for origin in (None, 5):
            self.assertEqual(check(AUTHENTICATOR.get(CHALLENGE, origin=origin)).origin, "")

    @given(st.sampled_from(["authenticator_data", "client_data_json", "signature"]), st.data())
    def test_no_bit_can_be_flipped(self, part: str, data: st.DataObject) -> None:
        made = dict(MADE)
        bit = data.draw(st.integers(0, len(made[part]) * 8 - 1))
        changed = bytearray(made[part])
        changed[bit // 8] ^= 1 << bit % 8
        made[part] = bytes(changed)
        self.refused(made)

    @given(st.integers(0, 64 * 8 - 1))
    def test_nor_one_of_the_key(self, bit: int) -> None:
        key = bytearray(base64.b64decode(AUTHENTICATOR.key))
        key[bit // 8] ^= 1 << bit % 8
        self.refused(MADE, base64.b64encode(key).decode())

    @given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
    def test_nonsense(self, data: bytes, said: bytes, signature: bytes) -> None:
        self.refused({"authenticator_data": data, "client_data_json": said, "signature": signature})


MADE = AUTHENTICATOR.get(CHALLENGE)


class FormTests(TestCase):
    def test_a_key_raw_and_as_browsers_give_it(self) -> None:
        spki = AUTHENTICATOR.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        for raw in (AUTHENTICATOR.x + AUTHENTICATOR.y, spki):
            for text in (base64.b64encode(raw).decode(), base64url(raw)):
                self.assertEqual(passkeys.raw_public_key(text), AUTHENTICATOR.key)

    def test_what_is_no_key(self) -> None:
        other_curve = ec.generate_private_key(ec.SECP384R1()).public_key()
        spki = other_curve.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for raw in (b"", bytes(64), b"\xff" * 64, bytes(65), spki, bytes(91)):
            why = self.assertRaises(
                InvalidMessage, passkeys.raw_public_key, base64.b64encode(raw).decode(), what="it"
            )
            self.assertTrue(str(why).startswith("it is not"))
        self.assertRaises(InvalidMessage, passkeys.raw_public_key, "no base64!")

    @given(st.binary(max_size=80))
    def test_base64_of_either_alphabet(self, raw: bytes) -> None:
        text = passkeys.to_base64url(raw)
        self.assertEqual(text, base64url(raw))
        for coded in (text, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
            self.assertEqual(passkeys.from_base64(coded, what="it"), raw)

    def test_what_a_challenge_is_bound_to(self) -> None:
        parts: dict[str, Any] = {
            "nonce": b"n" * 32,
            "browser_public": b"b" * 32,
            "wing_public": b"w" * 32,
            "session_id": "0123abcd",
        }
        challenge = passkeys.bound_challenge(**parts)
        expected = hashlib.sha256(b"wt-passkey\0" + b"n" * 32 + b"b" * 32 + b"w" * 32 + b"0123abcd").digest()
        self.assertEqual(challenge, expected)
        for name, other in (
            ("nonce", b"N" * 32),
            ("browser_public", b"B" * 32),
            ("wing_public", b"W" * 32),
            ("session_id", "0123abce"),
        ):
            self.assertNotEqual(passkeys.bound_challenge(**parts | {name: other}), challenge)

    def test_what_one_through_the_tunnel_is_bound_to(self) -> None:
        parts = [b"n" * 32, b"b" * 32, b"w" * 32]
        challenge = passkeys.tunnel_challenge(*parts)
        self.assertEqual(challenge, hashlib.sha256(b"wt-passkey-tunnel\0" + b"".join(parts)).digest())
        for place in range(3):
            other = [b"x" * 32 if place == at else part for at, part in enumerate(parts)]
            self.assertNotEqual(passkeys.tunnel_challenge(*other), challenge)
        # A node chooses the ids of terminals.
        for session_id in ("", "tunnel", "-tunnel", "-tunnel\0"):
            self.assertNotEqual(passkeys.bound_challenge(*parts, session_id), challenge)

    def test_challenges_against_the_vectors(self) -> None:
        vectors = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())
        known = vectors["passkey_challenges"]
        parts = (
            passkeys.from_base64(known["nonce"], what="nonce"),
            b64decode(vectors["browser"]["public"]),
            b64decode(vectors["wing"]["public"]),
        )
        terminal = passkeys.bound_challenge(*parts, known["session_id"])
        self.assertEqual(passkeys.to_base64url(terminal), known["terminal"])
        self.assertEqual(passkeys.to_base64url(passkeys.tunnel_challenge(*parts)), known["tunnel"])
