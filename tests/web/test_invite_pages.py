"""`/invite/{token}`: asks first, and lets in whom it is for and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.web.org_case import OrgWebCase
from tests.web.support import NOW, URL, Answer, WebCase
from wingthing.store import orgs, users
from wingthing.wire.limits import INVITE_SECONDS

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": URL}


class InvitePagesCase(OrgWebCase):
    def setUp(self) -> None:
        super().setUp()
        (made,) = self.invite("eve@example.org", role="admin")
        self.path = made["link"].removeprefix(URL)

    def open(self, user_id: str | None, path: str | None = None) -> Answer:
        self.as_user(user_id)
        return self.get(path or self.path)

    def press(self, user_id: str | None, do: str = "accept", path: str | None = None) -> Answer:
        self.as_user(user_id)
        return self.ask("POST", path or self.path, f"do={do}", FORM)

    def is_in(self, user_id: str = "eve") -> bool:
        return user_id in self.roles()


class InvitePagesTests(InvitePagesCase):
    def test_it_says_who_invites_to_what_and_asks(self) -> None:
        answer = self.open("eve")
        self.assertEqual(answer.status, 200)
        for words in ("Join Acme?", "Ann", "eve@example.org", "an admin", '<form method="post">'):
            self.assertIn(words, answer.text)
        self.assertEqual(answer.header("referrer-policy"), "same-origin", "or the form has no origin")
        self.assertEqual((self.is_in(), self.changes), (False, 0), "looking at it changes nothing")

    def test_whoever_invites_cannot_choose_their_address(self) -> None:
        self.run_now(users.rename, "ann", "Security of Example")
        answer = self.open("eve")
        self.assertIn("<strong>Security of Example</strong> (<code>ann@example.org</code>)", answer.text)

    def test_accepted(self) -> None:
        answer = self.press("eve")
        self.assertEqual((answer.status, answer.header("location")), (303, f"/app/#account/orgs/{self.org}"))
        self.assertEqual((self.roles()["eve"], self.changes), ("admin", 1))
        log = self.call("ann", "GET", "/{org}/audit").json
        self.assertEqual((log[0]["who"], log[0]["action"]), ("Eve", "joined as admin"))

    def test_pressed_twice(self) -> None:
        first = self.press("eve").header("location")
        self.assertEqual([each("eve").header("location") for each in (self.press, self.open)], [first] * 2)
        self.assertEqual((self.changes, self.open("dan").status), (1, 403))

    def test_used_withdrawn_expired(self) -> None:
        self.press("eve")
        self.call("eve", "DELETE", "/{org}/members/eve")
        for press in (self.open, self.press):
            answer = press("eve")
            self.assertEqual(answer.status, 410)
            self.assertIn("accepted already", answer.text)
        (made,) = self.invite("eve@example.org")
        path = made["link"].removeprefix(URL)
        self.call("ann", "POST", f"/{{org}}/invites/{made['id']}/revoke")
        self.assertIn("withdrawn", self.press("eve", path=path).text)
        (made,) = self.invite("eve@example.org")
        path = made["link"].removeprefix(URL)
        self.clock.advance(INVITE_SECONDS)
        self.assertIn("expired", self.press("eve", path=path).text)
        self.assertNotIn("Acme", self.open("eve", path).text)
        self.assertFalse(self.is_in())

    def test_another_account_is_told_for_whom_it_is_and_no_more(self) -> None:
        for press in (self.open, self.press):
            answer = press("dan")
            self.assertEqual(answer.status, 403)
            for words in ("eve@example.org", "dan@example.org", "Sign in with another account"):
                self.assertIn(words, answer.text)
            self.assertNotIn("Acme", answer.text)
        self.assertEqual(self.open("eve").status, 200, "it has not been spent")

    def test_changing_accounts(self) -> None:
        answer = self.press("dan", "switch")
        self.assertEqual(answer.status, 303)
        location = answer.header("location") or ""
        self.assertEqual(location, f"/auth/login?next={self.path.replace('/', '%2F')}")
        self.assertIn("wt_session=;", answer.header("set-cookie") or "")
        self.assertEqual((self.revocations, self.call("dan", "GET", "").status), (1, 401))

    def test_who_is_not_logged_in_is_sent_to_the_login_whatever_the_token(self) -> None:
        for path in (self.path, "/invite/nothing"):
            for answer in (self.open(None, path), self.press(None, path=path)):
                self.assertEqual(answer.status, 303)
                wanted = f"/auth/login?next={path.replace('/', '%2F')}"
                self.assertEqual((answer.header("location"), answer.body), (wanted, b""))

    def test_a_wrong_token_says_nothing(self) -> None:
        token = self.path.rpartition("/")[2]
        wrong = ("nothing", self.org, token + "x", token[:-1], token.swapcase())
        pages = {self.open("dan", f"/invite/{each}").text for each in wrong}
        self.assertEqual(len(pages), 1)
        (page,) = pages
        for words in ("Acme", "Ann", "eve@"):
            self.assertNotIn(words, page)
        self.assertEqual(self.press("eve", path="/invite/nothing").status, 404)

    def test_accepting_needs_a_page_of_this_server(self) -> None:
        self.as_user("eve")
        for origin in (None, "null", "https://evil.example", "http://127.0.0.1:8081"):
            answer = self.ask("POST", self.path, "do=accept", {**FORM, "Origin": origin})
            self.assertEqual(answer.status, 403, origin)
        for method in ("PUT", "DELETE"):
            self.assertIn(self.ask(method, self.path).status, (405, 501))
        self.ask("HEAD", self.path)
        self.assertFalse(self.is_in())

    def test_names_are_no_markup(self) -> None:
        self.run_now(orgs.rename, self.org, "ann", "<script>alert(1)</script>")
        text = self.open("eve").text
        self.assertNotIn("<script>alert", text)
        self.assertIn("&lt;script&gt;", text)

    @given(st.text(max_size=50))
    def test_no_token_breaks_the_page(self, token: str) -> None:
        from urllib.parse import quote

        answer = self.open("dan", f"/invite/{quote(token.encode('utf-8', 'replace'), safe='')}")
        self.assertIn(answer.status, (404, 405), answer)

    def test_a_role_that_was_lost_meanwhile_ends_the_invite(self) -> None:
        (made,) = self.invite("x@example.org", actor="bob")
        self.add_user("x", "x@example.org")
        self.call("ann", "DELETE", "/{org}/members/bob")
        answer = self.press("x", path=made["link"].removeprefix(URL))
        self.assertEqual(answer.status, 410)
        self.assertFalse(self.is_in("x"))

    def test_made_a_member_twice_over(self) -> None:
        self.run_now(orgs.add_member, self.org, "eve", "member", now=NOW)
        self.assertEqual(self.press("eve").status, 303)
        self.assertEqual(self.roles()["eve"], "member", "what they are stays")


class LocalModeTests(OrgWebCase):
    """One user, who has no address: organisations can be made, and nobody can be let in."""

    sign_in = False

    def test_the_page_is_locked_without_a_login_and_for_somebody_else_with_one(self) -> None:
        (made,) = self.invite("new@example.org")
        path = made["link"].removeprefix(URL)
        self.as_user(None)
        self.assertEqual(self.get(path).status, 401)
        WebCase.log_in(self)
        answer = self.get(path)
        self.assertEqual(answer.status, 403)
        self.assertIn("Robin", answer.text)
        self.assertNotIn("another account", answer.text)
        made = self.ask("POST", "/api/orgs", {"name": "Mine"}).json
        self.assertEqual((made["slug"], made["role"]), ("mine", "owner"))
