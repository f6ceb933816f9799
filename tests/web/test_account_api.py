"""`/api/app/`: profile, login sessions, machines, and the end of an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from klein import Klein

from tests.web.support import NOW, URL, WING, Answer, WebCase
from wingthing.crypto.digests import digest
from wingthing.crypto.tokens import check
from wingthing.errors import PeerError
from wingthing.names import LOCAL_USER_ID
from wingthing.store import audit, login_sessions, revocations, tokens, users
from wingthing.store.audit import Entry
from wingthing.web import account_api
from wingthing.web.account_api import AccountApi
from wingthing.web.visits import Visit
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import (
    DEVICE_TOUCH_SECONDS,
    LOGIN_SESSION_SECONDS,
    LOGIN_TOUCH_SECONDS,
    MAX_DISPLAY_NAME_CHARS,
    TOKEN_LIFETIME_SECONDS,
)
from wingthing.wire.records import WingRecord
from wingthing.wire.text import is_plain

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ANN = "ann@example.org"
SOMEWHERE = Visit("192.0.2.1", "Safari 17 on macOS")


class AccountCase(WebCase):
    """Ann is logged in with Firefox."""

    def setUp(self) -> None:
        super().setUp()
        self.run_now(users.add, "ann", name="Ann", email=ANN, provider="github", now=NOW)
        self.run_now(users.add, "bob", name="Bob", email="bob@example.org", provider="github", now=NOW)
        self.cookie = self.log_in_as("ann")

    def parts(self) -> Mapping[str, Klein]:
        self.account = AccountApi(
            authenticator=self.authenticator,
            database=self.database,
            wings=self.wings,
            seconds=self.clock.seconds,
            base_url=lambda: self.base_url or URL,
            revoked=self._revoked,
        )
        return dict.fromkeys(account_api.PARTS, self.account.app)

    def log_in_as(self, user_id: str, visit: Visit = SOMEWHERE) -> str:
        """Another browser of a user; its cookie."""
        coroutine = self.authenticator.log_in(user_id, visit)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return str(done.value)
        raise AssertionError("the stand-in answers at once")

    def is_logged_in(self, cookie: str) -> bool:
        return self.get("/api/app/me", Cookie=f"wt_session={cookie}").status == 200

    def log_of(self, user_id: str = "ann") -> list[Entry]:
        return self.run_now(audit.of_user, user_id, most=99)

    def told(self) -> set[tuple[RevokedKind, str]]:
        """What other nodes hear of."""
        _latest, events = self.run_now(revocations.since, 0, now=self.clock.seconds())
        return {(event.kind, event.subject) for event in events}


class ProfileTests(AccountCase):
    def put(self, name: object) -> Answer:
        return self.ask("PUT", "/api/app/profile", {"display_name": name})

    def test_what_the_server_has(self) -> None:
        known = {
            "id": "ann",
            "display_name": "Ann",
            "email": ANN,
            "avatar_url": "",
            "provider": "github",
            "created_at": NOW,
        }
        self.assertEqual(self.get("/api/app/profile").json, known)

    def test_the_name_changes_everywhere_and_is_noted(self) -> None:
        self.assertEqual(self.put("  Ann  of  Green Gables ").json["display_name"], "Ann of Green Gables")
        self.assertEqual(self.get("/api/app/me").json["display_name"], "Ann of Green Gables")
        (entry,) = self.log_of()
        self.assertEqual((entry.action, entry.address), ("name changed", "127.0.0.1"))
        bob = self.run_now(users.find, "bob")
        assert bob is not None
        self.assertEqual(bob.display_name, "Bob")

    def test_bounds(self) -> None:
        self.assertEqual(self.put("x" * MAX_DISPLAY_NAME_CHARS).status, 200)
        for wrong in ("", "  ", "x" * (MAX_DISPLAY_NAME_CHARS + 1), "a\nb", "a\u202eb", None, 7, ["x"]):
            self.assertEqual(self.put(wrong).status, 400, wrong)
        self.assertEqual(self.ask("PUT", "/api/app/profile", b'{"display_name": "x"}').status, 415)
        self.assertEqual(len(self.log_of()), 1)

    def test_nothing_else_can_be_changed(self) -> None:
        sent = {"display_name": "Eve", "id": "bob", "email": "eve@example.org", "provider": "x"}
        self.assertEqual(self.ask("PUT", "/api/app/profile", sent).status, 200)
        profile = self.get("/api/app/profile").json
        self.assertEqual((profile["id"], profile["email"], profile["provider"]), ("ann", ANN, "github"))

    @given(st.text(min_size=1, max_size=MAX_DISPLAY_NAME_CHARS))
    def test_any_text_is_text(self, name: str) -> None:
        answer = self.put(name)
        if answer.status == 200:
            self.assertEqual(self.get("/api/app/profile").json["display_name"], " ".join(name.split()))
        else:
            self.assertEqual(answer.status, 400)
            self.assertFalse(name.strip() and is_plain(name.strip()))


class SessionsTests(AccountCase):
    def ids(self) -> dict[bool, list[str]]:
        """Whether it is this browser's -> the ids in the list."""
        found = self.get("/api/app/sessions").json
        return {current: [s["id"] for s in found if s["current"] is current] for current in (True, False)}

    def test_the_list(self) -> None:
        self.clock.advance(60)
        self.log_in_as("ann", Visit("192.0.2.2", "Chrome 126 on Android"))
        self.log_in_as("bob")
        phone, laptop = self.get("/api/app/sessions").json
        self.assertEqual(
            {key: phone[key] for key in set(phone) - {"id"}},
            {
                "current": False,
                "created_at": NOW + 60,
                "used_at": NOW + 60,
                "address": "192.0.2.2",
                "agent": "Chrome 126 on Android",
            },
        )
        self.assertEqual((laptop["current"], laptop["address"]), (True, "192.0.2.1"))

    def test_the_one_time_link_notes_the_browser(self) -> None:
        self.cookie = ""
        answer = self.get(f"/auth/local?key={self.local_key.current()}", User_Agent=FIREFOX)
        self.cookie = (answer.header("set-cookie") or "").partition(";")[0].partition("=")[2]
        (session,) = self.get("/api/app/sessions").json
        self.assertEqual((session["address"], session["agent"]), ("127.0.0.1", "Firefox 128 on Linux"))

    def test_use_is_noted_with_where_it_came_from_once_an_hour(self) -> None:
        self.clock.advance(LOGIN_TOUCH_SECONDS - 1)
        (session,) = self.get("/api/app/sessions", User_Agent=FIREFOX).json
        self.assertEqual((session["used_at"], session["address"]), (NOW, "192.0.2.1"))
        self.clock.advance(1)
        (session,) = self.get("/api/app/sessions", User_Agent=FIREFOX).json
        self.assertEqual(
            (session["used_at"], session["address"], session["agent"]),
            (NOW + LOGIN_TOUCH_SECONDS, "127.0.0.1", "Firefox 128 on Linux"),
        )

    def test_what_has_run_out_is_not_in_it(self) -> None:
        self.clock.advance(LOGIN_SESSION_SECONDS - 10)
        self.get("/api/app/sessions")
        other = self.log_in_as("ann")
        self.clock.advance(LOGIN_SESSION_SECONDS - 10)
        self.get("/api/app/me")
        self.clock.advance(11)
        self.assertFalse(self.is_logged_in(other))
        self.assertEqual(self.ids()[False], [])

    def test_no_id_logs_in_or_is_what_nodes_know_it_by(self) -> None:
        other = self.log_in_as("ann")
        answer = self.get("/api/app/sessions")
        for cookie in (self.cookie, other):
            for secret in (cookie, digest(cookie)):
                self.assertNotIn(secret, answer.text)
                self.assertNotIn(secret[:16], answer.text)
        for session in answer.json:
            self.assertFalse(self.is_logged_in(session["id"]))
            self.assertIsNone(self.run_now(login_sessions.find, session["id"], now=NOW))

    def test_ending_one(self) -> None:
        other, third = self.log_in_as("ann"), self.log_in_as("ann")
        wanted = login_sessions.public_id(digest(other))
        self.assertIn(wanted, self.ids()[False])
        answer = self.ask("DELETE", f"/api/app/sessions/{wanted}")
        self.assertEqual((answer.status, answer.body, answer.header("set-cookie")), (204, b"", None))
        self.assertEqual([self.is_logged_in(c) for c in (other, third, self.cookie)], [False, True, True])
        self.assertEqual((self.told(), self.revocations), ({(RevokedKind.LOGIN, digest(other))}, 1))
        (entry,) = self.log_of()
        self.assertEqual((entry.action, entry.address), ("login session ended", "127.0.0.1"))

    def test_ending_this_one_takes_the_cookie_back(self) -> None:
        answer = self.ask("DELETE", f"/api/app/sessions/{self.ids()[True][0]}")
        self.assertEqual(answer.status, 204)
        taken = answer.header("set-cookie") or ""
        self.assertTrue(taken.startswith("wt_session=;") and "Max-Age=0" in taken, taken)
        self.assertEqual(self.get("/api/app/me").status, 401)

    def test_ending_all_others(self) -> None:
        others = [self.log_in_as("ann") for _ in range(3)]
        his = self.log_in_as("bob")
        self.assertEqual(self.ask("DELETE", "/api/app/sessions").status, 204)
        self.assertEqual([self.is_logged_in(cookie) for cookie in others], [False] * 3)
        self.assertTrue(self.is_logged_in(self.cookie))
        self.assertTrue(self.is_logged_in(his))
        self.assertEqual(self.told(), {(RevokedKind.LOGIN, digest(cookie)) for cookie in others})
        self.assertEqual([e.action for e in self.log_of()], ["all other login sessions ended"])

    def test_nobody_elses_and_nothing_that_is_none(self) -> None:
        his = self.log_in_as("bob")
        tries = [
            login_sessions.public_id(digest(his)),
            digest(self.cookie),
            self.cookie,
            "%25",
            "'",
            "%C3%A9",
            "x" * 999,
        ]
        for wrong in tries:
            self.assertEqual(self.ask("DELETE", f"/api/app/sessions/{wrong}").status, 404, wrong)
        self.assertTrue(self.is_logged_in(his))
        self.assertEqual((self.told(), self.revocations, self.log_of()), (set(), 0, []))


