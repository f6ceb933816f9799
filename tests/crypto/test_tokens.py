"""Wing tokens and everybody who would like to have one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto import keys, tokens
from wingthing.errors import NotAuthenticated
from wingthing.wire.limits import TOKEN_LIFETIME_SECONDS

NOW = 1_700_000_000.5
KEY = keys.new_signing_key()
PUBLIC = KEY.public_key()


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: Any, key: ec.EllipticCurvePrivateKey = KEY, **header: Any) -> str:
    return jwt.encode(claims, key, algorithm="ES256", headers=header or None)


GOOD = {"sub": "ann", "iat": int(NOW), "exp": int(NOW) + 60, "pub": "cHVi", "wing": "a" * 24, "jti": "j"}


class MintTests(TestCase):
    def test_its_claims_are_those_of_the_protocol(self) -> None:
        token, claims = tokens.mint(KEY, user_id="ann", now=NOW, jti="j", pub="cHVi", wing="a" * 24)
        header, payload, signature = token.split(".")
        self.assertEqual(json.loads(base64.urlsafe_b64decode(header + "=="))["alg"], "ES256")
        self.assertEqual(len(base64.urlsafe_b64decode(signature + "==")), 64)
        self.assertEqual(
            json.loads(base64.urlsafe_b64decode(payload + "==")),
            {
                "sub": "ann",
                "iat": int(NOW),
                "exp": int(NOW) + TOKEN_LIFETIME_SECONDS,
                "pub": "cHVi",
                "wing": "a" * 24,
                "jti": "j",
            },
        )
        self.assertEqual(tokens.check(token, [PUBLIC], now=NOW), claims)

    def test_empty_claims_are_left_out(self) -> None:
        token, claims = tokens.mint(KEY, user_id="ann", now=NOW, jti="j")
        payload = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual(set(payload), {"sub", "iat", "exp", "jti"})
        self.assertEqual((claims.pub, claims.wing), ("", ""))


class CheckTests(TestCase):
    def refused(self, token: str, *, now: float = NOW, key: Any = PUBLIC) -> str:
        why = self.assertRaises(NotAuthenticated, tokens.check, token, [key], now=now)
        self.assertEqual(why.status, 401)
        if token:
            self.assertNotIn(token, str(why))
        return str(why)

    def test_a_token_of_somebody_else_is_good_without_our_own_claims(self) -> None:
        claims = tokens.check(signed({"sub": "ann", "exp": int(NOW) + 1}), [PUBLIC], now=NOW)
        self.assertEqual((claims.user_id, claims.jti, claims.pub, claims.wing), ("ann", "", "", ""))

    def test_time_is_that_of_the_caller(self) -> None:
        token = signed(GOOD)
        tokens.check(token, [PUBLIC], now=GOOD["exp"] - 0.001)
        self.assertIn("expired", self.refused(token, now=GOOD["exp"]))
        self.assertIn("expired", self.refused(token, now=GOOD["exp"] + 1))

    def test_another_key(self) -> None:
        self.refused(signed(GOOD, keys.new_signing_key()))

    def test_one_of_several_keys_is_enough(self) -> None:
        other = keys.new_signing_key()
        ring = [PUBLIC, other.public_key()]
        for key in (KEY, other):
            self.assertEqual(tokens.check(signed(GOOD, key), ring, now=NOW).user_id, "ann")
        self.assertRaises(NotAuthenticated, tokens.check, signed(GOOD, other), [PUBLIC], now=NOW)
        self.assertRaises(NotAuthenticated, tokens.check, signed(GOOD), [], now=NOW)

    def test_a_token_that_brings_its_own_key(self) -> None:
        mine = keys.new_signing_key()
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(mine.public_key()))
        self.refused(signed(GOOD, mine, jwk=jwk))
        self.refused(signed(GOOD, mine, kid="../../dev/null", jku="https://example.org/jwks"))

    def test_alg_none(self) -> None:
        for alg in ("none", "None", "NONE", "nOnE", ""):
            unsigned = f"{part({'alg': alg, 'typ': 'JWT'})}.{part(GOOD)}"
            self.refused(f"{unsigned}.")
            self.refused(f"{unsigned}.{part(b'')}")
            self.refused(f"{unsigned}.{signed(GOOD).split('.')[2]}")

    def test_hs256_with_the_public_key_as_the_secret(self) -> None:
        secrets = [
            PUBLIC.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
            for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        ]
        secrets += [secrets[0].strip(), keys.dump_signing_public(PUBLIC).encode()]
        for secret in secrets:
            body = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(GOOD)}"
            mac = hmac.new(secret, body.encode(), hashlib.sha256).digest()
            self.refused(f"{body}.{part(mac)}")

    def test_another_curve_and_another_algorithm(self) -> None:
        key = ec.generate_private_key(ec.SECP384R1())
        self.refused(jwt.encode(GOOD, key, algorithm="ES384"))
        body = f"{part({'alg': 'ES384', 'typ': 'JWT'})}.{part(GOOD)}"
        self.refused(f"{body}.{signed(GOOD).split('.')[2]}")

    def test_a_signature_of_zeros(self) -> None:
        """CVE-2022-21449: r = s = 0 verifies where a library forgets to look."""
        body = signed(GOOD).rpartition(".")[0]
        for raw in (bytes(64), bytes(63), b"", bytes(65), bytes(32) + b"\x01".rjust(32, b"\0")):
            self.refused(f"{body}.{part(raw)}")

    def test_claims_that_were_changed_after_signing(self) -> None:
        header, _, signature = signed(GOOD).split(".")
        for claims in ({**GOOD, "sub": "root"}, {**GOOD, "exp": GOOD["exp"] + 1}, {**GOOD, "pub": "eHh4"}):
            self.refused(f"{header}.{part(claims)}.{signature}")

    def test_missing_claims(self) -> None:
        for name in ("sub", "exp"):
            self.refused(signed({key: value for key, value in GOOD.items() if key != name}))

    def test_claims_of_the_wrong_type(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "sub": (5, None, [], {}, ["ann"], True, ""),
            "exp": ("never", None, [], {}, "99999999999", True, 1e300),
            "iat": ("now", [], {}),
            "pub": (5, ["cHVi"], {"x": 1}, True),
            "wing": (5, ["a"], {"x": 1}, True),
            "jti": (5, ["a"], {"x": 1}, True),
        }
        for name, values in wrong.items():
            for value in values:
                header, payload = part({"alg": "ES256", "typ": "JWT"}), part({**GOOD, name: value})
                algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
                signature = algorithm.sign(f"{header}.{payload}".encode(), KEY)
                self.refused(f"{header}.{payload}.{part(signature)}")

    def test_payloads_that_are_no_object(self) -> None:
        for payload in ([], "ann", 5, None, b"\xff", b"{", b"[" * 5000):
            header, body = part({"alg": "ES256", "typ": "JWT"}), part(payload)
            algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
            signature = algorithm.sign(f"{header}.{body}".encode(), KEY)
            self.refused(f"{header}.{body}.{part(signature)}")

    def test_a_token_for_another_audience(self) -> None:
        """Tokens between nodes carry `aud` and are signed with the same key."""
        self.refused(signed({**GOOD, "aud": "internal", "iss": "machine"}))
        self.refused(signed({**GOOD, "aud": ["internal"]}))

    def test_what_is_no_token(self) -> None:
        good = signed(GOOD)
        for token in (
            "",
            ".",
            "..",
            "a.b.c",
            good + ".",
            good + ".x",
            good[:-1],
            "é.é.é",
            good.replace(".", "", 1),
        ):
            self.refused(token)

    @given(st.text(max_size=80))
    def test_any_text(self, token: str) -> None:
        self.assertRaises(NotAuthenticated, tokens.check, token, [PUBLIC], now=NOW)

    @given(st.lists(st.binary(max_size=40), min_size=3, max_size=3))
    def test_any_three_parts(self, parts: list[bytes]) -> None:
        self.assertRaises(NotAuthenticated, tokens.check, ".".join(map(part, parts)), [PUBLIC], now=NOW)
