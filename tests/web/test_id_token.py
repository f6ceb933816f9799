"""The identity of OpenID Connect: one that counts, and every way in which one does not."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.trial.unittest import TestCase

from wingthing.web.id_token import Claims, Invalid, UnknownKey, check
from wingthing.wire.account_limits import PROVIDER_SKEW_SECONDS

NOW = 1_800_000_000
ISSUER, CLIENT, NONCE = "https://issuer.example", "client", "the-nonce"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(kind: Any, key: Any, kid: str, **more: str) -> dict[str, object]:
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


KEYS: list[dict[str, object]] = [
    jwk(RSAAlgorithm, RSA_KEY, "rsa", alg="RS256", use="sig"),
    jwk(ECAlgorithm, EC_KEY, "ec"),
    jwk(OKPAlgorithm, ED_KEY, "ed"),
]


def claims(**more: object) -> dict[str, Any]:
    found = {
        "iss": ISSUER,
        "sub": "1",
        "aud": CLIENT,
        "exp": NOW + 600,
        "iat": NOW,
        "nonce": NONCE,
        "email": "ann@example.org",
        "email_verified": True,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def signed(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "rsa", **more: object) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**more), key, algorithm=algorithm, headers=headers)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class CheckTests(TestCase):
    def check(self, token: str, keys: object = None) -> Claims:
        return check(
            token,
            KEYS if keys is None else keys,  # type: ignore[arg-type]
            issuer=ISSUER,
            client_id=CLIENT,
            nonce=NONCE,
            now=float(NOW),
        )

    def refused(self, token: str, keys: object = None) -> None:
        self.assertRaises(Invalid, self.check, token, keys)

    def test_one_that_counts(self) -> None:
        for key, algorithm, kid in (
            (RSA_KEY, "RS256", "rsa"),
            (EC_KEY, "ES256", "ec"),
            (ED_KEY, "EdDSA", "ed"),
        ):
            found = self.check(signed(key, algorithm, kid))
            self.assertEqual((found.sub, found.email, found.email_verified), ("1", "ann@example.org", True))
        self.check(signed(kid=None))
        self.check(signed(aud=[CLIENT]))
        self.check(signed(aud=[CLIENT, "other"], azp=CLIENT))

    def test_claims_that_are_wrong(self) -> None:
        for wrong in (
            {"iss": "https://evil.example"},
            {"iss": ISSUER + "/"},
            {"iss": None},
            {"aud": "other"},
            {"aud": ["other"]},
            {"aud": [CLIENT, "other"]},
            {"aud": None},
            {"azp": "other"},
            {"nonce": "another"},
            {"nonce": ""},
            {"nonce": None},
            {"nonce": 5},
            {"exp": NOW - PROVIDER_SKEW_SECONDS},
            {"exp": None},
            {"exp": "soon"},
            {"iat": NOW + PROVIDER_SKEW_SECONDS + 1},
            {"iat": None},
            {"nbf": NOW + PROVIDER_SKEW_SECONDS + 1},
            {"sub": ""},
            {"sub": None},
            {"email": 5},
        ):
            self.refused(signed(**wrong))
        self.check(signed(exp=NOW - PROVIDER_SKEW_SECONDS + 1, iat=NOW + PROVIDER_SKEW_SECONDS))

    def test_signed_with_the_public_key_as_if_it_were_a_secret(self) -> None:
        public = RSA_KEY.public_key()
        for secret in (
            public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
            json.dumps(KEYS[0]).encode(),
        ):
            for algorithm in ("HS256", "HS512"):
                head, body = part({"alg": algorithm, "kid": "rsa"}), part(claims())
                name = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
                mac = hmac.digest(secret, f"{head}.{body}".encode(), name)
                mark = base64.urlsafe_b64encode(mac).decode().rstrip("=")
                self.refused(f"{head}.{body}.{mark}")
        # And a key in the set that would make it right.
        secret = b"a shared secret that is long enough!"
        shared = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(secret).decode()}
        self.refused(jwt.encode(claims(), secret, algorithm="HS256", headers={"kid": "s"}), [shared])

    def test_not_signed(self) -> None:
        for algorithm in ("none", "None", "NONE", ""):
            for mark in ("", "x"):
                self.refused(f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(claims())}.{mark}")

    def test_changed_or_malformed(self) -> None:
        token = signed()
        head, _body, mark = token.split(".")
        for wrong in (f"{head}.{part(claims(sub='2'))}.{mark}", token[:-4], "", "x", "a.b.c", "..", "é.é.é"):
            self.refused(wrong)

    def test_another_key(self) -> None:
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.refused(signed(stranger))
        self.assertRaises(UnknownKey, self.check, signed(stranger, kid="new"))
        self.assertRaises(UnknownKey, self.check, signed(), [])

    def test_a_key_that_the_token_brings_along_is_none(self) -> None:
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        own = RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
        for extra in ({"jwk": own}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example"}):
            self.refused(jwt.encode(claims(), stranger, algorithm="RS256", headers={"kid": "rsa", **extra}))

    def test_a_key_for_something_else(self) -> None:
        self.refused(signed(), [jwk(RSAAlgorithm, RSA_KEY, "rsa", use="enc")])
        self.refused(signed(algorithm="PS256"))
        self.refused(signed(EC_KEY, "ES256", "rsa"))
        self.refused(signed(kid=None), [KEYS[0], {**KEYS[0], "kid": "two"}])

    def test_keys_that_are_no_keys(self) -> None:
        for wrong in (
            "x",
            None,
            5,
            [],
            {},
            {"kty": "RSA", "kid": "rsa"},
            {"kty": "RSA", "kid": "rsa", "n": 5},
        ):
            self.refused(signed(), [wrong])
