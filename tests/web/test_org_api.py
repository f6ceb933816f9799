"""`/api/orgs`: what each of its addresses answers to whom, and what it changes."""

from __future__ import annotations

import sqlite3
from typing import Any, cast

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from tests.web.org_case import ROLES, FakeMailer, OrgWebCase
from tests.web.support import NOW, URL, Exchange
from wingthing.relay.rates import LIMITS
from wingthing.store import orgs
from wingthing.store.users import remove
from wingthing.web.plans import Plans
from wingthing.wire.account_limits import INVITES_PER_ACCOUNT
from wingthing.wire.internal import NO_LIMITS
from wingthing.wire.limits import INVITE_MAIL_SECONDS, INVITE_SECONDS, MAX_INVITED_AT_ONCE

WHO = (None, "eve", "cat", "bob", "ann")
"""Anonymous, stranger, member, admin, owner."""

TABLE: list[tuple[str, str, Any, tuple[int, int, int, int, int]]] = [
    # method, address, body                                                  nobody strange member admin owner
    ("GET", "", None, (401, 200, 200, 200, 200)),
    ("POST", "", {"name": "Lab"}, (401, 201, 201, 201, 201)),
    ("GET", "/{org}", None, (401, 404, 200, 200, 200)),
    ("GET", "/acme", None, (401, 404, 200, 200, 200)),
    ("PUT", "/{org}", {"name": "Other"}, (401, 404, 403, 200, 200)),
    ("DELETE", "/{org}", None, (401, 404, 403, 403, 204)),
    ("GET", "/{org}/members", None, (401, 404, 200, 200, 200)),
    ("PUT", "/{org}/members/dan", {"role": "admin"}, (401, 404, 403, 200, 200)),
    ("PUT", "/{org}/members/dan", {"role": "owner"}, (401, 404, 403, 403, 200)),
    ("PUT", "/{org}/members/ann", {"role": "member"}, (401, 404, 403, 403, 409)),
    ("PUT", "/{org}/members/eve", {"role": "member"}, (401, 404, 403, 404, 404)),
    ("DELETE", "/{org}/members/dan", None, (401, 404, 403, 204, 204)),
    ("DELETE", "/{org}/members/ann", None, (401, 404, 403, 403, 409)),
    ("DELETE", "/{org}/members/bob", None, (401, 404, 403, 204, 204)),
    ("POST", "/{org}/transfer", {"user_id": "dan"}, (401, 404, 403, 403, 200)),
    ("POST", "/{org}/invite", {"emails": ["x@y.org"], "role": "member"}, (401, 404, 403, 200, 200)),
    ("POST", "/{org}/invite", {"emails": ["x@y.org"], "role": "admin"}, (401, 404, 403, 200, 200)),
    ("POST", "/{org}/invite", {"emails": ["x@y.org"], "role": "owner"}, (401, 404, 403, 403, 200)),
    ("GET", "/{org}/invites", None, (401, 404, 403, 200, 200)),
    ("POST", "/{org}/invites/nothing/revoke", None, (401, 404, 403, 404, 404)),
    ("POST", "/{org}/upgrade", {"seats": 3}, (401, 404, 403, 403, 200)),
    ("POST", "/{org}/cancel", None, (401, 404, 403, 403, 200)),
    ("GET", "/{org}/audit", None, (401, 404, 403, 200, 200)),
    ("GET", "/{org}/audit.csv", None, (401, 404, 403, 200, 200)),
]


