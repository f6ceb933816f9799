"""`/api/app/ntfy` and `/api/app/push`: what is chosen there, and what never comes out again."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, cast

import attrs
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from klein import Klein

from tests.store.support import counting
from tests.web.support import NOW, URL, WebCase
from wingthing.crypto.digests import digest
from wingthing.errors import TemporarilyUnavailable
from wingthing.names import LOCAL_USER_ID
from wingthing.relay.rates import LIMITS
from wingthing.store import audit, login_sessions, notifications, users
from wingthing.store.notifications import Ntfy
from wingthing.web.courier import Courier
from wingthing.web.notify_api import PARTS, NotifyApi
from wingthing.web.ntfy import NtfySender
from wingthing.web.push import PushSender
from wingthing.wire.account_limits import TEST_NOTIFICATIONS_PER_ACCOUNT
from wingthing.wire.limits import LOGIN_SESSION_SECONDS

POINT = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def subscription(endpoint: str = "https://push.example/secret-endpoint", **more: object) -> dict[str, Any]:
    keys = {"p256dh": base64url(POINT), "auth": base64url(b"0123456789abcdef")}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys, **more}


@attrs.define
class FakeCourier:
    """Answers as it is told; tests/integration has the real one."""

    status: int = 201
    away: bool = False
    sent: list[tuple[str, Mapping[str, str], bytes]] = attrs.field(factory=list)

    async def post(self, url: str, headers: Mapping[str, str], data: bytes) -> int:
        self.sent.append((url, headers, data))
        if self.away:
            raise TemporarilyUnavailable("it cannot be reached: no answer")
        return self.status


class NotifyCase(WebCase):
    plain_too = False

    def parts(self) -> Mapping[str, Klein]:
        self.courier = FakeCourier()
        courier = cast(Courier, self.courier)
        self.push = PushSender(
            courier,
            self.database,
            self.clock.seconds,
            lambda: "https://wt.example",
            plain_too=self.plain_too,
        )
        notify = NotifyApi(
            authenticator=self.authenticator,
            database=self.database,
            ntfy=NtfySender(courier, "https://ntfy.example"),
            push=self.push,
            seconds=self.clock.seconds,
            base_url=lambda: URL,
        )
        return dict.fromkeys(PARTS, notify.app)

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def audited(self) -> list[str]:
        return [each.action for each in self.run_now(audit.of_user, LOCAL_USER_ID, most=50)]


class AccessTests(NotifyCase):
    def test_nothing_without_a_login(self) -> None:
        self.cookie = ""
        for method, path in (
            ("GET", "/api/app/ntfy"),
            ("POST", "/api/app/ntfy"),
            ("POST", "/api/app/ntfy/test"),
            ("POST", "/api/app/ntfy/generate"),
            ("GET", "/api/app/push"),
            ("POST", "/api/app/push"),
            ("PUT", "/api/app/push"),
            ("POST", "/api/app/push/test"),
            ("DELETE", "/api/app/push/x"),
        ):
            self.assertEqual(self.ask(method, path, {}).status, 401, path)

    def test_a_form_of_a_foreign_page_sets_nothing(self) -> None:
        form = {"Content-Type": "text/plain"}
        self.assertEqual(self.ask("POST", "/api/app/ntfy", '{"topic": "t"}', form).status, 415)
        self.assertEqual(self.post("/api/app/ntfy", {"topic": "t"}, Origin="http://evil.example").status, 403)
        self.assertEqual(self.get("/api/app/ntfy").json["topic"], "")


class NtfyTests(NotifyCase):
    def put(self, **fields: object) -> int:
        return self.post("/api/app/ntfy", fields).status

    def kept(self) -> Ntfy | None:
        return self.run_now(notifications.ntfy_of, LOCAL_USER_ID)

    def test_before_anything_is_chosen(self) -> None:
        self.assertEqual(
            self.get("/api/app/ntfy").json,
            {
                "topic": "",
                "token": "",
                "has_token": False,
                "events": "",
                "enabled": False,
                "server": "https://ntfy.example",
            },
        )
        self.assertEqual(self.post("/api/app/ntfy/test", {}).status, 409)

    def test_what_released_apps_do(self) -> None:
        """They make a topic, set it at once, and only ever look whether it is `enabled`."""
        topic = self.post("/api/app/ntfy/generate").json["topic"]
        self.assertEqual(self.put(topic=topic, token="", events="attention,exit"), 200)
        said = self.get("/api/app/ntfy").json
        self.assertEqual((said["enabled"], said["events"]), (True, "attention,exit"))
        self.assertEqual(self.put(topic="", token="", events=""), 200)
        self.assertFalse(self.get("/api/app/ntfy").json["enabled"])
        self.assertEqual(self.audited()[:2], ["ntfy off", "ntfy on"])

    def test_topics_are_not_guessed(self) -> None:
        made = {self.post("/api/app/ntfy/generate").json["topic"] for _ in range(50)}
        self.assertEqual(len(made), 50)
        for topic in made:
            self.assertRegex(topic, r"\Awt-[a-z2-7]{24}\Z")
        self.assertIsNone(self.kept())

    def test_the_token_goes_in_and_not_out(self) -> None:
        self.put(topic="t", token="tk_secret", events="attention")
        answer = self.get("/api/app/ntfy")
        self.assertEqual((answer.json["token"], answer.json["has_token"]), ("", True))
        self.assertNotIn(b"tk_secret", answer.body)
        self.put(topic="u", token="", events="exit")
        self.assertEqual(self.kept(), Ntfy("u", "tk_secret", ("exit",)))
        self.put(topic="u", token=None, events="exit")
        self.assertEqual(self.kept(), Ntfy("u", "", ("exit",)))
        self.put(topic="u", token="tk_secret", events="exit")
        self.put(topic="")
        self.assertIsNone(self.kept())

    def test_what_is_none(self) -> None:
        for fields, words in (
            ({"topic": "a/b"}, "a topic has"),
            ({"topic": "a" * 65}, "a topic has"),
            ({"topic": "ä"}, "a topic has"),
            ({"topic": "t\n"}, ""),
            ({"topic": "../admin"}, "a topic has"),
            ({"topic": "t", "token": "a b"}, "an access token has"),
            ({"topic": "t", "token": "a\r\nX: y"}, "an access token has"),
            ({"topic": "t", "token": "x" * 257}, "an access token has"),
            ({"topic": "t", "events": "attention,everything"}, "there is no event 'everything'"),
            ({"topic": 5}, "invalid body"),
        ):
            answer = self.post("/api/app/ntfy", fields)
            if words:
                self.assertEqual(answer.status, 400, fields)
                self.assertIn(words, answer.error)
        kept = self.kept()
        self.assertTrue(kept is None or kept.topic == "t", "a line break at the end is cut off")

    def test_events_in_any_order_and_form(self) -> None:
        for events, kept in (
            ("exit, attention", ("attention", "exit")),
            (["exit"], ("exit",)),
            ("", ()),
            (None, ("attention", "exit")),
        ):
            self.assertEqual(self.put(topic="t", events=events), 200)
            found = self.kept()
            assert found is not None
            self.assertEqual(found.events, kept)

    def test_a_trial(self) -> None:
        self.put(topic="t", token="tk_secret", events="")
        self.assertEqual(self.post("/api/app/ntfy/test", {}).json, {"ok": True})
        (sent,) = self.courier.sent
        self.assertEqual(sent[0], "https://ntfy.example")
        self.assertEqual(sent[1]["Authorization"], "Bearer tk_secret")
        self.assertEqual(json.loads(sent[2])["topic"], "t")
        for status, answered, words in (
            (403, 502, "does not let this token"),
            (429, 503, "too many"),
            (500, 502, "answered 500"),
            (302, 502, "answered 302"),
        ):
            self.courier.status = status
            answer = self.post("/api/app/ntfy/test", {})
            self.assertEqual((answer.status, words in answer.error), (answered, True), answer)
            self.assertNotIn("tk_secret", answer.text)
        self.courier.away = True
        self.assertEqual(self.post("/api/app/ntfy/test", {}).status, 503)


class PushTests(NotifyCase):
    def test_a_browser_comes_and_goes(self) -> None:
        state = self.get("/api/app/push").json
        self.assertEqual((state["events"], state["subscriptions"]), ("", []))
        raw = base64.urlsafe_b64decode(state["key"] + "=")
        self.assertEqual((len(raw), raw[0]), (65, 4))
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
        added = self.ask("POST", "/api/app/push", subscription(), {"User-Agent": agent})
        self.assertEqual(added.status, 200)
        state = self.get("/api/app/push").json
        self.assertEqual(state["events"], "attention")
        self.assertEqual(
            state["subscriptions"],
            [{"id": added.json["id"], "agent": "Firefox 128 on Linux", "created_at": NOW}],
        )
        self.assertNotIn("secret-endpoint", json.dumps(state))
        self.assertEqual(self.ask("DELETE", f"/api/app/push/{added.json['id']}").status, 204)
        self.assertEqual(self.ask("DELETE", f"/api/app/push/{added.json['id']}").status, 404)
        self.assertEqual(self.audited()[:2], ["push off", "push on"])

    def test_the_key_stays(self) -> None:
        first = self.get("/api/app/push").json["key"]
        again = PushSender(
            cast(Courier, self.courier), self.database, self.clock.seconds, lambda: "https://wt.example"
        )
        found: list[str] = []

        async def ask() -> None:
            found.append(await again.application_key())

        with self.assertRaises(StopIteration):
            ask().send(None)
        self.assertEqual(found, [first])

    def test_nobody_elses(self) -> None:
        self.run_now(users.add, "eve", name="Eve", provider="operator", now=NOW)
        login = self.run_now(login_sessions.create, "eve", now=NOW, randomness=counting())
        theirs = self.run_now(
            notifications.subscribe,
            "eve",
            session=digest(login),
            endpoint="https://push.example/eve",
            p256dh="k",
            auth="a",
            agent="",
            now=NOW,
        )
        self.assertEqual(self.ask("DELETE", f"/api/app/push/{theirs}").status, 404)
        self.assertEqual(self.get("/api/app/push").json["subscriptions"], [])
        taken = self.post("/api/app/push", subscription("https://push.example/eve"))
        self.assertEqual(taken.status, 409)

    def test_it_ends_with_the_login_that_it_was_made_in(self) -> None:
        self.post("/api/app/push", subscription("https://push.example/1"))
        here = self.cookie
        self.log_in()
        self.post("/api/app/push", subscription("https://push.example/2"))
        self.assertEqual(len(self.get("/api/app/push").json["subscriptions"]), 2)
        there, self.cookie = self.cookie, here
        self.assertEqual(self.post("/auth/logout", {}).status, 204)
        self.cookie = there
        (left,) = self.get("/api/app/push").json["subscriptions"]
        self.assertEqual(left["id"], digest("https://push.example/2")[:24])
        self.clock.advance(LOGIN_SESSION_SECONDS + 1)
        self.log_in()
        self.assertEqual(self.get("/api/app/push").json["subscriptions"], [])
        self.assertEqual(self.post("/api/app/push/test", {}).status, 409)

    def test_events(self) -> None:
        self.post("/api/app/push", subscription(events="exit"))
        self.assertEqual(self.get("/api/app/push").json["events"], "exit")
        self.post("/api/app/push", subscription("https://push.example/2"))
        self.assertEqual(self.get("/api/app/push").json["events"], "exit", "what was chosen stays")
        answer = self.ask("PUT", "/api/app/push", {"events": ["attention", "exit"]})
        self.assertEqual(answer.json, {"ok": True, "events": "attention,exit"})
        self.assertEqual(self.ask("PUT", "/api/app/push", {"events": "x"}).status, 400)
        self.assertEqual(self.ask("PUT", "/api/app/push", {"events": ""}).json["events"], "")

    def test_endpoints_that_are_none(self) -> None:
        for endpoint in (
            "",
            "http://push.example/x",
            "http://127.0.0.1:6379/",
            "https://",
            "https://user:secret@push.example/x",
            "https://push.example@evil.example/",
            "https://[::1",
            "https://push.example:port/",
            "https://push.example/a b",
            "https://push.example/\r\nX: y",
            "https://bücher.example/",
            "file:///etc/passwd",
            "gopher://push.example/",
            "//push.example/",
            "https://push.example/" + "x" * 1024,
        ):
            self.assertEqual(self.post("/api/app/push", subscription(endpoint)).status, 400, endpoint)
        self.assertEqual(self.get("/api/app/push").json["subscriptions"], [])

    def test_keys_that_are_none(self) -> None:
        good = subscription()["keys"]
        for wrong in ({"p256dh": "x"}, {"auth": "x"}, {"p256dh": base64url(b"\x04" + bytes(64))}):
            answer = self.post("/api/app/push", subscription(keys={**good, **wrong}))
            self.assertEqual(answer.status, 400, wrong)
        for body in ({}, {"endpoint": "https://x"}, {"keys": good}, [], {"endpoint": 5, "keys": good}):
            self.assertEqual(self.post("/api/app/push", body).status, 400)

    def test_a_trial(self) -> None:
        self.assertEqual(self.post("/api/app/push/test", {}).status, 409)
        self.post("/api/app/push", subscription())
        self.post("/api/app/push", subscription("https://push.example/2"))
        self.assertEqual(self.post("/api/app/push/test", {}).json, {"ok": True, "sent": 2})
        for status, answered in ((429, 503), (500, 503), (403, 502), (307, 502), (413, 502)):
            self.courier.status = status
            self.assertEqual(self.post("/api/app/push/test", {}).status, answered, status)
            self.assertEqual(len(self.get("/api/app/push").json["subscriptions"]), 2)
        self.courier.status = 404
        self.assertEqual(self.post("/api/app/push/test", {}).status, 502)
        self.assertEqual(self.get("/api/app/push").json["subscriptions"], [])
        asked = {url for url, _headers, _body in self.courier.sent[:2]}
        self.assertEqual(asked, {"https://push.example/secret-endpoint", "https://push.example/2"})
        _url, headers, body = self.courier.sent[0]
        self.assertEqual((headers["TTL"], headers["Urgency"]), ("14400", "normal"))
        self.assertLessEqual(len(headers["Topic"]), 32)
        self.assertNotIn(b"Notifications work", body)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=80))
    def test_nothing_in_an_address_becomes_a_query(self, text: str) -> None:
        self.assertIn(self.post("/api/app/push", subscription(f"https://x/{text}")).status, (200, 400, 409))
        self.assertIn(self.post("/api/app/ntfy", {"topic": text, "token": text}).status, (200, 400))
        self.assertEqual(self.run_now(users.find, LOCAL_USER_ID).id, LOCAL_USER_ID)  # type: ignore[union-attr]


class OwnServerTests(NotifyCase):
    plain_too = True

    def test_a_service_on_this_machine(self) -> None:
        answer = self.post("/api/app/push", subscription("http://127.0.0.1:9999/x"))
        self.assertEqual(answer.status, 200)


class LimitTests(NotifyCase):
    enforced = frozenset(LIMITS)

    def test_trials(self) -> None:
        self.post("/api/app/ntfy", {"topic": "t"})
        for _ in range(TEST_NOTIFICATIONS_PER_ACCOUNT):
            self.assertEqual(self.post("/api/app/ntfy/test", {}).status, 200)
        for path in ("/api/app/ntfy/test", "/api/app/push/test"):
            answer = self.post(path, {})
            self.assertEqual(answer.status, 429)
            self.assertIn("too many test notifications by this account", answer.error)
