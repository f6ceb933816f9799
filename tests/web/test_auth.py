"""The one-time link, device login, and logging out: first that they work, then that nothing else does."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress

from tests.web.support import HOST, NOW, OWN_UID, URL, WING, Answer, Exchange, WebCase
from wingthing.crypto.digests import digest
from wingthing.crypto.keys import new_wing_key, public_text
from wingthing.crypto.tokens import check, mint
from wingthing.store import audit, revocations, users
from wingthing.wire.account_limits import CLAIM_ATTEMPTS, CLAIM_WINDOW_SECONDS
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import DEVICE_CODE_SECONDS, LOGIN_COOKIE_SECONDS, TOKEN_LIFETIME_SECONDS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class LinkTests(WebCase):
    def test_the_link_becomes_a_cookie(self) -> None:
        answer = self.get(f"/auth/local?key={self.local_key.current()}")
        self.assertEqual((answer.status, answer.header("location")), (303, "/app/"))
        value, *attributes = (answer.header("set-cookie") or "").split("; ")
        self.assertTrue(value.startswith("wt_session="))
        self.assertEqual(
            {attribute.lower() for attribute in attributes},
            {"path=/", "httponly", "samesite=lax", f"max-age={LOGIN_COOKIE_SECONDS}"},
        )
        self.cookie = value.partition("=")[2]
        self.assertEqual(self.get("/api/app/me").json["id"], "local")

    def test_it_works_once(self) -> None:
        key = self.local_key.current()
        self.log_in()
        self.cookie = ""
        answer = self.get(f"/auth/local?key={key}")
        self.assertEqual(answer.status, 401)
        self.assertIsNone(answer.header("set-cookie"))
        self.assertIn("wt url", answer.text)
        self.assertIn("This link has been used", answer.text)
        self.assertNotIn("This link", self.get("/app/").text, "who opens the app has no link")

    def test_two_at_once_and_one_is_let_in(self) -> None:
        key = self.local_key.current()
        gate: Deferred[None] = Deferred()
        write = self.direct.write

        async def slowly(*args: object, **kwargs: object) -> object:
            waiting: Deferred[None] = Deferred()
            gate.chainDeferred(waiting) if not gate.called else waiting.callback(None)
            await waiting
            return await write(*args, **kwargs)  # type: ignore[arg-type]

        self.patch(self.direct, "write", slowly)
        exchanges = [Exchange(self), Exchange(self)]
        for exchange in exchanges:
            exchange.send(self.raw("GET", f"/auth/local?key={key}"))
        gate.callback(None)
        self.assertEqual(sorted(exchange.answer().status for exchange in exchanges), [303, 401])

    def test_the_next_link_works(self) -> None:
        first = self.log_in()
        second = self.log_in()
        self.assertNotEqual(first, second)
        for self.cookie in (first, second):
            self.assertEqual(self.get("/api/app/me").status, 200)

    def test_a_browser_that_is_in_does_not_spend_it(self) -> None:
        self.log_in()
        key = self.local_key.current()
        for path in (f"/auth/local?key={key}", "/auth/local?key=wrong", "/auth/local"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.header("location")), (303, "/app/"))
        self.assertEqual(self.local_key.current(), key)

    def test_a_look_at_it_does_not_spend_it(self) -> None:
        key = self.local_key.current()
        answer = self.ask("HEAD", f"/auth/local?key={key}")
        self.assertIsNone(answer.header("set-cookie"))
        self.assertEqual(self.local_key.current(), key)
        self.assertEqual(self.post(f"/auth/local?key={key}").status, 405)
        self.assertEqual(self.local_key.current(), key)

    def test_wrong_keys(self) -> None:
        key = self.local_key.current()
        for wrong in ("", "x", key[:-1], key + "x", "%ff", "%00", "key=" + key, "' OR '1'='1"):
            answer = self.get(f"/auth/local?key={wrong}".replace(" ", "%20"))
            self.assertEqual(answer.status, 401, wrong)
            self.assertIn("wt url", answer.text)
        self.assertEqual(self.local_key.current(), key)

    def test_the_first_of_two_keys_counts(self) -> None:
        key = self.local_key.current()
        self.assertEqual(self.get(f"/auth/local?key=wrong&key={key}").status, 401)

    def test_it_is_noted_and_where_from(self) -> None:
        self.log_in()
        self.assertEqual(
            self.run_now(audit.of_user, "local", most=9),
            [audit.Entry(1, NOW, "local", "Robin", "local", "Robin", "login", "", "127.0.0.1", "")],
        )


class SecureLinkTests(WebCase):
    base_url = "https://wt.example.com"

    def test_behind_https_the_cookie_never_travels_without(self) -> None:
        answer = self.get(f"/auth/local?key={self.local_key.current()}", Host="wt.example.com")
        self.assertIn("secure", (answer.header("set-cookie") or "").lower().split("; "))


class LogoutTests(WebCase):
    def test_it_ends_the_session_for_good(self) -> None:
        cookie = self.log_in()
        answer = self.post("/auth/logout")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIn("wt_session=;", answer.header("set-cookie") or "")
        self.assertIn("max-age=0", (answer.header("set-cookie") or "").lower())
        self.assertEqual(self.get("/api/app/me").status, 401, "whoever has kept the cookie is out too")
        self.assertEqual(self.revocations, 1, "the open sockets are told")
        _latest, events = self.run_now(revocations.since, 0, now=NOW)
        self.assertEqual([(e.kind, e.subject) for e in events], [(RevokedKind.LOGIN, digest(cookie))])

    def test_without_a_login(self) -> None:
        self.assertEqual(self.post("/auth/logout").status, 401)
        self.assertEqual(self.revocations, 0)

    def test_a_link_cannot_log_anybody_out(self) -> None:
        self.log_in()
        self.assertEqual(self.get("/auth/logout").status, 405)


class DeviceCase(WebCase):
    def begin(self, peer: IAddress | None = None, **headers: str | None) -> Answer:
        return self.ask(
            "POST",
            "/auth/device",
            {"wing_id": WING},
            headers={key.replace("_", "-"): value for key, value in headers.items()},
            **({"peer": peer} if peer is not None else {}),
        )

    def poll(self, device_code: str) -> dict[str, object]:
        answer = self.post("/auth/token", {"device_code": device_code}, Origin=None, Cookie=None)
        self.assertEqual(answer.status, 200)
        said: dict[str, object] = answer.json
        return said

    def approve(self, user_code: str) -> Answer:
        return self.ask("POST", "/auth/claim", f"user_code={user_code}", FORM)


class DeviceTests(DeviceCase):
    def test_from_the_code_to_the_token(self) -> None:
        public = public_text(new_wing_key())
        answer = self.post("/auth/device", {"wing_id": WING, "public_key": public})
        self.assertEqual(answer.status, 200)
        said = answer.json
        self.assertEqual(
            set(said), {"device_code", "user_code", "verification_url", "expires_in", "interval"}
        )
        self.assertEqual((said["expires_in"], said["interval"]), (900, 5))
        self.assertEqual(said["verification_url"], f"{URL}/auth/claim?code={said['user_code']}")
        self.assertEqual(self.poll(said["device_code"]), {"error": "authorization_pending"})
        self.log_in()
        page = self.get(f"/auth/claim?code={said['user_code']}")
        self.assertEqual(page.status, 200)
        self.assertIn(WING, page.text)
        self.assertIn(f'value="{said["user_code"]}"', page.text)
        approved = self.approve(said["user_code"])
        self.assertEqual(approved.status, 200)
        self.assertIn("logged in as you", approved.text)
        self.clock.advance(5)
        token = self.poll(said["device_code"])
        self.assertEqual(set(token), {"token", "expires_at", "display_name", "provider"})
        self.assertEqual(token["expires_at"], int(NOW) + 5 + TOKEN_LIFETIME_SECONDS)
        claims = check(str(token["token"]), [self.key.public_key()], now=NOW)
        self.assertEqual((claims.user_id, claims.pub, claims.wing), ("local", public, WING))
        self.assertEqual(self.poll(said["device_code"]), {"error": "invalid_code"}, "a token once")
        actions = [(entry.action, entry.subject) for entry in self.run_now(audit.of_user, "local", most=2)]
        self.assertEqual(actions, [("device login", WING), ("approve device", WING)])

    def test_impatience(self) -> None:
        code = self.begin().json["device_code"]
        self.assertEqual(self.poll(code), {"error": "authorization_pending"})
        self.assertEqual(self.poll(code), {"error": "slow_down"})
        self.clock.advance(5)
        self.assertEqual(self.poll(code), {"error": "authorization_pending"})

    def test_too_late(self) -> None:
        code = self.begin().json
        self.clock.advance(DEVICE_CODE_SECONDS)
        self.assertEqual(self.poll(code["device_code"]), {"error": "expired_code"})
        self.log_in()
        self.assertEqual(self.approve(code["user_code"]).status, 404)

    @given(st.text(max_size=60))
    def test_guessed_device_codes(self, guess: str) -> None:
        self.assertEqual(self.poll(guess), {"error": "invalid_code"})

    def test_a_user_code_is_no_device_code(self) -> None:
        self.assertEqual(self.poll(self.begin().json["user_code"]), {"error": "invalid_code"})

    def test_bad_bodies(self) -> None:
        good = {"wing_id": WING}
        for path, body in (
            ("/auth/device", {}),
            ("/auth/device", []),
            ("/auth/device", {"wing_id": 5}),
            ("/auth/device", {"wing_id": ""}),
            ("/auth/device", {"wing_id": "not hex at all!!!!!!!"}),
            ("/auth/device", {"wing_id": WING + "\n"}),
            ("/auth/device", {"wing_id": "a" * 33}),
            ("/auth/device", {**good, "public_key": "!!"}),
            ("/auth/device", {**good, "public_key": base64.b64encode(b"short").decode()}),
            ("/auth/token", {}),
            ("/auth/token", {"device_code": None}),
            ("/auth/refresh", {"token": 5}),
        ):
            answer = self.post(path, body)
            self.assertEqual(answer.status, 400, body)
            self.assertTrue(answer.error)
        for raw in (b"", b"{", b"\xff", b"[" * 50_000, b'{"wing_id": "\\ud800"}', b"null"):
            answer = self.ask("POST", "/auth/device", raw, {"Content-Type": "application/json"})
            self.assertEqual(answer.status, 400, raw[:20])
            self.assertTrue(answer.error)

    def test_those_that_wait_are_bounded(self) -> None:
        self.patch(self.auth.device.__globals__["device_codes"], "MAX_WAITING_DEVICE_CODES", 3)
        for _ in range(3):
            self.assertEqual(self.begin().status, 200)
        self.assertEqual(self.begin().status, 503)


class AtOnceTests(DeviceCase):
    """Whose code is approved without anybody's approval: its token opens terminals."""

    def setUp(self) -> None:
        super().setUp()
        self.peer_uid = OWN_UID

    def at_once(self, answer: Answer) -> bool:
        self.assertEqual(answer.status, 200)
        said = self.poll(answer.json["device_code"])
        self.assertEqual(answer.json["interval"], 1 if "token" in said else 5)
        return "token" in said

    def test_a_process_of_this_very_user_on_this_machine(self) -> None:
        self.assertTrue(self.at_once(self.begin()))
        self.assertEqual(self.asked_about, [(("127.0.0.1", 40000), ("127.0.0.1", 8080))])
        self.assertTrue(self.at_once(self.begin(IPv6Address("TCP", "::ffff:127.0.0.1", 40000))))
        self.assertTrue(self.at_once(self.begin(Host="localhost:8080")))

    def test_not_another_user_not_even_root_and_not_the_unknown(self) -> None:
        for self.peer_uid in (OWN_UID + 1, 0, None):
            self.assertFalse(self.at_once(self.begin()), self.peer_uid)

    def test_not_another_machine(self) -> None:
        for host in ("192.168.1.7", "10.0.0.1"):
            self.assertFalse(self.at_once(self.begin(IPv4Address("TCP", host, 40000))), host)
        self.assertFalse(self.at_once(self.begin(IPv6Address("TCP", "fe80::1", 40000))))
        self.assertFalse(self.at_once(self.begin(UNIXAddress(b"/run/proxy"))))

    def test_not_through_a_proxy_on_this_machine(self) -> None:
        for name in ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"):
            self.assertFalse(self.at_once(self.begin(**{name: "1.2.3.4"})), name)

    def test_a_page_of_somebody_else_is_refused(self) -> None:
        for origin in ("http://evil.example", "null", "http://localhost:3000"):
            self.assertEqual(self.begin(Origin=origin).status, 403, origin)

    def test_what_a_page_can_send_without_asking_has_to_be_approved(self) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded", None):
            answer = self.ask(
                "POST", "/auth/device", b'{"wing_id": "%s"}' % WING.encode(), {"Content-Type": kind}
            )
            self.assertEqual((answer.status, answer.json["interval"]), (200, 5), kind)
            self.assertEqual(self.poll(answer.json["device_code"]), {"error": "authorization_pending"})