class TableTests(OrgWebCase):
    def test_every_address_for_everybody(self) -> None:
        pristine = sqlite3.connect(":memory:")
        self.direct.connection.backup(pristine)
        for method, path, body, wanted in TABLE:
            found = []
            for user_id in WHO:
                answer = self.call(user_id, method, path, body)
                pristine.backup(self.direct.connection)
                found.append(answer.status)
                if answer.status >= 400:
                    self.assertTrue(answer.json["error"], (method, path))
                if answer.status == 404 and user_id == "eve":
                    self.assertEqual(answer.error, orgs.NO_SUCH_ORG, "as if there were none")
            self.assertEqual(tuple(found), wanted, (method, path, body))
        pristine.close()

    def test_the_table_has_every_route(self) -> None:
        routes = {
            (method, rule.rule.replace("<", "{").replace(">", "}"))
            for rule in self.parts()["orgs"].url_map.iter_rules()
            for method in rule.methods or ()
            if method != "HEAD"
        }
        asked = {
            (method, "/orgs" + path.replace("{org}", "{org_id}").replace("acme", "{org_id}"))
            for method, path, _body, _wanted in TABLE
        }
        names = {"dan": "{user_id}", "ann": "{user_id}", "bob": "{user_id}", "eve": "{user_id}"}
        asked = {
            (
                method,
                "/".join(names.get(part, part) for part in path.split("/")).replace("nothing", "{token}"),
            )
            for method, path in asked
        }
        self.assertEqual(asked, routes)

    def test_a_write_from_another_site_or_of_a_form(self) -> None:
        self.as_user("ann")
        for method, path, body, _wanted in TABLE:
            if method == "GET":
                continue
            address = "/api/orgs" + path.replace("{org}", self.org)
            for origin in ("https://evil.example", "null", None):
                self.assertEqual(self.ask(method, address, body, {"Origin": origin}).status, 403)
            if body is not None and "upgrade" not in path:
                form = self.ask(
                    method, address, "name=x", {"Content-Type": "application/x-www-form-urlencoded"}
                )
                self.assertEqual(form.status, 415)
        self.assertEqual((self.roles(), self.changes), (ROLES, 0))

    def test_bodies_that_are_not_what_they_should_be(self) -> None:
        for method, path, body, _wanted in TABLE:
            if body is None:
                continue
            numbers = {"name": 1, "emails": "x", "role": 1, "user_id": 2, "seats": "x"}
            bodies: list[object] = [[], numbers]
            if "upgrade" not in path:
                bodies.append({"role": None})
            for wrong in bodies:
                self.assertEqual(self.call("ann", method, path, wrong).status, 400, (path, wrong))
        self.assertEqual(self.roles(), ROLES)


