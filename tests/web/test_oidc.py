"""Sign-in by OpenID Connect, without a network; tests/integration/test_sign_in.py has it over real HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.providing import ATTEMPT, FakeOutbound
from tests.web.running import now
from wingthing.errors import TemporarilyUnavailable
from wingthing.store.sign_in import Vouched
from wingthing.web.oidc import OidcProvider
from wingthing.web.providers import SignInFailed
from wingthing.web.sign_in_settings import OidcClient
from wingthing.wire.account_limits import PROVIDER_KEYS_AGAIN_SECONDS, PROVIDER_KEYS_SECONDS

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
WELL_KNOWN = f"{ISSUER}/.well-known/openid-configuration"
TOKEN_URL, KEYS_URL, INFO_URL = f"{ISSUER}/token", f"{ISSUER}/keys", f"{ISSUER}/userinfo"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


class OidcCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.key = 0
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": "7",
            "aud": "client",
            "nonce": ATTEMPT.nonce,
            "email": "Ann@Example.org",
            "email_verified": True,
            "name": "Ann\u202e B.",
            "picture": "https://pictures.example/7",
        }
        self.discovery: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": TOKEN_URL,
            "jwks_uri": KEYS_URL,
            "userinfo_endpoint": INFO_URL,
        }
        self.info: dict[str, Any] = {"sub": "7", "email": "ann@example.org", "email_verified": True}
        self.published = [0]
        self.http = FakeOutbound()
        self.http.answers = {
            WELL_KNOWN: lambda: (200, self.discovery),
            TOKEN_URL: lambda: (200, {"id_token": self.token(), "access_token": "the-token"}),
            KEYS_URL: lambda: (200, {"keys": [self.jwk(number) for number in self.published]}),
            INFO_URL: lambda: (200, self.info),
        }
        client = OidcClient("client", "the-secret", ISSUER, "Example")
        self.provider = OidcProvider("oidc", client, self.http.it, self.clock.seconds)

    def token(self) -> str:
        at = int(self.clock.seconds())
        payload = {"iat": at, "exp": at + 60, **self.claims}
        return jwt.encode(payload, KEYS[self.key], algorithm="RS256", headers={"kid": str(self.key)})

    def jwk(self, number: int) -> dict[str, Any]:
        return {**RSAAlgorithm.to_jwk(KEYS[number].public_key(), as_dict=True), "kid": str(number)}

    def person(self, issuer: str | None = None) -> Vouched:
        return now(self.provider.person(ATTEMPT, "the-code", issuer))

    def refused(self, issuer: str | None = None) -> None:
        self.assertRaises(SignInFailed, self.person, issuer)


class PersonTests(OidcCase):
    def test_where_the_browser_goes(self) -> None:
        parts = urlsplit(now(self.provider.location(ATTEMPT)))
        self.assertEqual(f"{parts.scheme}://{parts.netloc}{parts.path}", f"{ISSUER}/authorize")
        self.assertEqual(
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {
                "response_type": "code",
                "client_id": "client",
                "redirect_uri": ATTEMPT.redirect_uri,
                "scope": "openid email profile",
                "state": "the-state",
                "nonce": "the-nonce",
                "code_challenge": "the-challenge",
                "code_challenge_method": "S256",
            },
        )
        self.clock.advance(PROVIDER_KEYS_SECONDS)
        self.discovery["authorization_endpoint"] += "?tenant=1"
        self.assertIn("/authorize?tenant=1&response_type=", now(self.provider.location(ATTEMPT)))

    def test_who_it_is(self) -> None:
        self.assertEqual(
            self.person(),
            Vouched("oidc", ISSUER, "7", "ann@example.org", "Ann B.", "https://pictures.example/7"),
        )
        sent = next(asked for asked in self.http.asked if asked[0] == TOKEN_URL)
        self.assertEqual(
            sent[1],
            {
                "grant_type": "authorization_code",
                "code": "the-code",
                "redirect_uri": ATTEMPT.redirect_uri,
                "code_verifier": "the-verifier",
                "client_id": "client",
            },
        )
        self.assertEqual(sent[2], ("client", "the-secret"))

    def test_the_secret_goes_the_way_that_is_known_there(self) -> None:
        self.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        self.person()
        sent = next(asked for asked in self.http.asked if asked[0] == TOKEN_URL)
        self.assertEqual((sent[1]["client_secret"], sent[2]), ("the-secret", None))

    def test_only_a_verified_address_counts(self) -> None:
        for wrong in (
            {"email_verified": False},
            {"email_verified": "false"},
            {"email_verified": None},
            {"email": "ann"},
            {"email": "\uff41nn@example.org"},
            {"email": ""},
        ):
            before = dict(self.claims)
            self.claims |= wrong
            self.refused()
            self.claims = before
        self.claims["email_verified"] = "true"
        self.person()

    def test_an_address_at_the_userinfo_endpoint(self) -> None:
        del self.claims["email"]
        self.assertEqual(self.person().email, "ann@example.org")
        for wrong in ({"email_verified": False}, {"sub": "8"}, {"email": None}):
            before = dict(self.info)
            self.info |= wrong
            self.refused()
            self.info = before
        self.http.answers[INFO_URL] = (401, None)
        self.refused()

    def test_a_token_that_does_not_count(self) -> None:
        for wrong in ({"nonce": "x"}, {"aud": "x"}, {"iss": "https://evil.example"}, {"exp": 1}):
            before = dict(self.claims)
            self.claims |= wrong
            self.refused()
            self.claims = before

    def test_answers_that_say_no_or_nothing(self) -> None:
        for answer, kind in (
            ((400, {"error": "invalid_grant"}), SignInFailed),
            ((200, {"access_token": "x"}), SignInFailed),
            ((200, None), SignInFailed),
            ((503, None), TemporarilyUnavailable),
        ):
            self.http.answers[TOKEN_URL] = answer
            self.assertRaises(kind, self.person)

    def test_iss(self) -> None:
        self.person(ISSUER)
        self.http.asked.clear()
        for issuer in ("https://evil.example", f"{ISSUER}/", ""):
            self.refused(issuer)
        self.assertEqual(self.http.times(TOKEN_URL), 0, "the code is told to nobody")

    def test_iss_is_needed_where_it_is_promised(self) -> None:
        self.discovery["authorization_response_iss_parameter_supported"] = True
        self.refused(None)
        self.person(ISSUER)


class PublishedTests(OidcCase):
    def test_it_is_kept_for_an_hour(self) -> None:
        for _ in range(3):
            self.person()
        self.assertEqual((self.http.times(WELL_KNOWN), self.http.times(KEYS_URL)), (1, 1))
        self.clock.advance(PROVIDER_KEYS_SECONDS)
        self.person()
        self.assertEqual((self.http.times(WELL_KNOWN), self.http.times(KEYS_URL)), (2, 2))

    def test_a_new_key_is_fetched_but_not_for_everybody(self) -> None:
        self.person()
        self.clock.advance(PROVIDER_KEYS_AGAIN_SECONDS)
        self.key = 1
        self.refused()
        self.assertEqual(self.http.times(KEYS_URL), 2)
        self.refused()
        self.assertEqual(self.http.times(KEYS_URL), 2, "who sends nonsense does not make us ask")
        self.published = [0, 1]
        self.clock.advance(PROVIDER_KEYS_AGAIN_SECONDS)
        self.person()

    def test_of_another_issuer(self) -> None:
        self.discovery["issuer"] = f"{ISSUER}/"
        self.assertRaises(TemporarilyUnavailable, now, self.provider.location(ATTEMPT))

    def test_addresses_without_https(self) -> None:
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            before = self.discovery[name]
            for wrong in ("http://issuer.example/x", "javascript:alert(1)", ""):
                self.discovery[name] = wrong
                if wrong or name != "userinfo_endpoint":
                    self.assertRaises(TemporarilyUnavailable, now, self.provider.location(ATTEMPT))
            self.discovery[name] = before

    def test_nothing_that_could_be_read(self) -> None:
        for answer in ((200, None), (200, {"issuer": ISSUER}), (404, {}), (200, [])):
            self.http.answers[WELL_KNOWN] = answer
            self.assertRaises(TemporarilyUnavailable, now, self.provider.location(ATTEMPT))
        self.http.answers[WELL_KNOWN] = lambda: (200, self.discovery)
        for answer in ((200, {"keys": "x"}), (500, None)):
            self.http.answers[KEYS_URL] = answer
            self.assertRaises(TemporarilyUnavailable, self.person)
