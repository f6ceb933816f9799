"""The login page and the way to a provider and back: that it works, and every way in which it must not."""

from __future__ import annotations

import base64
import hashlib

from tests.web.sign_in_case import SignInCase
from tests.web.support import NOW, URL
from tests.web.test_next_path import HOSTILE
from wingthing.names import SESSION_COOKIE, SIGN_IN_COOKIE
from wingthing.relay.credentials import HOW_TO_SIGN_IN
from wingthing.store import audit, users
from wingthing.web.sign_in_settings import Allowed
from wingthing.wire.account_limits import SIGN_IN_SECONDS, SIGN_INS_PER_ADDRESS


class LoginPageTests(SignInCase):
    def test_pages_lead_to_it_and_apis_do_not(self) -> None:
        for path, led in (
            ("/app/", "/auth/login"),
            ("/", "/auth/login?next=%2F"),
            ("/auth/claim?code=ABCDEF", "/auth/login?next=%2Fauth%2Fclaim%3Fcode%3DABCDEF"),
        ):
            answer = self.browse("GET", path)
            self.assertEqual((answer.status, answer.header("location")), (303, led))
        answer = self.browse("GET", "/api/app/me")
        self.assertEqual((answer.status, answer.error), (401, HOW_TO_SIGN_IN))
        answer = self.form("/auth/claim", user_code="ABCDEF")
        self.assertEqual(
            (answer.status, answer.header("location")), (303, "/auth/login?next=%2Fauth%2Fclaim")
        )

    def test_it_shows_what_is_configured_and_keeps_next(self) -> None:
        answer = self.browse("GET", "/auth/login?next=%2Fauth%2Fclaim%3Fcode%3D%22%3E")
        self.assertEqual(answer.status, 200)
        for words in ("Continue with GitHub", "Continue with Example", "Send me a link"):
            self.assertIn(words, answer.text)
        self.assertIn('value="/auth/claim?code=&#34;&gt;"', answer.text)
        self.assertEqual(answer.header("referrer-policy"), "strict-origin")

    def test_it_says_which_address_an_invitation_is_for(self) -> None:
        said = "with the e-mail address that it was sent to"
        self.assertIn(said, self.browse("GET", "/auth/login?next=%2Finvite%2Fabc").text)
        self.assertNotIn(said, self.browse("GET", "/auth/login?next=%2Fapp%2F%3Fx=/invite/abc").text)

    def test_who_is_logged_in_goes_on(self) -> None:
        self.enter("ann@example.org")
        answer = self.browse("GET", "/auth/login?next=/auth/claim")
        self.assertEqual((answer.status, answer.header("location")), (303, "/auth/claim"))

    def test_the_one_time_link_lets_nobody_in(self) -> None:
        key = self.local_key.current()
        answer = self.browse("GET", f"/auth/local?key={key}")
        self.assertEqual((answer.status, answer.header("location")), (303, "/app/"))
        self.assertNotIn(SESSION_COOKIE, self.jar)

    def test_a_way_that_is_not_configured(self) -> None:
        for path in ("/auth/google/start", "/auth/nothing/start"):
            self.assertEqual(self.form(path).status, 404)


class WithoutMailTests(SignInCase):
    by_mail = False

    def test_no_field_that_leads_nowhere(self) -> None:
        self.assertNotIn("Send me a link", self.browse("GET", "/auth/login").text)
        self.assertEqual(self.form("/auth/email", email="ann@example.org").status, 404)