class OrgTests(OrgWebCase):
    def test_one_is_made(self) -> None:
        answer = self.call("eve", "POST", "", {"name": "  Eve's   Lab "})
        made = answer.json
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "slug": "eve-s-lab",
                "name": "Eve's Lab",
                "role": "owner",
                "is_owner": True,
                "members": 1,
                "invites": 0,
                "created_at": NOW,
                "plan": "free",
                "seats": 0,
            },
        )
        self.assertEqual(self.call("eve", "GET", "").json, [made])
        self.assertEqual(self.call("eve", "GET", f"/{made['id']}").json, made)
        self.assertEqual((self.changes, self.call("eve", "POST", "", {"name": "admin"}).status), (1, 400))

    def test_what_members_see_of_it(self) -> None:
        self.invite("x@y.org")
        (seen,) = self.call("cat", "GET", "").json
        self.assertEqual(
            (seen["role"], seen["is_owner"], seen["members"], seen["invites"]), ("member", False, 4, 1)
        )
        first = self.call("cat", "GET", "/acme/members").json[0]
        self.assertEqual(
            first,
            {
                "user_id": "ann",
                "display_name": "Ann",
                "email": "ann@example.org",
                "role": "owner",
                "joined_at": NOW,
            },
        )

    def test_each_change_is_told_before_it_is_answered(self) -> None:
        for count, (method, path, body) in enumerate(
            [
                ("PUT", "/{org}", {"name": "Other"}),
                ("PUT", "/{org}/members/cat", {"role": "admin"}),
                ("DELETE", "/{org}/members/cat", None),
                ("POST", "/{org}/transfer", {"user_id": "bob"}),
            ],
            1,
        ):
            self.assertLess(self.call("ann", method, path, body).status, 300)
            self.assertEqual(self.changes, count)
        self.assertEqual(self.call("bob", "DELETE", "/{org}").status, 204)
        self.assertEqual((self.changes, self.roles()), (5, {}))

    def test_leaving_and_the_last_owner(self) -> None:
        self.assertEqual(self.call("cat", "DELETE", "/{org}/members/cat").status, 204)
        answer = self.call("ann", "DELETE", "/{org}/members/ann")
        self.assertEqual((answer.status, answer.error), (409, orgs.LAST_OWNER))
        self.call("ann", "POST", "/{org}/transfer", {"user_id": "dan"})
        self.assertEqual(self.call("ann", "DELETE", "/{org}/members/ann").status, 204)
        self.assertEqual(self.roles(), {"dan": "owner", "bob": "admin"})

    def test_seats(self) -> None:
        answer = self.call("ann", "POST", "/{org}/upgrade", {"seats": 3})
        self.assertEqual(answer.json, {"ok": True, "plan": "pro", "seats": 3})
        self.assertEqual(self.call("ann", "POST", "/{org}/upgrade").json["seats"], 4, "for all who are in it")
        (seen,) = self.call("cat", "GET", "").json
        self.assertEqual((seen["plan"], seen["seats"]), ("pro", 4))
        answer = self.call("ann", "POST", "/{org}/cancel")
        self.assertEqual(answer.json, {"ok": True, "plan": "free", "seats": 0})

    def make_plans(self) -> Plans:
        return Plans(database=self.database, seconds=self.clock.seconds, settled=True, terms=NO_LIMITS)

    def test_the_log_says_who_did_what_to_whom(self) -> None:
        self.invite("x@y.org", role="admin", actor="bob")
        self.call("bob", "DELETE", "/{org}/members/cat")
        self.call("ann", "PUT", "/{org}/members/dan", {"role": "admin"})
        self.call("ann", "PUT", "/{org}", {"name": "Umbrella"})
        entries = self.call("ann", "GET", "/{org}/audit").json
        told = [(entry["who"], entry["action"], entry["subject"], entry["account_name"]) for entry in entries]
        self.assertEqual(
            told,
            [
                ("Ann", "organisation renamed", "Acme", "Ann"),
                ("Ann", "made admin of an organisation", "Acme", "Dan"),
                ("Bob", "removed from organisation", "Acme", "Cat"),
                ("Bob", "invited as admin", "x@y.org", "Bob"),
            ],
        )
        removed = entries[2]
        self.assertEqual((removed["actor"], removed["account"]), ("bob", "cat"))
        self.assertTrue(all(entry["address"] == "127.0.0.1" for entry in entries))
        page = self.call("ann", "GET", f"/{{org}}/audit?before={entries[1]['id']}").json
        self.assertEqual(page, entries[2:])
        sheet = self.call("ann", "GET", "/{org}/audit.csv")
        self.assertEqual(
            sheet.header("content-disposition"), 'attachment; filename="wingthing-audit-acme.csv"'
        )
        self.assertEqual(len(sheet.text.splitlines()), 5)

    def test_a_refused_change_is_not_noted(self) -> None:
        self.call("bob", "DELETE", "/{org}/members/ann")
        self.call("ann", "DELETE", "/{org}/members/ann")
        self.call("ann", "PUT", "/{org}/members/eve", {"role": "admin"})
        self.assertEqual((self.call("ann", "GET", "/{org}/audit").json, self.changes), ([], 0))

    def test_whoever_was_removed_as_a_user_is_in_it_no_more(self) -> None:
        self.run_now(remove, "ann", now=NOW)
        self.assertEqual(self.roles(), {"bob": "owner", "cat": "member", "dan": "member"})
        self.assertEqual(self.call("ann", "GET", "/{org}").status, 401)


class InviteTests(OrgWebCase):
    def test_the_link_is_told_once(self) -> None:
        (made,) = self.invite(" New@Example.ORG ")
        self.assertEqual((made["email"], made["mailed"]), ("new@example.org", False))
        self.assertTrue(made["link"].startswith(f"{URL}/invite/"))
        token = made["link"].rpartition("/")[2]
        listed = self.call("bob", "GET", "/{org}/invites")
        self.assertEqual(
            listed.json,
            [
                {
                    "id": made["id"],
                    "email": "new@example.org",
                    "role": "member",
                    "created_at": NOW,
                    "expires_at": NOW + INVITE_SECONDS,
                    "invited_by": "Ann",
                }
            ],
        )
        for answer in (listed, self.call("ann", "GET", "/{org}/audit"), self.call("ann", "GET", "/{org}")):
            self.assertNotIn(token, answer.text)

    def test_all_of_them_or_none(self) -> None:
        for emails in (["a@y.org", "cat@example.org"], ["a@y.org", "nonsense"], [], ["a@y.org"] * 51):
            answer = self.call("ann", "POST", "/{org}/invite", {"emails": emails, "role": "member"})
            self.assertIn(answer.status, (400, 409), emails)
        self.assertEqual(MAX_INVITED_AT_ONCE, 50)
        self.assertEqual(self.call("ann", "GET", "/{org}/invites").json, [])
        self.assertEqual(
            [each["email"] for each in self.invite("a@y.org", "B@y.org", "A@Y.org")], ["a@y.org", "b@y.org"]
        )
        self.assertEqual(len(self.call("ann", "GET", "/{org}/invites").json), 2)

    def test_withdrawn_by_its_token_or_its_id(self) -> None:
        first, second = self.invite("a@y.org", "b@y.org")
        token = first["link"].rpartition("/")[2]
        for name in (token, second["id"]):
            self.assertEqual(self.call("bob", "POST", f"/{{org}}/invites/{name}/revoke").json, {"ok": True})
        self.assertEqual(self.call("bob", "POST", f"/{{org}}/invites/{token}/revoke").status, 404)
        self.assertEqual(self.call("ann", "GET", "/{org}/invites").json, [])


