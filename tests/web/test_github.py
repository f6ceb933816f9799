"""Sign-in with GitHub, without a network; tests/integration/test_sign_in.py has the same over real HTTP."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from tests.web.providing import ATTEMPT, Answer, FakeOutbound
from tests.web.running import now
from wingthing.errors import PeerError, TemporarilyUnavailable
from wingthing.store.sign_in import Vouched
from wingthing.web.github import GitHubProvider
from wingthing.web.providers import SignInFailed
from wingthing.web.sign_in_settings import GitHubApp

URL, API = "https://github.example", "https://api.github.example"
TOKEN_URL = f"{URL}/login/oauth/access_token"
MINE = {"email": "Ann@Example.org", "primary": True, "verified": True}


class GitHubTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.http = FakeOutbound()
        self.http.answers = {
            TOKEN_URL: (200, {"access_token": "the-token", "scope": "user:email"}),
            f"{API}/user": (
                200,
                {"id": 7, "login": "ann", "name": None, "avatar_url": "https://a.example/7"},
            ),
            f"{API}/user/emails": (200, [{**MINE, "email": "old@example.org", "primary": False}, MINE]),
        }
        self.provider = GitHubProvider(GitHubApp("id", "secret", URL, API), self.http.it)

    def person(self, issuer: str | None = None) -> Vouched:
        return now(self.provider.person(ATTEMPT, "the-code", issuer))

    def test_where_the_browser_goes(self) -> None:
        parts = urlsplit(now(self.provider.location(ATTEMPT)))
        self.assertEqual(f"{parts.scheme}://{parts.netloc}{parts.path}", f"{URL}/login/oauth/authorize")
        self.assertEqual(
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {
                "client_id": "id",
                "redirect_uri": ATTEMPT.redirect_uri,
                "scope": "user:email",
                "state": "the-state",
                "code_challenge": "the-challenge",
                "code_challenge_method": "S256",
            },
        )

    def test_who_it_is(self) -> None:
        self.assertEqual(
            self.person(), Vouched("github", URL, "7", "ann@example.org", "ann", "https://a.example/7")
        )
        (_url, sent, _secret), user, emails = self.http.asked
        self.assertEqual(
            sent,
            {
                "client_id": "id",
                "client_secret": "secret",
                "code": "the-code",
                "redirect_uri": ATTEMPT.redirect_uri,
                "code_verifier": "the-verifier",
            },
        )
        self.assertEqual((user[2], emails[2]), ("the-token", "the-token"))

    def test_only_the_verified_primary_address_counts(self) -> None:
        for emails in (
            [],
            [{**MINE, "verified": False}],
            [{**MINE, "primary": False}],
            [{**MINE, "verified": False}, {**MINE, "primary": False}],
            [{**MINE, "email": "ann@example.org\nbob@example.org"}],
            [{**MINE, "email": "\uff41nn@example.org"}],
        ):
            self.http.answers[f"{API}/user/emails"] = (200, emails)
            self.assertRaises(SignInFailed, self.person)

    def test_answers_that_say_no_or_nothing(self) -> None:
        cases: tuple[tuple[str, Answer, type[PeerError]], ...] = (
            (TOKEN_URL, (200, {"error": "bad_verification_code"}), SignInFailed),
            (TOKEN_URL, (200, None), SignInFailed),
            (TOKEN_URL, (200, {"access_token": 5}), SignInFailed),
            (TOKEN_URL, (404, {}), SignInFailed),
            (TOKEN_URL, (502, None), TemporarilyUnavailable),
            (f"{API}/user", (401, {"message": "Bad credentials"}), SignInFailed),
            (f"{API}/user", (200, {"id": "seven", "login": "ann"}), SignInFailed),
            (f"{API}/user", (429, {}), TemporarilyUnavailable),
            (f"{API}/user/emails", (404, {}), SignInFailed),
            (f"{API}/user/emails", (200, {"email": "ann@example.org"}), SignInFailed),
        )
        for url, answer, kind in cases:
            before = self.http.answers[url]
            self.http.answers[url] = answer
            self.assertRaises(kind, self.person)
            self.http.answers[url] = before

    def test_iss_where_it_is_sent(self) -> None:
        for issuer in (URL, f"{URL}/login/oauth"):
            self.person(issuer)
        self.http.asked.clear()
        for issuer in ("https://evil.example", ""):
            self.assertRaises(SignInFailed, self.person, issuer)
        self.assertEqual(self.http.asked, [], "the code is told to nobody")

    def test_secrets_are_not_shown(self) -> None:
        self.assertNotIn("secret", repr(GitHubApp("id", "secret", URL, API)))
        self.assertNotIn("the-verifier", repr(ATTEMPT))