class SignInTests(SignInCase):
    def test_there_and_back(self) -> None:
        answer = self.enter("ann@example.org", next_path="/auth/claim?code=ABCDEF")
        self.assertEqual((answer.status, answer.header("location")), (303, "/auth/claim?code=ABCDEF"))
        me = self.browse("GET", "/api/app/me").json
        self.assertEqual((me["email"], me["provider"], me["sign_in"]), ("ann@example.org", "github", True))
        actions = [(e.action, e.subject) for e in self.run_now(audit.of_user, me["id"], most=9)]
        self.assertEqual(actions, [("login", "github"), ("account made", "github")])
        self.enter("ann@example.org", "oidc")
        self.assertEqual(self.browse("GET", "/api/app/me").json["id"], me["id"])
        actions = [(e.action, e.subject) for e in self.run_now(audit.of_user, me["id"], most=2)]
        self.assertEqual(actions, [("login", "oidc"), ("sign-in linked", "oidc")])

    def test_what_the_provider_is_told(self) -> None:
        self.start()
        self.start()
        first, second = self.github.attempts
        self.assertEqual(first.redirect_uri, f"{URL}/auth/github/callback")
        made = base64.urlsafe_b64encode(hashlib.sha256(first.verifier.encode()).digest())
        self.assertEqual(first.challenge, made.decode().rstrip("="))
        secrets = {x for a in (first, second) for x in (a.state, a.nonce, a.verifier, a.challenge)}
        self.assertEqual(len(secrets), 8, "nothing is used twice")
        self.assertTrue(all(len(secret) == 43 for secret in secrets))
        self.github.knows("ann@example.org")
        self.back(second.state, more="&iss=https%3A%2F%2Fx.example")
        self.assertEqual(self.github.came_back, [(second, "code", "https://x.example")])

    def test_the_cookies(self) -> None:
        answer = self.form("/auth/github/start", next="/app/")
        (cookie,) = [value for name, value in answer.headers if name == "set-cookie"]
        attributes = {part.lower() for part in cookie.split("; ")[1:]}
        self.assertEqual(attributes, {"path=/auth", "httponly", "samesite=lax", f"max-age={SIGN_IN_SECONDS}"})
        self.github.knows("ann@example.org")
        self.back(self.github.attempts[-1].state)
        self.assertEqual(set(self.jar), {SESSION_COOKIE}, "the other one has ended")

    def test_a_provider_that_does_not_answer(self) -> None:
        self.github.down = True
        self.assertEqual(self.form("/auth/github/start").status, 503)
        self.assertEqual(self.jar, {})

    def test_a_removed_user(self) -> None:
        self.enter("ann@example.org")
        self.run_now(users.remove, self.browse("GET", "/api/app/me").json["id"], now=NOW)
        self.assertEqual(self.who, "")
        self.enter("ann@example.org")
        self.assertEqual(self.who, "ann@example.org")


class AttackTests(SignInCase):
    def refused(self, state: str, kind: str = "github", code: str = "code") -> None:
        answer = self.back(state, kind, code)
        self.assertEqual(answer.status, 400)
        self.assertIn('role="alert"', answer.text)
        self.assertNotIn(SESSION_COOKIE, self.jar)

    def setUp(self) -> None:
        super().setUp()
        self.github.knows("ann@example.org")
        self.oidc.knows("ann@example.org")

    def test_a_state_counts_once(self) -> None:
        state = self.start()
        jar = dict(self.jar)
        self.back(state)
        self.jar = jar
        self.refused(state)
        self.assertEqual(len(self.github.came_back), 1, "no code is spent for it")

    def test_a_state_of_another_browser(self) -> None:
        theirs = self.start()
        self.other_browser()
        self.refused(theirs)
        self.start()
        self.refused(theirs)

    def test_login_as_somebody_else_csrf(self) -> None:
        """The attacker's own answer, opened in the victim's browser, which is logged in."""
        self.github.knows("mallory@example.org", "mallorys")
        mallorys = self.start()
        self.other_browser()
        self.enter("ann@example.org")
        before = self.jar[SESSION_COOKIE]
        self.assertEqual(self.back(mallorys, code="mallorys").status, 400)
        self.assertEqual((self.jar[SESSION_COOKIE], self.who), (before, "ann@example.org"))

    def test_a_foreign_page_begins_it(self) -> None:
        for origin in ("https://evil.example", "null"):
            answer = self.browse(
                "POST", "/auth/github/start", "next=/", {"Origin": origin, "Content-Type": "text/plain"}
            )
            self.assertEqual(answer.status, 403)
        self.assertEqual(self.github.attempts, [])
        self.assertEqual(self.browse("GET", "/auth/github/start").status, 405)

    def test_mix_up(self) -> None:
        state = self.start("oidc")
        self.refused(state, "github")
        self.assertEqual(self.github.came_back, [], "the code of one provider is told to no other")
        self.refused(state, "oidc")

    def test_a_state_that_is_old_or_made_up(self) -> None:
        state = self.start()
        for wrong in ("", "x", state[:-1], state + "x", "x" * 100_000, "%00", "%FF"):
            if len(wrong) < 60_000 // 4:
                self.refused(wrong)
            self.start()
        state = self.start()
        self.clock.advance(SIGN_IN_SECONDS)
        self.refused(state)

    def test_the_cookie_of_the_attempt_is_no_login(self) -> None:
        self.start()
        self.jar[SESSION_COOKIE] = self.jar[SIGN_IN_COOKIE]
        self.assertEqual(self.who, "")

    def test_whatever_looks_at_the_callback_does_not_spend_it(self) -> None:
        state = self.start()
        self.assertEqual(self.browse("HEAD", f"/auth/github/callback?code=code&state={state}").status, 200)
        self.assertEqual(self.back(state).status, 303)

    def test_session_fixation(self) -> None:
        self.enter("mallory@example.org")
        fixed = self.jar[SESSION_COOKIE]
        self.other_browser()
        self.jar[SESSION_COOKIE] = fixed
        self.revocations = 0
        self.enter("ann@example.org")
        self.assertNotEqual(self.jar[SESSION_COOKIE], fixed)
        self.assertEqual((self.who, self.revocations), ("ann@example.org", 1))
        self.jar[SESSION_COOKIE] = fixed
        self.assertEqual(self.who, "", "the session that the browser had has ended")

    def test_a_cookie_that_nobody_gave_is_not_kept(self) -> None:
        self.jar[SESSION_COOKIE] = "chosen"
        self.enter("ann@example.org")
        self.assertNotEqual(self.jar[SESSION_COOKIE], "chosen")
        self.assertEqual(self.who, "ann@example.org")

    def test_open_redirect(self) -> None:
        for hostile in HOSTILE:
            for next_path in (hostile, f"/auth/login?next={hostile}"[:1000]):
                self.jar.clear()
                answer = self.enter("ann@example.org", next_path=next_path)
                self.assertEqual(answer.header("location"), "/app/", next_path)
        self.jar.clear()
        self.assertIn('name="next" value="/app/"', self.browse("GET", "/auth/login?next=//evil.example").text)

    def test_an_error_in_place_of_a_code(self) -> None:
        for error, words in (("access_denied", "You have not agreed"), ("<b>x</b>", "could not sign you in")):
            state = self.start()
            answer = self.browse("GET", f"/auth/github/callback?error={error}&state={state}&code=code")
            self.assertEqual(answer.status, 403)
            self.assertIn(words, answer.text)
            self.assertNotIn("<b>", answer.text)
        self.assertEqual(self.browse("GET", f"/auth/github/callback?state={self.start()}").status, 403)
        self.assertEqual(self.github.came_back, [])

    def test_next_stays_after_a_failure(self) -> None:
        state = self.start(next_path="/auth/claim")
        self.assertIn('name="next" value="/auth/claim"', self.back(state, code="wrong").text)