class LimitTests(OrgWebCase):
    enforced = frozenset(LIMITS)

    def test_who_invites_too_many_waits(self) -> None:
        self.invite(*(f"{number}@y.org" for number in range(INVITES_PER_ACCOUNT)))
        answer = self.call("ann", "POST", "/{org}/invite", {"emails": ["one@more.org"], "role": "member"})
        self.assertEqual(answer.status, 429)
        self.assertTrue(int(answer.header("retry-after") or "0") > 0)
        self.invite("one@more.org", actor="bob")

    def test_whoever_may_not_invite_uses_nothing_up(self) -> None:
        for user_id in ("cat", "eve"):
            for _ in range(3):
                many = {"emails": ["x@y.org"] * MAX_INVITED_AT_ONCE, "role": "member"}
                self.assertIn(self.call(user_id, "POST", "/{org}/invite", many).status, (403, 404))
        self.invite("x@y.org")


class MailTests(OrgWebCase):
    def setUp(self) -> None:
        self.mailer = FakeMailer()
        super().setUp()

    def test_a_letter_for_each(self) -> None:
        made = self.invite("a@y.org", "b@y.org", role="admin", actor="bob")
        self.assertEqual([each["mailed"] for each in made], [True, True])
        assert self.mailer is not None
        self.assertEqual([to for to, _subject, _text in self.mailer.letters], ["a@y.org", "b@y.org"])
        for invite, (_to, subject, text) in zip(made, self.mailer.letters, strict=True):
            self.assertEqual(subject, "Bob invites you to Acme")
            self.assertIn("Bob (bob@example.org) invites you to Acme, as an admin", text)
            for words in (invite["link"], "7 days", f"sign in as {invite['email']}"):
                self.assertIn(words, text)

    def test_a_letter_that_is_not_taken_is_told_and_its_link_is_not_logged(self) -> None:
        assert self.mailer is not None
        self.mailer.refused = {"a@y.org"}
        events: list[LogEvent] = []
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        made = self.invite("a@y.org", "b@y.org")
        self.assertEqual([each["mailed"] for each in made], [False, True])
        said = [formatEvent(event) for event in events]
        self.assertTrue(any(made[0]["id"] in line for line in said), said)
        self.assertFalse(any(made[0]["link"].rpartition("/")[2] in line for line in said))
        self.assertEqual(len(self.call("ann", "GET", "/{org}/invites").json), 2, "the link counts")

    def test_a_slow_mail_server_holds_nobody_up(self) -> None:
        assert self.mailer is not None
        self.mailer.slow = {"a@y.org"}
        self.as_user("ann")
        exchange = Exchange(self)
        body = {"emails": ["a@y.org", "b@y.org"], "role": "member"}
        exchange.send(self.raw("POST", f"/api/orgs/{self.org}/invite", body))
        self.assertFalse(exchange.answered)
        self.clock.advance(INVITE_MAIL_SECONDS)
        self.assertEqual([each["mailed"] for each in exchange.answer().json["invited"]], [False, True])

    def test_a_bug_in_the_mailer_is_no_answer_to_the_user(self) -> None:
        async def broken(*_args: Any, **_fields: Any) -> None:
            raise RuntimeError("a bug")

        self.patch(self.mailer, "send", broken)
        self.assertEqual([each["mailed"] for each in self.invite("a@y.org")], [False])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