class AtOnceInPublicTests(DeviceCase):
    base_url = "https://wt.example.com"

    def test_a_server_with_a_public_name_asks_always(self) -> None:
        # A tunnel that this user runs is a process of this user, on this machine.
        self.peer_uid = OWN_UID
        for host in (HOST, "localhost", "wt.example.com"):
            answer = self.begin(Host=host)
            self.assertEqual(answer.json["interval"], 5)
            self.assertEqual(self.poll(answer.json["device_code"]), {"error": "authorization_pending"})
        self.assertTrue(
            self.begin().json["verification_url"].startswith("https://wt.example.com/auth/claim?")
        )


class ClaimTests(DeviceCase):
    def test_only_for_those_who_are_logged_in(self) -> None:
        code = self.begin().json
        self.assertEqual(self.get(f"/auth/claim?code={code['user_code']}").status, 401)
        self.assertEqual(self.approve(code["user_code"]).status, 401)
        token = self.token()
        answer = self.ask(
            "POST",
            "/auth/claim",
            f"user_code={code['user_code']}",
            {**FORM, "Authorization": f"Bearer {token}"},
        )
        self.assertEqual(answer.status, 401, "a wing's token approves nothing")
        self.assertEqual(self.poll(code["device_code"]), {"error": "authorization_pending"})

    def test_a_foreign_page_cannot_approve(self) -> None:
        code = self.begin().json
        self.log_in()
        for origin in ("http://evil.example", "null", None):
            answer = self.ask(
                "POST", "/auth/claim", f"user_code={code['user_code']}", {**FORM, "Origin": origin}
            )
            self.assertEqual(answer.status, 403, origin)
        self.assertEqual(self.poll(code["device_code"]), {"error": "authorization_pending"})

    def test_the_form_is_sent_with_its_origin(self) -> None:
        self.log_in()
        self.assertEqual(self.get("/auth/claim").header("referrer-policy"), "same-origin")

    def test_looking_approves_nothing(self) -> None:
        code = self.begin().json
        self.log_in()
        self.get(f"/auth/claim?code={code['user_code']}&user_code={code['user_code']}")
        self.assertEqual(self.poll(code["device_code"]), {"error": "authorization_pending"})

    def test_the_page_without_a_code_asks_for_one(self) -> None:
        self.log_in()
        self.assertIn("wt login", self.get("/auth/claim").text)

    def test_a_wrong_code_can_be_corrected(self) -> None:
        self.log_in()
        answer = self.approve("WRNG99")
        self.assertEqual(answer.status, 404)
        self.assertNotIn("There is nothing here", answer.text)
        self.assertIn("No machine waits under the code WRNG99", answer.text)
        self.assertIn('<form method="post" action="/auth/claim">', answer.text)
        self.assertIn('value="WRNG99"', answer.text)
        self.assertEqual(answer.header("referrer-policy"), "same-origin", "the form is sent once more")
        self.assertEqual(self.approve(self.begin().json["user_code"]).status, 200)

    def test_nothing_typed_becomes_markup(self) -> None:
        self.log_in()
        page = self.get("/auth/claim?code=%22%3E%3Cb%3E")
        self.assertEqual(page.status, 200)
        self.assertNotIn("<b>", page.text)
        self.assertNotIn(b"<B>", page.body)
        self.assertNotIn(b"<B>", self.approve("%22%3E%3Cb%3E").body)

    def test_guessing_is_slow(self) -> None:
        code = self.begin().json
        self.log_in()
        for number in range(CLAIM_ATTEMPTS):
            path = f"/auth/claim?code=AAAA{number:02}"
            answer = self.get(path) if number % 2 else self.approve(f"AAAA{number:02}")
            self.assertIn(answer.status, (200, 404))
        for answer in (self.approve(code["user_code"]), self.get(f"/auth/claim?code={code['user_code']}")):
            self.assertEqual(answer.status, 429)
            self.assertIn("too many wrong codes by this account", answer.text.lower())
            self.assertEqual(answer.header("retry-after"), str(CLAIM_WINDOW_SECONDS // CLAIM_ATTEMPTS))
        self.clock.advance(CLAIM_WINDOW_SECONDS // CLAIM_ATTEMPTS)
        fresh = self.begin().json
        self.assertEqual(self.approve(fresh["user_code"]).status, 200)

    def test_right_codes_are_not_counted(self) -> None:
        self.log_in()
        for _ in range(2 * CLAIM_ATTEMPTS):
            self.assertEqual(self.approve(self.begin().json["user_code"]).status, 200)


class CheckTests(WebCase):
    def check(self, token: str) -> Answer:
        return self.get("/auth/check", Authorization=f"Bearer {token}")

    def test_who_it_is(self) -> None:
        self.run_now(users.add, "ann", name="Ann", email="ann@example.org", provider="operator", now=NOW)
        self.assertEqual(
            self.check(self.token("ann")).json,
            {
                "ok": True,
                "user_id": "ann",
                "display_name": "Ann",
                "email": "ann@example.org",
                "provider": "operator",
            },
        )
        self.assertNotIn("email", self.check(self.token()).json)

    def test_nobody(self) -> None:
        expired, _claims = mint(self.key, user_id="local", now=0.0, jti="old")
        for answer in (self.get("/auth/check"), self.check("x"), self.check(expired)):
            self.assertEqual(answer.status, 401)
            self.assertTrue(answer.error)
        self.log_in()
        self.assertEqual(self.get("/auth/check").status, 401, "a cookie is no token")


class RevokeTests(WebCase):
    def revoke(self, token: str) -> Answer:
        return self.post("/auth/revoke", Authorization=f"Bearer {token}")

    def test_every_machine_and_every_browser_of_that_user_is_logged_out(self) -> None:
        self.run_now(users.ensure, "ann", name="Ann", provider="operator", now=NOW)
        used, other, of_ann = self.token(), self.token(), self.token("ann")
        self.log_in()
        self.clock.advance(1)
        answer = self.revoke(used)
        self.assertEqual((answer.status, answer.json), (200, {"ok": True}))
        self.assertEqual(self.revocations, 1, "the open sockets are told")
        for token in (used, other):
            self.assertEqual(self.get("/auth/check", Authorization=f"Bearer {token}").status, 401)
        self.assertEqual(self.get("/api/app/me").status, 401)
        self.assertEqual(self.get("/auth/check", Authorization=f"Bearer {of_ann}").status, 200)
        (entry,) = self.run_now(audit.of_user, "local", most=1)
        self.assertEqual(entry.action, "logout everywhere")

    def test_a_token_that_this_server_did_not_note_ends_too(self) -> None:
        unnoted, _claims = mint(self.key, user_id="local", now=NOW, jti="unknown")
        self.clock.advance(2)
        self.assertEqual(self.revoke(self.token()).status, 200)
        self.assertEqual(self.revoke(unnoted).status, 401)

    def test_it_takes_a_token_that_counts(self) -> None:
        token = self.token()
        self.log_in()
        for wrong in ("", "x", mint(self.key, user_id="local", now=0.0, jti="old")[0]):
            self.assertEqual(self.revoke(wrong).status, 401)
        self.assertEqual(self.post("/auth/revoke").status, 401, "a cookie is no token")
        self.assertEqual((self.revocations, self.revoke(token).status), (0, 200))


class RefreshTests(WebCase):
    def refresh(self, token: str) -> Answer:
        return self.post("/auth/refresh", {"token": token})

    def test_a_new_one_with_the_same_claims(self) -> None:
        old = self.token(pub="key", wing=WING)
        self.clock.advance(1000)
        answer = self.refresh(old)
        self.assertEqual(answer.status, 200)
        self.assertEqual(set(answer.json), {"token", "expires_at"})
        claims = check(answer.json["token"], [self.key.public_key()], now=NOW)
        self.assertEqual((claims.user_id, claims.pub, claims.wing), ("local", "key", WING))
        self.assertEqual(claims.expires_at, int(NOW) + 1000 + TOKEN_LIFETIME_SECONDS)
        self.assertEqual(answer.json["expires_at"], claims.expires_at)

    def test_for_a_user_whom_only_another_node_knows(self) -> None:
        token, _claims = mint(self.key, user_id="elsewhere", now=NOW, jti="")
        self.assertEqual(self.refresh(token).status, 200)

    def test_not_for_one_that_does_not_count(self) -> None:
        expired, _claims = mint(self.key, user_id="local", now=0.0, jti="old")
        self.run_now(users.ensure, "ann", name="Ann", provider="operator", now=NOW)
        removed = self.token("ann")
        self.run_now(users.remove, "ann", now=NOW)
        for token in ("", "x", expired, removed):
            answer = self.refresh(token)
            self.assertEqual(answer.status, 401)
            self.assertTrue(answer.error)

    def test_a_busy_database_is_503_so_that_the_wing_tries_again(self) -> None:
        token = self.token()
        self.direct.refusing = True
        answer = self.refresh(token)
        self.assertEqual((answer.status, answer.header("retry-after")), (503, "1"))
        self.assertTrue(answer.error)