class CookieTests(AccountCase):
    def attributes(self) -> set[str]:
        self.cookie = ""
        answer = self.get(f"/auth/local?key={self.local_key.current()}")
        (_value, *attributes) = (answer.header("set-cookie") or "").split("; ")
        return {attribute.lower() for attribute in attributes}

    def test_no_script_reads_it_and_no_other_site_sends_it(self) -> None:
        self.assertLessEqual({"httponly", "samesite=lax", "path=/"}, self.attributes())
        self.assertFalse({a for a in self.attributes() if a.startswith("domain")}, "this host alone")

    def test_secure_behind_https_alone(self) -> None:
        self.assertNotIn("secure", self.attributes())
        self.base_url = "https://wt.example.com"
        self.assertIn("secure", self.attributes())

    def test_a_value_that_the_browser_brought_is_never_the_session(self) -> None:
        planted = "planted-by-somebody-else-0123456789abcdefghij"
        self.cookie = planted
        answer = self.get(f"/auth/local?key={self.local_key.current()}")
        value = (answer.header("set-cookie") or "").partition(";")[0].partition("=")[2]
        self.assertEqual((answer.status, len(value)), (303, 43))
        self.assertNotEqual(value, planted)
        self.assertFalse(self.is_logged_in(planted))

    def test_the_database_is_asked_by_its_digest_alone(self) -> None:
        """How long a look-up takes may depend on what is looked up. Of a digest nobody can choose more than a
        few bits, so it tells nothing of any cookie; the cookie itself is compared with nothing."""
        asked: list[str] = []
        read, write = self.direct.read, self.direct.write

        async def noting_read(*arguments: Any, **more: Any) -> Any:
            asked.append(repr((arguments[1:], more)))
            return await read(*arguments, **more)

        async def noting_write(*arguments: Any, **more: Any) -> Any:
            asked.append(repr((arguments[1:], more)))
            return await write(*arguments, **more)

        self.patch(self.direct, "read", noting_read)
        self.patch(self.direct, "write", noting_write)
        self.clock.advance(LOGIN_TOUCH_SECONDS)
        self.assertTrue(self.is_logged_in(self.cookie))
        self.post("/auth/logout")
        self.assertTrue([each for each in asked if digest(self.cookie) in each])
        self.assertFalse([each for each in asked if self.cookie in each])

    def test_each_sign_in_has_a_new_one(self) -> None:
        self.assertEqual(len({self.log_in_as("ann") for _ in range(5)}), 5)


