"""Every form in which a key is stored or travels."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto import keys
from wingthing.errors import InvalidMessage, OperatorError

VECTOR: dict[str, str] = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["signing_key"]
DER = VECTOR["WT_JWT_KEY_sec1_der_base64"]
PEM = VECTOR["WT_JWT_KEY_pem"]
SPKI = VECTOR["relay_pub_key_spki_der_base64"]


def pem_of(key: Any, form: serialization.PrivateFormat, password: bytes | None = None) -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


class SigningKeyTests(TestCase):
    def same(self, text: str) -> None:
        key = keys.load_signing_key(text, source="WT_JWT_KEY")
        self.assertEqual(keys.dump_signing_public(key.public_key()), SPKI)
        self.assertEqual(keys.dump_signing_key(key), DER)

    def test_base64_of_sec1_der(self) -> None:
        self.same(DER)

    def test_pem(self) -> None:
        self.same(PEM)

    def test_pem_with_line_breaks_spelt_out(self) -> None:
        self.same(PEM.replace("\n", "\\n"))

    def test_white_space_around_it(self) -> None:
        self.same(f"\n  {DER}\n")
        self.same(f"\n{PEM}\n\n")
        self.same(PEM.replace("\n", "\r\n"))

    def test_pkcs8_pem_too(self) -> None:
        key = keys.load_signing_key(DER, source="x")
        self.same(pem_of(key, serialization.PrivateFormat.PKCS8))

    def test_a_new_key_is_another_one_and_comes_back(self) -> None:
        key = keys.new_signing_key()
        text = keys.dump_signing_key(key)
        self.assertNotEqual(text, DER)
        again = keys.load_signing_key(text, source="x")
        self.assertEqual(
            keys.dump_signing_public(again.public_key()), keys.dump_signing_public(key.public_key())
        )

    def refused(self, text: str) -> str:
        why = self.assertRaises(OperatorError, keys.load_signing_key, text, source="WT_JWT_KEY")
        self.assertEqual(why.exit_code, 2)
        self.assertIn("WT_JWT_KEY", str(why))
        self.assertIn("wt keygen", str(why))
        return str(why)

    def test_everything_else_is_one_sentence_that_does_not_repeat_the_key(self) -> None:
        other_pem = PEM.replace("EC PRIVATE", "RSA PRIVATE")
        cut = DER[: len(DER) // 2]
        for text in ("", "secret", "é", cut, DER[:-4] + "AAA=", SPKI, PEM[:60], other_pem, "AAAA", DER + "!"):
            sentence = self.refused(text)
            if text:
                self.assertNotIn(text, sentence)
            self.assertNotIn("\n", sentence)

    def test_keys_of_another_kind(self) -> None:
        for key in (
            ec.generate_private_key(ec.SECP384R1()),
            ed25519.Ed25519PrivateKey.generate(),
            rsa.generate_private_key(65537, 1024),
        ):
            self.assertIn("P-256", self.refused(pem_of(key, serialization.PrivateFormat.PKCS8)))

    def test_a_key_behind_a_password(self) -> None:
        self.refused(pem_of(keys.new_signing_key(), serialization.PrivateFormat.PKCS8, b"password"))

    @given(st.text(max_size=100))
    def test_any_text_is_refused(self, text: str) -> None:
        self.assertRaises(OperatorError, keys.load_signing_key, text, source="x")


class WingKeyTests(TestCase):
    def test_it_is_base64_of_32_bytes_and_comes_back(self) -> None:
        key = keys.new_wing_key()
        text = keys.dump_wing_key(key)
        self.assertEqual(len(base64.b64decode(text)), 32)
        self.assertEqual(keys.public_text(keys.load_wing_key(text + "\n")), keys.public_text(key))
        self.assertNotEqual(keys.public_text(keys.new_wing_key()), keys.public_text(key))

    def test_a_damaged_file_is_one_sentence(self) -> None:
        good = keys.dump_wing_key(keys.new_wing_key())
        for text in ("", "\n", good[:-1], good[4:], good * 2, "é", "*" * 44, "A" * 40 + "===="):
            why = self.assertRaises(OperatorError, keys.load_wing_key, text)
            self.assertIn("wing_key", str(why))


class PublicTextTests(TestCase):
    def test_the_fingerprint_is_of_the_raw_key(self) -> None:
        public = keys.public_text(keys.new_wing_key())
        digest = hashlib.sha256(base64.b64decode(public)).hexdigest()
        shown = keys.fingerprint(public)
        self.assertEqual(shown.replace(" ", ""), digest[:32])
        self.assertEqual([len(group) for group in shown.split(" ")], [4] * 8)

    def test_what_is_no_key_has_no_fingerprint(self) -> None:
        self.assertRaises(InvalidMessage, keys.fingerprint, "*")

    @given(st.binary(max_size=100))
    def test_base64_round_trip(self, raw: bytes) -> None:
        self.assertEqual(keys.b64decode(keys.b64encode(raw)), raw)

    @given(st.text(max_size=50) | st.binary(max_size=50))
    def test_base64_is_decoded_or_named(self, text: str | bytes) -> None:
        try:
            keys.b64decode(text, what="the_field")
        except InvalidMessage as why:
            self.assertIn("the_field", str(why))
