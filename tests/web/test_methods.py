"""The ways of a user to sign in: shown, linked, and taken away."""

from __future__ import annotations

from tests.web.sign_in_case import SignInCase
from tests.web.support import NOW
from wingthing.names import SESSION_COOKIE
from wingthing.store import audit
from wingthing.web.sign_in_settings import Allowed


class MethodsCase(SignInCase):
    def setUp(self) -> None:
        super().setUp()
        self.enter("ann@example.org")
        self.ann = self.browse("GET", "/api/app/me").json["id"]

    def methods(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.browse("GET", "/api/app/methods").json["methods"]
        return found

    def begin(self, kind: str = "oidc") -> str:
        answer = self.browse("POST", f"/api/app/methods/{kind}/link", {})
        self.assertEqual(answer.status, 200)
        state = self.oidc.attempts[-1].state
        self.assertEqual(answer.json, {"location": f"https://oidc.example/authorize?a=1&state={state}"})
        return state


class MethodsTests(MethodsCase):
    def test_the_list(self) -> None:
        answer = self.browse("GET", "/api/app/methods")
        (method,) = answer.json["methods"]
        self.assertEqual(set(method), {"id", "provider", "name", "email", "linked_at", "used_at"})
        self.assertEqual(
            (method["provider"], method["name"], method["email"], method["linked_at"]),
            ("github", "GitHub", "ann@example.org", NOW),
        )
        self.assertEqual(
            answer.json["available"],
            [
                {"provider": "github", "name": "GitHub"},
                {"provider": "oidc", "name": "Example"},
                {"provider": "email", "name": "E-mail"},
            ],
        )

    def test_only_who_is_logged_in(self) -> None:
        self.jar.clear()
        for method, path in (
            ("GET", "/api/app/methods"),
            ("POST", "/api/app/methods/oidc/link"),
            ("POST", "/api/app/methods/email/link"),
            ("DELETE", "/api/app/methods/x"),
        ):
            self.assertEqual(self.browse(method, path, {} if method == "POST" else None).status, 401)

    def test_linking(self) -> None:
        self.oidc.knows("other@example.org")
        before = self.jar[SESSION_COOKIE]
        answer = self.back(self.begin(), "oidc")
        self.assertEqual((answer.status, answer.header("location")), (303, "/app/#account/sign-in"))
        self.assertEqual([m["email"] for m in self.methods()], ["ann@example.org", "other@example.org"])
        self.assertEqual(self.jar[SESSION_COOKIE], before, "it is no login")
        (entry,) = self.run_now(audit.of_user, self.ann, most=1)
        self.assertEqual((entry.action, entry.subject), ("sign-in linked", "oidc"))
        self.other_browser()
        self.enter("other@example.org", "oidc")
        self.assertEqual(self.browse("GET", "/api/app/me").json["id"], self.ann)

    def test_linking_is_bound_to_the_session_that_began_it(self) -> None:
        """Else whoever has a state could give their own account to whoever opens the callback."""
        self.oidc.knows("other@example.org")
        state = self.begin()
        self.enter("bob@example.org")
        state = self.begin()
        del self.jar[SESSION_COOKIE]
        self.assertEqual(self.back(state, "oidc").status, 401)
        self.enter("ann@example.org")
        state = self.begin()
        self.browse("POST", "/auth/logout")
        self.assertEqual(self.back(state, "oidc").status, 401)
        self.enter("ann@example.org")
        self.assertEqual([m["email"] for m in self.methods()], ["ann@example.org"])

    def test_a_sign_in_cannot_be_turned_into_a_linking(self) -> None:
        """Login CSRF for linking: the victim is logged in, the attempt is the attacker's."""
        self.oidc.knows("mallory@example.org")
        victim = self.other_browser()
        self.enter("mallory@example.org")
        state = self.begin()
        self.jar = victim
        self.assertEqual(self.back(state, "oidc").status, 400)
        self.assertEqual([m["email"] for m in self.methods()], ["ann@example.org"])

    def test_not_one_of_another_account(self) -> None:
        mine = self.other_browser()
        self.enter("bob@example.org", "oidc")
        self.jar = mine
        self.oidc.knows("bob@example.org")
        answer = self.back(self.begin(), "oidc")
        self.assertEqual(answer.status, 409)
        self.assertIn("another account", answer.text)
        self.assertEqual(len(self.methods()), 1)

    def test_unlinking_but_not_the_last(self) -> None:
        self.oidc.knows("other@example.org")
        self.back(self.begin(), "oidc")
        first, second = (str(m["id"]) for m in self.methods())
        self.assertEqual(self.browse("DELETE", f"/api/app/methods/{first}").status, 204)
        answer = self.browse("DELETE", f"/api/app/methods/{second}")
        self.assertEqual(answer.status, 409)
        self.assertIn("last way", answer.error)
        self.assertEqual(self.who, "other@example.org")
        for wrong in (first, "x", "' OR 1=1 --".replace(" ", "%20")):
            self.assertEqual(self.browse("DELETE", f"/api/app/methods/{wrong}").status, 404)

    def test_not_anothers(self) -> None:
        (method,) = self.methods()
        self.other_browser()
        self.enter("bob@example.org", "oidc")
        self.assertEqual(self.browse("DELETE", f"/api/app/methods/{method['id']}").status, 404)

    def test_a_foreign_page_links_nothing(self) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": None}):
            answer = self.browse("POST", "/api/app/methods/oidc/link", {}, headers)
            self.assertEqual(answer.status, 403)
        answer = self.browse("POST", "/api/app/methods/oidc/link", "{}", {"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)

    def test_what_is_not_there(self) -> None:
        self.assertEqual(self.browse("POST", "/api/app/methods/google/link", {}).status, 404)


class ByMailTests(MethodsCase):
    allowed = Allowed(frozenset(), frozenset({"example.org"}))

    def test_an_address_is_linked_in_the_account_that_asked(self) -> None:
        answer = self.browse("POST", "/api/app/methods/email/link", {"email": "Other@Example.org"})
        self.assertEqual(answer.json, {"sent": True})
        self.clock.advance(0)
        (letter,) = self.mailer.letters
        self.assertEqual(letter.to, "other@example.org")
        mine = self.other_browser()
        answer = self.browse("GET", letter.path)
        self.assertEqual(answer.status, 303)
        self.assertIn("/auth/login?next=%2Fauth%2Femail%2Flink", str(answer.header("location")))
        self.assertEqual(self.form("/auth/email/link", token=letter.token).status, 303)
        self.enter("bob@example.org")
        self.assertEqual(self.browse("GET", letter.path).status, 403)
        self.assertEqual(self.form("/auth/email/link", token=letter.token).status, 403)
        self.assertEqual(len(self.methods()), 1, "and it is not spent by that")
        self.jar = mine
        answer = self.form("/auth/email/link", token=letter.token)
        self.assertEqual(answer.header("location"), "/app/#account/sign-in")
        self.assertEqual([m["provider"] for m in self.methods()], ["github", "email"])
        self.assertEqual(self.form("/auth/email/link", token=letter.token).status, 404)

    def test_an_address_that_may_not(self) -> None:
        for email, status in (("x@evil.test", 403), ("x", 400), ("", 400)):
            self.assertEqual(
                self.browse("POST", "/api/app/methods/email/link", {"email": email}).status, status
            )
        self.clock.advance(0)
        self.assertEqual(self.mailer.letters, [])


class WithoutMailTests(MethodsCase):
    by_mail = False

    def test_no_mail_no_way(self) -> None:
        self.assertEqual(
            self.browse("POST", "/api/app/methods/email/link", {"email": "x@example.org"}).status, 404
        )
        available = self.browse("GET", "/api/app/methods").json["available"]
        self.assertEqual([entry["provider"] for entry in available], ["github", "oidc"])