class DevicesTests(AccountCase):
    def jti(self, token: str) -> str:
        return check(token, [self.key.public_key()], now=self.clock.seconds()).jti

    def counts(self, token: str) -> bool:
        return self.get("/auth/check", Authorization=f"Bearer {token}").status == 200

    def used_at(self) -> list[float]:
        return [device["used_at"] for device in self.get("/api/app/devices").json]

    def online(self, owner: str = "ann") -> None:
        self.wings.of["ann"] = [
            WingRecord(wing_id=WING, connection_id="c", user_id=owner, owner="", public_key="key")
        ]

    def test_the_tokens_that_count_the_newest_first(self) -> None:
        self.token("ann", wing=WING)
        self.token("bob")
        self.clock.advance(10)
        self.token("ann")
        found = self.get("/api/app/devices").json
        self.assertEqual([(d["wing_id"], d["issued_at"]) for d in found], [("", NOW + 10), (WING, NOW)])
        self.assertEqual(found[1]["expires_at"], NOW + TOKEN_LIFETIME_SECONDS)
        self.assertEqual(set(found[0]), {"id", "wing_id", "issued_at", "expires_at", "used_at"})

    def test_use_is_noted_once_an_hour_and_zero_means_never(self) -> None:
        token = self.token("ann", wing=WING)
        self.assertEqual(self.used_at(), [0])
        self.assertTrue(self.counts(token))
        self.assertEqual(self.used_at(), [NOW])
        self.clock.advance(DEVICE_TOUCH_SECONDS - 1)
        self.counts(token)
        self.assertEqual(self.used_at(), [NOW])
        self.clock.advance(1)
        self.counts(token)
        self.assertEqual(self.used_at(), [NOW + DEVICE_TOUCH_SECONDS])

    def test_a_busy_database_turns_no_wing_away(self) -> None:
        token = self.token("ann")
        self.direct.refusing = True
        self.assertTrue(self.counts(token))
        self.direct.refusing = False
        self.assertEqual(self.used_at(), [0])

    def test_a_machine_that_is_connected_is_in_use_now(self) -> None:
        self.token("ann", wing=WING)
        self.clock.advance(100)
        self.token("ann", wing=WING)
        self.token("ann")
        self.online()
        self.clock.advance(100)
        found = self.get("/api/app/devices").json
        newest = max(d["issued_at"] for d in found if d["wing_id"])
        self.assertEqual(
            {(d["wing_id"], d["issued_at"] == newest): d["used_at"] for d in found},
            {(WING, True): NOW + 200, (WING, False): 0, ("", True): 0},
        )

    def test_somebody_elses_machine_of_that_name_is_not_mine(self) -> None:
        self.token("ann", wing=WING)
        self.online("bob")
        self.assertEqual(self.used_at(), [0])

    def test_revoking_one(self) -> None:
        token, other = self.token("ann"), self.token("ann")
        answer = self.ask("DELETE", f"/api/app/devices/{self.jti(token)}")
        self.assertEqual((answer.status, answer.body, self.revocations), (204, b"", 1))
        self.assertEqual((self.counts(token), self.counts(other)), (False, True))
        self.assertEqual([d["id"] for d in self.get("/api/app/devices").json], [self.jti(other)])
        (entry,) = self.log_of()
        self.assertEqual(
            (entry.action, entry.subject, entry.address), ("device revoked", self.jti(token), "127.0.0.1")
        )

    def test_only_ones_own_and_only_once(self) -> None:
        own, his = self.token("ann"), self.token("bob")
        self.ask("DELETE", f"/api/app/devices/{self.jti(own)}")
        for jti in (self.jti(his), self.jti(own), "nothing", "%25"):
            self.assertEqual(self.ask("DELETE", f"/api/app/devices/{jti}").status, 404, jti)
        self.assertEqual((self.revocations, len(self.log_of())), (1, 1))
        self.assertTrue(self.counts(his))

    def test_revoking_all(self) -> None:
        self.clock.advance(0.5)
        mine, his = [self.token("ann"), self.token("ann", wing=WING)], self.token("bob")
        self.assertEqual(self.ask("DELETE", "/api/app/devices").status, 204)
        self.assertEqual([self.counts(token) for token in mine], [False, False])
        self.assertTrue(self.counts(his))
        self.assertTrue(self.is_logged_in(self.cookie), "browsers stay")
        self.assertIn((RevokedKind.TOKENS, "ann"), self.told(), "those that were not noted too")
        self.assertEqual([e.action for e in self.log_of()], ["all devices revoked"])


