"""Sign-in with the real program, a provider over real HTTP and a real mail server."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import TestCase

from tests.integration.fleet import Rehearsal
from tests.integration.mailbox import USER, Mailbox, free_port
from tests.integration.program import Server, eventually, wt
from tests.integration.provider import GITHUB, GOOGLE, OIDC, Provider
from tests.integration.visitor import Visitor
from wingthing.errors import OperatorError

WING = "a1b2c3d4e5f6a1b2c3d4e5f6"


class SignInCase(TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wt-"))
        self.home = self.folder / "home"
        self.home.mkdir()
        self.provider = Provider()
        self.addCleanup(self.provider.close)

    def serve(self, *kinds: str, **more: str) -> Server:
        """A server with these ways to sign in, known by the address that it listens on."""
        port = free_port()
        address = f"127.0.0.1:{port}"
        variables = {**self.provider.variables(*kinds), **more} if kinds else more
        server = Server(self.home, "serve", "--base-url", f"http://{address}", addr=address, **variables)
        self.addCleanup(self._ended, server)
        return server

    def _ended(self, server: Server) -> None:
        server.stop()
        self.assertNotIn("Traceback", server.output)

    def visitor(self, server: Server) -> Visitor:
        return Visitor(server.url)


class ProviderTests(SignInCase):
    def test_all_three_and_the_same_address_is_the_same_account(self) -> None:
        server = self.serve(GITHUB, GOOGLE, OIDC)
        self.provider.sign_in_as("Ann@Example.org", name="Ann")
        first = self.visitor(server)
        page = first.get("/app/?x=1")
        self.assertEqual(page.url, f"{server.url}/auth/login?next=%2Fapp%2F%3Fx%3D1")
        for name in ("GitHub", "Google", "Example"):
            self.assertIn(f"Continue with {name}", page.text)
        self.assertNotIn("E-mail", page.text)
        page = first.sign_in(GITHUB, "/auth/claim?code=ABCDEF")
        self.assertEqual((page.url, page.status), (f"{server.url}/auth/claim?code=ABCDEF", 200))
        me = first.me
        self.assertEqual(
            (me["email"], me["display_name"], me["provider"]), ("ann@example.org", "Ann", "github")
        )
        self.assertIs(me["sign_in"], True)
        for kind in (GOOGLE, OIDC):
            other = self.visitor(server)
            self.assertEqual(other.sign_in(kind).url, f"{server.url}/app/")
            self.assertEqual(other.me["id"], me["id"], kind)
        methods = first.api("GET", "/api/app/methods").json
        self.assertEqual([m["provider"] for m in methods["methods"]], ["github", "google", "oidc"])
        self.provider.sign_in_as("bob@example.org")
        other = self.visitor(server)
        other.sign_in(OIDC)
        self.assertNotEqual(other.me["id"], me["id"])
        self.assertNotIn("s3cret", server.output)
        for secret in [*self.provider.grants, *self.provider.tokens]:
            self.assertNotIn(secret, server.output)

    def test_what_a_provider_signs_is_checked(self) -> None:
        server = self.serve(OIDC)
        self.provider.sign_in_as("ann@example.org")
        for wrong in (
            {"nonce": "another"},
            {"aud": "another"},
            {"iss": "https://accounts.example.org"},
            {"exp": 1},
            {"email_verified": False},
        ):
            self.provider.tamper = lambda claims, wrong=wrong: {**claims, **wrong}
            visitor = self.visitor(server)
            page = visitor.sign_in(OIDC)
            self.assertEqual((page.status, visitor.logged_in), (403, False), wrong)
            self.assertIn('role="alert"', page.text)
        self.provider.tamper = lambda claims: claims
        self.provider.sign = _unsigned
        visitor = self.visitor(server)
        self.assertEqual((visitor.sign_in(OIDC).status, visitor.logged_in), (403, False))

    def test_new_keys_of_the_provider_and_an_address_at_the_userinfo_endpoint(self) -> None:
        server = self.serve(OIDC, GOOGLE)
        self.provider.email_in_token = False
        self.provider.sign_in_as("ann@example.org")
        visitor = self.visitor(server)
        visitor.sign_in(OIDC)
        self.assertEqual(visitor.me["email"], "ann@example.org")
        self.provider.key_id = "key-2"
        other = self.visitor(server)
        other.sign_in(GOOGLE)
        self.assertTrue(other.logged_in)

    def test_codes_and_states_count_once_and_in_one_browser(self) -> None:
        server = self.serve(GITHUB, OIDC)
        self.provider.sign_in_as("ann@example.org")
        victim, thief = self.visitor(server), self.visitor(server)
        back = victim.get(victim.start(OIDC), follow=False).headers["location"]
        # Another browser, with and without a sign-in of its own; the latter spends the state, for everybody.
        self.assertEqual((thief.get(back).status, thief.logged_in), (400, False))
        thief.start(OIDC)
        self.assertEqual((thief.get(back).status, thief.logged_in), (400, False))
        self.assertEqual((victim.get(back).status, victim.logged_in), (400, False))
        # Logging somebody in as oneself (login CSRF): a state of the attacker's own browser.
        mine = thief.get(thief.start(OIDC), follow=False).headers["location"]
        victim.start(OIDC)
        self.assertEqual((victim.get(mine).status, victim.logged_in), (400, False))
        # A mix-up: the state of one provider at the callback of the other.
        back = victim.get(victim.start(OIDC), follow=False).headers["location"]
        self.assertEqual(victim.get(back.replace("/oidc/", "/github/")).status, 400)
        # The same answer twice.
        back = victim.get(victim.start(OIDC), follow=False).headers["location"]
        self.assertEqual(victim.get(back).status, 200 if _has_app(victim) else 503)
        self.assertTrue(victim.logged_in)
        self.assertEqual(victim.get(back).status, 400)
        # A code of somebody else's sign-in in one's own (PKCE).
        self.provider.sign_in_as("bob@example.org")
        stolen = parse_qs(urlsplit(thief.get(thief.start(OIDC), follow=False).headers["location"]).query)[
            "code"
        ][0]
        own = victim.get(victim.start(OIDC), follow=False).headers["location"]
        swapped = own.replace(parse_qs(urlsplit(own).query)["code"][0], stolen)
        self.assertEqual(victim.get(swapped).status, 403)

    def test_iss_is_checked_where_it_is_sent(self) -> None:
        server = self.serve(OIDC)
        self.provider.sign_in_as("ann@example.org")
        self.provider.sends_iss = self.provider.issuer(GOOGLE)
        visitor = self.visitor(server)
        self.assertEqual((visitor.sign_in(OIDC).status, visitor.logged_in), (403, False))
        self.provider.sends_iss = self.provider.issuer(OIDC)
        visitor.sign_in(OIDC)
        self.assertTrue(visitor.logged_in)

    def test_a_provider_that_is_away_or_told_no(self) -> None:
        server = self.serve(OIDC)
        self.provider.down = True
        visitor = self.visitor(server)
        page = visitor.post("/auth/oidc/start", next="/app/")
        self.assertEqual(page.status, 503)
        self.provider.down = False
        self.provider.denies = True
        page = visitor.sign_in(OIDC)
        self.assertEqual(page.status, 403)
        self.assertIn("not agreed", page.text)

    def test_a_session_is_new_whatever_the_browser_comes_with(self) -> None:
        server = self.serve(GITHUB)
        self.provider.sign_in_as("mallory@example.org")
        mallory = self.visitor(server)
        mallory.sign_in(GITHUB)
        fixed = mallory.cookies["wt_session"]
        victim = self.visitor(server)
        victim.cookies["wt_session"] = fixed
        self.provider.sign_in_as("ann@example.org")
        victim.sign_in(GITHUB)
        self.assertNotEqual(victim.cookies["wt_session"], fixed)
        self.assertEqual(victim.me["email"], "ann@example.org")
        self.assertFalse(mallory.logged_in, "the session that the browser had has ended")

    def test_a_private_server(self) -> None:
        server = self.serve(GITHUB, WT_ALLOWED_EMAILS="ann@example.org, @team.example.org")
        for email, allowed in (
            ("ann@example.org", True),
            ("BOB@Team.Example.org", True),
            ("bob@example.org", False),
            ("ann@example.org.evil.test", False),
            ("x@notteam.example.org", False),
        ):
            self.provider.sign_in_as(email)
            visitor = self.visitor(server)
            page = visitor.sign_in(GITHUB)
            self.assertEqual((visitor.logged_in, page.status == 403), (allowed, not allowed), email)

    def test_linking_and_unlinking(self) -> None:
        server = self.serve(GITHUB, OIDC)
        self.provider.sign_in_as("ann@example.org")
        ann = self.visitor(server)
        ann.sign_in(GITHUB)
        self.provider.sign_in_as("ann@home.example")
        location = ann.api("POST", "/api/app/methods/oidc/link", {}).json["location"]
        self.assertTrue(location.startswith(self.provider.issuer(OIDC)))
        page = ann.get(location, follow=False)
        page = ann.get(page.headers["location"], follow=False)
        self.assertEqual(page.headers["location"], "/app/#account/sign-in")
        methods = ann.api("GET", "/api/app/methods").json["methods"]
        self.assertEqual([m["email"] for m in methods], ["ann@example.org", "ann@home.example"])
        other = self.visitor(server)
        other.sign_in(OIDC)
        self.assertEqual(other.me["id"], ann.me["id"])
        first, second = [m["id"] for m in methods]
        self.assertEqual(ann.api("DELETE", f"/api/app/methods/{first}").status, 204)
        self.assertEqual(ann.api("DELETE", f"/api/app/methods/{second}").status, 409)
        self.assertEqual(ann.me["email"], "ann@home.example", "what nothing vouches for is gone")
        self.provider.sign_in_as("ann@example.org")
        stranger = self.visitor(server)
        stranger.sign_in(GITHUB)
        self.assertNotEqual(stranger.me["id"], ann.me["id"])

    def test_device_login_goes_through_the_login_page(self) -> None:
        server = self.serve(GITHUB)
        asked = json.dumps({"wing_id": WING})
        status, _headers, body = server.request(
            "POST", "/auth/device", asked, {"Content-Type": "application/json"}
        )
        codes = json.loads(body)
        self.assertEqual((status, codes["interval"]), (200, 5), "nobody is approved for where they are")
        link = urlsplit(codes["verification_url"])
        ann = self.visitor(server)
        page = ann.get(f"{link.path}?{link.query}")
        next_path = parse_qs(urlsplit(page.url).query)["next"][0]
        self.provider.sign_in_as("ann@example.org")
        page = ann.sign_in(GITHUB, next_path)
        self.assertIn(WING, page.text)
        self.assertIn("Machine approved", ann.post("/auth/claim", user_code=codes["user_code"]).text)
        asked = json.dumps({"device_code": codes["device_code"]})
        _status, _headers, body = server.request("POST", "/auth/token", asked)
        self.assertEqual(json.loads(body)["email"], "ann@example.org")

    def test_local_mode_ends(self) -> None:
        before = Server(self.home, "serve")
        cookie = before.cookie()
        token = before.user_token("local")
        before.stop()
        server = self.serve(GITHUB)
        self.assertEqual(server.request("GET", "/api/app/me", headers={"Cookie": cookie})[0], 401)
        bearer = {"Authorization": f"Bearer {token}"}
        self.assertEqual(server.request("GET", "/auth/check", headers=bearer)[0], 401)
        told = wt(self.home, "url")
        self.assertEqual(told.returncode, 2)
        self.assertIn("sign-in", told.stderr)
        self.assertIn(server.url, told.stderr)

    def test_what_must_be_put_right_is_said_at_once(self) -> None:
        for extra, words, said in (
            ({"WT_GITHUB_CLIENT_ID": "x"}, ["serve"], "WT_GITHUB_CLIENT_SECRET is not"),
            (self.provider.variables(GITHUB), ["serve"], "--base-url"),
            (self.provider.variables(GITHUB), ["roost", "--base-url", "http://localhost"], "wt serve"),
        ):
            told = wt(self.home, *words, "--addr", "127.0.0.1:0", **extra)
            self.assertEqual((told.returncode, said in told.stderr), (2, True), told.stderr)
            self.assertEqual(len(told.stderr.strip().splitlines()), 1, told.stderr)


class FleetTests(SignInCase):
    def test_through_an_edge(self) -> None:
        """The variables are set on all machines, as secrets are at Fly; login alone has use for them."""
        with Rehearsal(("ewr", "nrt"), variables=self.provider.variables(GITHUB, OIDC)) as fleet:
            far, near = fleet.url("nrt"), fleet.url("ewr")
            ann = Visitor(far)
            self.assertEqual(ann.get("/app/").url, f"{far}/auth/login")
            self.assertEqual(ann.upgrade("/ws/app"), 401)
            self.provider.sign_in_as("ann@example.org")
            page = ann.sign_in(OIDC, "/auth/claim")
            self.assertEqual(page.url, f"{near}/auth/claim", "providers know one address of the fleet")
            self.assertEqual(ann.me["email"], "ann@example.org")
            self.assertEqual(ann.upgrade("/ws/app"), 101, "the edge asks login who that is")
            before = dict(ann.cookies)
            ann.sign_in(GITHUB)
            other = Visitor(far)
            other.cookies = before
            eventually(lambda: other.upgrade("/ws/app") == 401, "the edge hears that the old session ended")
            self.assertEqual(ann.upgrade("/ws/app"), 101)
            with self.assertRaises(OperatorError) as refused:
                fleet.login_link()
            self.assertIn("sign-in", str(refused.exception))
            self.assertEqual(fleet.tracebacks(), [])


class MailTests(SignInCase):
    @contextmanager
    def mailbox(self, *, tls: bool = False) -> Iterator[Mailbox]:
        with Mailbox(self.folder if tls else None) as box:
            yield box

    def test_a_link_works_once_in_any_browser(self) -> None:
        with self.mailbox(tls=True) as box:
            server = self.serve(**box.variables())
            asking, opening, scanner = (self.visitor(server) for _ in range(3))
            page = asking.post("/auth/email", email="Ann@Example.org", next="/auth/claim")
            self.assertEqual(page.status, 200)
            letter = box.wait()
            self.assertEqual((letter.to, letter.sender), (["ann@example.org"], "wing@example.org"))
            self.assertEqual((letter.secure, letter.user), (True, USER))
            for _ in range(2):
                page = scanner.get(letter.link)
                self.assertIn("<button", page.text)
            self.assertFalse(scanner.logged_in)
            token = parse_qs(urlsplit(letter.link).query)["token"][0]
            page = opening.post("/auth/email/link", token=token)
            self.assertEqual(page.url, f"{server.url}/auth/claim")
            self.assertEqual(opening.me["email"], "ann@example.org")
            again = self.visitor(server)
            self.assertEqual(
                (again.post("/auth/email/link", token=token).status, again.logged_in), (404, False)
            )
            self.assertNotIn(token, server.output)

    def test_the_answer_does_not_tell_who_may_sign_in(self) -> None:
        with self.mailbox() as box:
            server = self.serve(**box.variables(), WT_ALLOWED_EMAILS="ann@example.org,bob@example.org")
            visitor = self.visitor(server)
            pages = {
                visitor.post("/auth/email", email=email).text.replace(email, "X")
                for email in ("nobody@example.org", "ann@example.org", "bob@example.org")
            }
            self.assertEqual(len(pages), 1)
            box.wait(2)
            self.assertEqual({letter.to[0] for letter in box.letters}, {"ann@example.org", "bob@example.org"})
            self.assertFalse(box.letters[0].secure)

    def test_an_address_is_linked_in_the_account_that_asked(self) -> None:
        with self.mailbox() as box:
            server = self.serve(GITHUB, **box.variables())
            self.provider.sign_in_as("ann@example.org")
            ann = self.visitor(server)
            ann.sign_in(GITHUB)
            self.assertEqual(
                ann.api("POST", "/api/app/methods/email/link", {"email": "ann@home.example"}).json,
                {"sent": True},
            )
            link = box.wait().link
            token = parse_qs(urlsplit(link).query)["token"][0]
            other = self.visitor(server)
            self.assertIn("/auth/login?next=%2Fauth%2Femail%2Flink", other.get(link).url)
            self.provider.sign_in_as("bob@example.org")
            other.sign_in(GITHUB)
            self.assertEqual(other.post("/auth/email/link", token=token).status, 403)
            page = ann.post("/auth/email/link", token=token, follow=False)
            self.assertEqual(page.headers["location"], "/app/#account/sign-in")
            emails = [m["email"] for m in ann.api("GET", "/api/app/methods").json["methods"]]
            self.assertEqual(emails, ["ann@example.org", "ann@home.example"])

    def test_nothing_is_sent_without_the_security_that_is_asked_for(self) -> None:
        with self.mailbox() as box:
            server = self.serve(**{**box.variables(), "WT_SMTP_SECURITY": "starttls"})
            visitor = self.visitor(server)
            self.assertEqual(visitor.post("/auth/email", email="ann@example.org").status, 200)
            eventually(lambda: "mail could not be sent" in server.output, "the log says so")
            self.assertEqual(box.letters, [])


def _unsigned(claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}."


def _has_app(visitor: Visitor) -> bool:
    return visitor.get("/app/").status == 200
