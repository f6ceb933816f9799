"""Web Push: only that browser can read it, and it names this server and no other."""

from __future__ import annotations

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.web_push import (
    MAX_PAYLOAD_BYTES,
    application_key,
    authorization,
    base64url,
    browser_keys,
    encrypt,
    from_base64url,
    sealed,
)
from wingthing.errors import InvalidMessage

NOW = 1_800_000_000.0

# The example of RFC 8291 section 5 and appendix A.
RFC_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
RFC_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
RFC_SERVER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RFC_SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RFC_TEXT = b"When I grow up, I want to be a watermelon"
RFC_MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


class Browser:
    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"0123456789abcdef"
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.keys = browser_keys(base64url(point), base64url(self.auth))

    def read(self, body: bytes) -> bytes:
        plain: bytes = http_ece.decrypt(
            body, private_key=self.private, auth_secret=self.auth, version="aes128gcm"
        )
        return plain


class EncryptionTests(TestCase):
    def setUp(self) -> None:
        self.browser = Browser()

    def test_the_example_of_the_rfc(self) -> None:
        number = int.from_bytes(from_base64url(RFC_SERVER, "x"), "big")
        private = ec.derive_private_key(number, ec.SECP256R1())
        body = sealed(RFC_TEXT, browser_keys(RFC_PUBLIC, RFC_AUTH), private, from_base64url(RFC_SALT, "x"))
        self.assertEqual(base64url(body), RFC_MESSAGE)

    @settings(max_examples=25, deadline=None)
    @given(st.binary(max_size=MAX_PAYLOAD_BYTES))
    def test_what_is_written_is_what_the_browser_reads(self, payload: bytes) -> None:
        browser = Browser()
        body = encrypt(payload, browser.keys)
        self.assertEqual(browser.read(body), payload)
        self.assertLessEqual(len(body), 4096)

    def test_twice_the_same_is_not_the_same(self) -> None:
        self.assertNotEqual(encrypt(b"x", self.browser.keys)[:86], encrypt(b"x", self.browser.keys)[:86])

    def test_another_browser_reads_nothing(self) -> None:
        body = encrypt(b"x", self.browser.keys)
        self.assertRaises(http_ece.ECEException, Browser().read, body)
        self.browser.auth = b"x" * 16
        self.assertRaises(http_ece.ECEException, self.browser.read, body)

    def test_longer_than_services_take(self) -> None:
        self.assertRaises(InvalidMessage, encrypt, b"x" * (MAX_PAYLOAD_BYTES + 1), self.browser.keys)


class KeysTests(TestCase):
    def test_what_is_no_key(self) -> None:
        point = from_base64url(RFC_PUBLIC, "x")
        for p256dh, auth in (
            ("", RFC_AUTH),
            ("!", RFC_AUTH),
            (RFC_PUBLIC[:-4], RFC_AUTH),
            (base64url(b"\x05" + point[1:]), RFC_AUTH),
            (base64url(point[:-1] + bytes([point[-1] ^ 1])), RFC_AUTH),
            (base64url(b"\x04" + bytes(64)), RFC_AUTH),
            (base64url(point[:33]), RFC_AUTH),
            (RFC_PUBLIC, ""),
            (RFC_PUBLIC, RFC_AUTH[:-3]),
            (RFC_PUBLIC, RFC_AUTH + "AAAA"),
            (RFC_PUBLIC, "ä"),
        ):
            self.assertRaises(InvalidMessage, browser_keys, p256dh, auth)

    def test_padding_is_no_mistake(self) -> None:
        self.assertEqual(browser_keys(RFC_PUBLIC + "=", RFC_AUTH + "=="), browser_keys(RFC_PUBLIC, RFC_AUTH))


class VapidTests(TestCase):
    def test_who_sends_for_how_long_to_whom(self) -> None:
        key = new_signing_key()
        said = authorization(
            key, origin="https://push.example", contact="https://wt.example", now=NOW, lifetime=3600
        )
        scheme, _, words = said.partition(" ")
        fields = dict(word.strip().split("=", 1) for word in words.split(","))
        self.assertEqual((scheme, fields["k"]), ("vapid", application_key(key)))
        options = {"verify_exp": False}
        claims = jwt.decode(
            fields["t"],
            key.public_key(),
            algorithms=["ES256"],
            audience="https://push.example",
            options=options,  # type: ignore[arg-type]
        )
        self.assertEqual(claims["exp"], int(NOW) + 3600)
        self.assertEqual(claims["sub"], "https://wt.example")
        self.assertRaises(
            jwt.InvalidSignatureError,
            jwt.decode,
            fields["t"],
            new_signing_key().public_key(),
            algorithms=["ES256"],
            audience="https://push.example",
            options=options,
        )

    def test_the_key_is_an_uncompressed_point(self) -> None:
        raw = from_base64url(application_key(new_signing_key()), "key")
        self.assertEqual((len(raw), raw[0]), (65, 4))