class DeletionTests(AccountCase):
    def delete(self, confirm: object = ANN) -> Answer:
        return self.ask("DELETE", "/api/app/account", {"confirm": confirm})

    def test_what_goes_is_told_before(self) -> None:
        for wing in (WING, WING, "b" * 24, ""):
            self.token("ann", wing=wing)
        self.token("bob", wing="c" * 24)
        answer = self.get("/api/app/account/deletion").json
        self.assertEqual((answer["orgs_deleted"], answer["orgs_blocking"], answer["wings"]), ([], [], 3))

    def test_everything_ends(self) -> None:
        token, other = self.token("ann"), self.log_in_as("ann")
        his, his_token = self.log_in_as("bob"), self.token("bob")
        answer = self.delete()
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIn("wt_session=;", answer.header("set-cookie") or "")
        self.assertEqual([self.is_logged_in(c) for c in (self.cookie, other, his)], [False, False, True])
        for each, status in ((token, 401), (his_token, 200)):
            self.assertEqual(self.get("/auth/check", Authorization=f"Bearer {each}").status, status)
        self.assertGreaterEqual(
            self.told(),
            {
                (RevokedKind.USER, "ann"),
                (RevokedKind.TOKENS, "ann"),
                (RevokedKind.LOGIN, digest(self.cookie)),
                (RevokedKind.LOGIN, digest(other)),
            },
        )
        self.assertEqual(self.revocations, 1)
        user = self.run_now(users.find, "ann")
        self.assertEqual(user, users.User("ann", "", "", "", "", NOW, NOW))
        self.assertEqual([(e.action, e.who) for e in self.log_of()], [("account deleted", "")])

    def test_it_must_be_typed(self) -> None:
        for wrong in ("", " ", "yes", "Ann", "bob", "bob@example.org", "ann@example.or", None, True):
            self.assertEqual(self.delete(wrong).status, 400, wrong)
        self.assertEqual(self.ask("DELETE", "/api/app/account").status, 415)
        self.assertEqual(self.ask("DELETE", "/api/app/account", {}).status, 400)
        self.assertTrue(self.is_logged_in(self.cookie))
        self.assertEqual(self.log_of(), [])

    def test_the_id_or_the_address_however_it_is_written(self) -> None:
        self.assertEqual(self.delete(f" {ANN.upper()} ").status, 204)
        self.cookie = self.log_in_as("bob")
        self.assertEqual(self.delete("bob").status, 204)

    def test_no_address_is_no_confirmation(self) -> None:
        self.run_now(users.add, "eve", name="Eve", provider="operator", now=NOW)
        self.cookie = self.log_in_as("eve")
        self.assertEqual(self.delete("").status, 400)

    def test_the_user_of_the_server_itself_stays(self) -> None:
        self.log_in()
        answer = self.delete(LOCAL_USER_ID)
        self.assertEqual(answer.status, 403)
        self.assertIn("data directory", answer.error)
        self.assertTrue(self.is_logged_in(self.cookie))

    def test_the_address_is_free_and_the_id_is_not(self) -> None:
        self.delete()
        self.run_now(users.add, "ann2", name="Ann", email=ANN, provider="github", now=NOW)
        self.assertRaises(PeerError, self.run_now, users.add, "ann", name="Ann", provider="x", now=NOW)

    def test_a_token_made_in_the_very_second_is_no_way_back(self) -> None:
        token = self.token("ann")
        self.delete()
        claims = check(token, [self.key.public_key()], now=NOW)
        self.assertEqual(claims.issued_at, int(NOW))
        self.assertTrue(self.run_now(tokens.revoked, claims))
        self.assertEqual(self.get("/auth/check", Authorization=f"Bearer {token}").status, 401)


class LoggedOutTests(AccountCase):
    def test_nothing_here_is_for_strangers(self) -> None:
        own, self.cookie = self.cookie, ""
        for method, path in (
            ("GET", "profile"),
            ("PUT", "profile"),
            ("GET", "sessions"),
            ("DELETE", "sessions"),
            ("DELETE", "sessions/x"),
            ("GET", "devices"),
            ("DELETE", "devices"),
            ("DELETE", "devices/x"),
            ("GET", "account/deletion"),
            ("DELETE", "account"),
        ):
            self.assertEqual(self.ask(method, f"/api/app/{path}").status, 401, path)
        self.assertTrue(self.is_logged_in(own))

    def test_a_wing_token_is_no_cookie(self) -> None:
        token, self.cookie = self.token("ann"), ""
        for path in ("profile", "sessions", "devices", "account/deletion"):
            answer = self.get(f"/api/app/{path}", Authorization=f"Bearer {token}")
            self.assertEqual(answer.status, 401, path)
            self.assertEqual(self.get(f"/api/app/{path}?token={token}").status, 401, path)