class PrivateTests(SignInCase):
    allowed = Allowed(frozenset({"ann@example.org"}), frozenset({"team.example"}))

    def test_only_who_may(self) -> None:
        for email, may in (
            ("ann@example.org", True),
            ("x@team.example", True),
            ("bob@example.org", False),
            ("x@sub.team.example", False),
            ("x@team.example.evil.test", False),
            ("team.example@evil.test", False),
        ):
            self.jar.clear()
            answer = self.enter(email)
            self.assertEqual((answer.status, bool(self.who)), (303, True) if may else (403, False), email)
        self.assertEqual(
            {user.email for user in self.run_now(users.every)}, {"ann@example.org", "x@team.example"}
        )

    def test_at_every_sign_in(self) -> None:
        self.github.knows("ann@example.org", subject="7")
        self.back(self.start())
        self.assertEqual(self.who, "ann@example.org")
        self.jar.clear()
        # The account at the provider has another address now.
        self.github.knows("bob@example.org", subject="7")
        self.assertEqual(self.back(self.start()).status, 403)


class HttpsTests(SignInCase):
    base_url = "https://wt.example.org"

    def test_cookies_never_go_out_in_clear_text(self) -> None:
        answer = self.form("/auth/github/start")
        self.assertIn("; Secure", str(answer.header("set-cookie")))
        self.github.knows("ann@example.org")
        answer = self.back(self.github.attempts[-1].state)
        cookies = [value for name, value in answer.headers if name == "set-cookie"]
        self.assertEqual(len(cookies), 2)
        for cookie in cookies:
            self.assertIn("; Secure", cookie)
        self.assertEqual(self.github.attempts[-1].redirect_uri, f"{self.base_url}/auth/github/callback")


class LimitTests(SignInCase):
    enforced = frozenset({"sign-in"})

    def test_so_often_from_one_address(self) -> None:
        for _ in range(SIGN_INS_PER_ADDRESS):
            self.assertEqual(self.form("/auth/github/start").status, 200)
        answer = self.form("/auth/github/start")
        self.assertEqual((answer.status, "retry-after" in dict(answer.headers)), (429, True))
        self.assertEqual(self.browse("GET", "/auth/github/callback?state=x").status, 429)
