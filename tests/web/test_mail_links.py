"""Sign-in by mail: the link works once, a scanner cannot spend it, and the answer tells nothing."""

from __future__ import annotations

from tests.web.sign_in_case import SignInCase
from wingthing.names import SESSION_COOKIE
from wingthing.store import users
from wingthing.web import mail_links
from wingthing.web.sign_in_settings import Allowed
from wingthing.wire.account_limits import MAIL_LINK_SECONDS


class MailCase(SignInCase):
    def send(self, email: str = "ann@example.org", next_path: str = "/app/") -> None:
        self.assertEqual(self.form("/auth/email", email=email, next=next_path).status, 200)
        self.clock.advance(0)


class LinkTests(MailCase):
    def test_it_signs_in_once_in_another_browser(self) -> None:
        self.send("Ann@Example.org", "/auth/claim?code=ABCDEF")
        (letter,) = self.mailer.letters
        self.assertEqual((letter.to, letter.subject), ("ann@example.org", "Sign in to 127.0.0.1:8080"))
        self.other_browser()
        answer = self.form("/auth/email/link", token=letter.token)
        self.assertEqual((answer.status, answer.header("location")), (303, "/auth/claim?code=ABCDEF"))
        me = self.browse("GET", "/api/app/me").json
        self.assertEqual(
            (me["email"], me["display_name"], me["provider"]), ("ann@example.org", "ann", "email")
        )
        self.other_browser()
        answer = self.form("/auth/email/link", token=letter.token)
        self.assertEqual((answer.status, self.who), (404, ""))

    def test_what_looks_at_it_does_not_spend_it(self) -> None:
        self.send()
        (letter,) = self.mailer.letters
        for method in ("GET", "HEAD", "GET"):
            answer = self.browse(method, letter.path)
            self.assertEqual((answer.status, answer.header("set-cookie")), (200, None))
        self.assertIn("ann@example.org", answer.text)
        self.assertEqual(answer.header("referrer-policy"), "strict-origin", "and not where it came from")
        self.assertEqual(self.form("/auth/email/link", token=letter.token).status, 303)

    def test_a_foreign_page_cannot_press_the_button(self) -> None:
        self.send()
        (letter,) = self.mailer.letters
        for origin in ("https://evil.example", "null"):
            answer = self.browse("POST", "/auth/email/link", f"token={letter.token}", {"Origin": origin})
            self.assertEqual(answer.status, 403)

    def test_it_runs_out(self) -> None:
        self.send()
        (letter,) = self.mailer.letters
        self.clock.advance(MAIL_LINK_SECONDS)
        self.assertEqual(self.browse("GET", letter.path).status, 404)
        self.assertEqual(self.form("/auth/email/link", token=letter.token).status, 404)

    def test_what_is_no_link(self) -> None:
        for token in ("", "x", "x" * 5000, "\u00e9", "' OR 1=1 --"):
            self.assertEqual(self.form("/auth/email/link", token=token).status, 404)
        self.assertEqual(self.browse("GET", "/auth/email/link").status, 404)

    def test_a_session_is_new(self) -> None:
        self.enter("mallory@example.org")
        fixed = self.jar[SESSION_COOKIE]
        self.send()
        self.form("/auth/email/link", token=self.mailer.letters[0].token)
        self.assertEqual(self.who, "ann@example.org")
        self.jar[SESSION_COOKIE] = fixed
        self.assertEqual(self.who, "")

    def test_what_is_no_address_is_said(self) -> None:
        for wrong in ("", "ann", "ann@example.org\nBcc: bob@example.org", "\uff41nn@example.org", "a@b, c@d"):
            answer = self.form("/auth/email", email=wrong, next="/auth/claim")
            self.assertEqual(answer.status, 400)
            self.assertIn('name="next" value="/auth/claim"', answer.text)
        self.clock.advance(0)
        self.assertEqual(self.mailer.letters, [])

    def test_a_mail_server_that_is_away_changes_no_answer(self) -> None:
        self.mailer.down = True
        self.send()
        self.assertEqual(self.mailer.letters, [])

    def test_a_busy_database_does_not_either(self) -> None:
        self.direct.refusing = True
        self.send()
        self.assertEqual(self.mailer.letters, [])

    def test_an_address_that_mail_cannot_be_sent_to(self) -> None:
        self.send("\u00e9@example.org")
        self.assertEqual(self.mailer.letters, [])

    def test_so_many_wait_at_most(self) -> None:
        self.patch(mail_links, "MAX_WAITING_LETTERS", 2)
        for number in range(4):
            self.form("/auth/email", email=f"ann{number}@example.org")
        self.clock.advance(0)
        self.assertEqual(len(self.mailer.letters), 2)
        self.send()
        self.assertEqual(len(self.mailer.letters), 3, "those that are through make room")


class PrivateTests(MailCase):
    allowed = Allowed(frozenset({"ann@example.org", "new@example.org"}))

    def test_the_answer_is_the_same_and_comes_before_anything_is_done(self) -> None:
        self.run_now(users.add, "ann", name="Ann", email="ann@example.org", provider="operator", now=1.0)
        answers = []
        for email in ("ann@example.org", "new@example.org", "who@example.org"):
            answer = self.form("/auth/email", email=email)
            answers.append((answer.status, answer.text.replace(email, "X"), len(answer.headers)))
            links = self.direct.connection.execute("SELECT count(*) FROM mail_links").fetchone()[0]
            self.assertEqual((links, self.mailer.letters), (0, []))
        self.assertEqual(len(set(answers)), 1)
        self.clock.advance(0)
        self.assertEqual(
            [letter.to for letter in self.mailer.letters], ["ann@example.org", "new@example.org"]
        )

    def test_who_may_not_any_more_is_not_let_in(self) -> None:
        self.send()
        self.ways.entrance.allowed = Allowed(frozenset({"new@example.org"}))
        self.assertEqual(self.form("/auth/email/link", token=self.mailer.letters[0].token).status, 403)
        self.assertEqual(self.who, "")


class LimitTests(MailCase):
    enforced = frozenset({"magic-link"})

    def test_so_many_to_one_mailbox_whoever_it_is(self) -> None:
        for email in ("ann@example.org", "ANN@Example.ORG"):
            statuses = [self.form("/auth/email", email=email).status for _ in range(6)]
        self.assertEqual(statuses[-1], 429)
