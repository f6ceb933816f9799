"""The configuration of sign-in: what is complete, and a sentence for what is not."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import TestCase

from wingthing.assembly.sign_in_config import sign_in
from wingthing.errors import OperatorError
from wingthing.web.sign_in_settings import GitHubApp, OidcClient, SignIn, Smtp

GITHUB = {"WT_GITHUB_CLIENT_ID": "id", "WT_GITHUB_CLIENT_SECRET": "secret"}
GOOGLE = {"WT_GOOGLE_CLIENT_ID": "id", "WT_GOOGLE_CLIENT_SECRET": "secret"}
OIDC = {
    "WT_OIDC_ISSUER": "https://login.example/realms/a/",
    "WT_OIDC_CLIENT_ID": "id",
    "WT_OIDC_CLIENT_SECRET": "secret",
}
MAIL = {"WT_SMTP_HOST": "mail.example.org", "WT_SMTP_FROM": "Wing <wing@example.org>"}


def configured(environment: dict[str, str]) -> SignIn:
    found = sign_in(environment)
    assert found is not None
    return found


class ConfiguredTests(TestCase):
    def test_nothing_is_local_mode(self) -> None:
        self.assertIsNone(sign_in({}))
        self.assertIsNone(sign_in({"WT_GITHUB_CLIENT_ID": "", "WT_SMTP_HOST": " ", "WT_OIDC_NAME": "x"}))

    def test_github(self) -> None:
        self.assertEqual(
            configured(GITHUB).github,
            GitHubApp("id", "secret", "https://github.com", "https://api.github.com"),
        )
        own = {**GITHUB, "WT_GITHUB_URL": "https://git.example.org/"}
        self.assertEqual(
            configured(own).github,
            GitHubApp("id", "secret", "https://git.example.org", "https://git.example.org/api/v3"),
        )
        own["WT_GITHUB_API_URL"] = "http://127.0.0.1:1/api"
        self.assertEqual(getattr(configured(own).github, "api_url", ""), "http://127.0.0.1:1/api")

    def test_google(self) -> None:
        self.assertEqual(
            configured(GOOGLE).google, OidcClient("id", "secret", "https://accounts.google.com", "Google")
        )

    def test_oidc(self) -> None:
        self.assertEqual(
            configured(OIDC).oidc,
            OidcClient("id", "secret", "https://login.example/realms/a/", "login.example"),
        )
        self.assertEqual(getattr(configured({**OIDC, "WT_OIDC_NAME": "Example"}).oidc, "name", ""), "Example")

    def test_mail(self) -> None:
        self.assertEqual(
            configured(MAIL).smtp, Smtp("mail.example.org", 587, "starttls", "wing@example.org", "Wing")
        )
        for more, security, port in (
            ({"WT_SMTP_SECURITY": "tls"}, "tls", 465),
            ({"WT_SMTP_HOST": "127.0.0.1"}, "none", 25),
            ({"WT_SMTP_HOST": "localhost"}, "none", 25),
            ({"WT_SMTP_HOST": "::1", "WT_SMTP_SECURITY": "starttls"}, "starttls", 587),
            ({"WT_SMTP_SECURITY": "none"}, "none", 25),
            ({"WT_SMTP_PORT": "2525"}, "starttls", 2525),
        ):
            smtp = configured({**MAIL, **more}).smtp
            assert smtp is not None
            self.assertEqual((smtp.security, smtp.port), (security, port), more)

    def test_who_may(self) -> None:
        self.assertIn("anybody@example.net", configured(GITHUB).allowed)
        allowed = configured({**GITHUB, "WT_ALLOWED_EMAILS": " Ann@Example.org,, @TEAM.example "}).allowed
        for email, may in (
            ("ann@example.org", True),
            ("bob@example.org", False),
            ("bob@team.example", True),
            ("bob@a.team.example", False),
        ):
            self.assertEqual(email in allowed, may, email)

    def test_no_secret_is_shown(self) -> None:
        everything = {
            **GITHUB,
            **GOOGLE,
            **OIDC,
            **MAIL,
            "WT_SMTP_USER": "wing",
            "WT_SMTP_PASSWORD": "secret",
        }
        self.assertNotIn("secret", repr(configured(everything)))

    def test_the_command_line_loads_no_reactor_for_it(self) -> None:
        script = "import sys, wingthing.assembly.config; sys.exit('twisted.internet.reactor' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", script], check=False).returncode, 0)


class WrongTests(TestCase):
    def refused(self, environment: dict[str, str], *words: str) -> None:
        with self.assertRaises(OperatorError) as refused:
            sign_in(environment)
        for word in words:
            self.assertIn(word, str(refused.exception))
        self.assertNotIn("the-secret", str(refused.exception))

    def test_half_of_it(self) -> None:
        for whole in (GITHUB, GOOGLE, OIDC):
            for missing in whole:
                self.refused({k: v for k, v in whole.items() if k != missing}, missing, "is not")
        self.refused({"WT_SMTP_USER": "x"}, "WT_SMTP_HOST")
        self.refused({"WT_SMTP_HOST": "mail.example.org"}, "WT_SMTP_FROM")
        self.refused({**MAIL, "WT_SMTP_USER": "x"}, "WT_SMTP_PASSWORD")
        self.refused({**MAIL, "WT_SMTP_PASSWORD": "the-secret"}, "WT_SMTP_USER")

    def test_addresses(self) -> None:
        for wrong in (
            "login.example",
            "http://login.example",
            "ftp://login.example",
            "https://",
            "https://ann:the-secret@login.example",
            "https://login.example/?a=b",
            "https://login.example/#a",
            "javascript:alert(1)",
        ):
            if "the-secret" not in wrong:
                self.refused({**OIDC, "WT_OIDC_ISSUER": wrong}, "WT_OIDC_ISSUER")
            else:
                self.assertRaises(OperatorError, sign_in, {**OIDC, "WT_OIDC_ISSUER": wrong})
        self.refused({**GITHUB, "WT_GITHUB_URL": "http://git.example"}, "WT_GITHUB_URL")
        self.refused({**GOOGLE, "WT_GOOGLE_ISSUER": "x"}, "WT_GOOGLE_ISSUER")

    def test_mail(self) -> None:
        self.refused({**MAIL, "WT_SMTP_PORT": "x"}, "WT_SMTP_PORT")
        self.refused({**MAIL, "WT_SMTP_PORT": "0"}, "WT_SMTP_PORT")
        self.refused({**MAIL, "WT_SMTP_SECURITY": "maybe"}, "WT_SMTP_SECURITY")
        for wrong in ("", "wing", "Wing", "wing@example.org\nBcc: a@b"):
            self.refused({**MAIL, "WT_SMTP_FROM": wrong}, "WT_SMTP_FROM")

    def test_a_password_does_not_go_out_in_clear_text(self) -> None:
        login = {"WT_SMTP_USER": "wing", "WT_SMTP_PASSWORD": "the-secret", "WT_SMTP_SECURITY": "none"}
        self.refused({**MAIL, **login}, "clear text")
        configured({**MAIL, **login, "WT_SMTP_HOST": "127.0.0.1"})

    def test_who_may(self) -> None:
        for wrong in ("example.org", "@", "ann@", "@exa mple.org", "ann@example.org bob@example.org"):
            self.refused({**GITHUB, "WT_ALLOWED_EMAILS": wrong}, "WT_ALLOWED_EMAILS")
        self.refused({"WT_ALLOWED_EMAILS": "@example.org"}, "WT_ALLOWED_EMAILS", "WT_GITHUB_CLIENT_ID")

    def test_a_list_of_nobody_does_not_open_the_server_to_everybody(self) -> None:
        for wrong in ("", " ", " , ,"):
            self.refused({**GITHUB, "WT_ALLOWED_EMAILS": wrong}, "WT_ALLOWED_EMAILS", "unset")
        self.assertIsNone(sign_in({"WT_ALLOWED_EMAILS": ""}), "without sign-in there is nothing to open")
