"""How log lines look, and that there are no secrets in them."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.assembly.case import HOST, NOW, NodeCase
from wingthing.assembly.logs import HIDDEN, as_json, as_text, log_observer, without_secrets
from wingthing.crypto import tokens
from wingthing.names import SIGN_IN_COOKIE
from wingthing.store.local_key import LocalKey
from wingthing.testing import WING_ID, FrameClient
from wingthing.wire.limits import OUTBOX_BYTES

ABOUT = {"machine": "m1", "region": "nrt"}
ON_FLY = {"FLY_MACHINE_ID": "m1", "FLY_REGION": "nrt"}
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2NhbCJ9.c2lnbmF0dXJl"


def event(words: str = "wing {wing_id} registered", **fields: Any) -> LogEvent:
    """An event as a Logger makes it."""
    made: list[LogEvent] = []
    Logger(namespace="wingthing.x.Y", observer=made.append).emit(LogLevel.info, words, **fields)
    made[0]["log_time"] = 1_800_000_000.1234
    return made[0]


def read(line: str | None) -> dict[str, Any]:
    assert line is not None and line.endswith("\n") and line.count("\n") == 1
    said: dict[str, Any] = json.loads(line)
    return said


def failed() -> Failure:
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        return Failure()


class JsonTests(TestCase):
    def test_a_line(self) -> None:
        self.assertEqual(
            read(as_json(event(wing_id="w", count=3, late=0.5, known=True, none=None), ABOUT)),
            {
                "time": "2027-01-15T08:00:00.123Z",
                "level": "info",
                "system": "wingthing.x.Y",
                "message": "wing w registered",
                "machine": "m1",
                "region": "nrt",
                "wing_id": "w",
                "count": 3,
                "late": 0.5,
                "known": True,
                "none": None,
            },
        )

    def test_fields_that_are_not_plain_are_left_out(self) -> None:
        said = read(
            as_json(event(wing_id="w", a=object(), b=[1], c=b"x", d=float("nan"), e=float("inf")), {})
        )
        self.assertEqual(said.keys() - {"time", "level", "system", "message"}, {"wing_id"})

    def test_an_event_does_not_speak_for_another_machine(self) -> None:
        said = read(as_json(event(wing_id="w", machine="m2", message="no", time=3), ABOUT))
        self.assertEqual((said["machine"], said["message"]), ("m1", "wing w registered"))
        self.assertTrue(said["time"].startswith("2027-"))

    def test_a_traceback_is_in_the_same_line(self) -> None:
        said = read(as_json(event("it failed", log_failure=failed()), ABOUT))
        self.assertEqual(said["message"], "it failed")
        self.assertIn("ValueError: no\nsuch thing", said["traceback"])
        self.assertIn("test_logs.py", said["traceback"])

    def test_a_traceback_alone(self) -> None:
        self.assertIn("ValueError", read(as_json(event("", log_failure=failed()), ABOUT))["traceback"])

    def test_nothing_is_not_a_line(self) -> None:
        self.assertIsNone(as_json(event(""), ABOUT))
        self.assertIsNone(as_text(event("")))

    def test_what_cannot_be_formatted_is_said_all_the_same(self) -> None:
        self.assertIn("Unable to format", read(as_json(event("{nothing}"), ABOUT))["message"])

    def test_text_that_is_not_ascii(self) -> None:
        said = read(as_json(event("{a}", a="S\u00e3o \ud800 \u2028\n"), ABOUT))
        self.assertEqual(said["message"], "S\u00e3o \ud800 \u2028\n")

    def test_events_of_the_old_kind(self) -> None:
        old = {"log_namespace": "log_legacy", "log_format": "{x}", "x": "hello", "time": 3, "isError": 0}
        self.assertEqual(read(as_json(old, ABOUT))["message"], "hello")


class TextTests(TestCase):
    def test_a_line(self) -> None:
        self.assertRegex(
            as_text(event(wing_id="w")) or "",
            r"^2027-01-1\dT\d\d:00:00[+-]\d{4} \[wingthing\.x\.Y#info\] wing w registered\n$",
        )

    def test_a_traceback_is_set_in(self) -> None:
        lines = (as_text(event("it failed", log_failure=failed())) or "").splitlines()
        self.assertTrue(lines[0].endswith("it failed"))
        self.assertTrue(all(line.startswith("\t") for line in lines[1:]), lines)


class ObserverTests(TestCase):
    def written(self, environment: dict[str, str]) -> str:
        stream = io.StringIO()
        observer = log_observer(stream, environment)
        observer(event(wing_id="w"))
        observer(event(""))
        return stream.getvalue()

    def test_json_on_fly(self) -> None:
        said = read(self.written(ON_FLY))
        self.assertEqual((said["machine"], said["region"]), ("m1", "nrt"))
        self.assertEqual(read(self.written({"FLY_MACHINE_ID": "m1"}))["region"], "")

    def test_text_elsewhere(self) -> None:
        for environment in ({}, {"FLY_REGION": "nrt"}, {"FLY_MACHINE_ID": ""}):
            self.assertIn("[wingthing.x.Y#info] wing w registered\n", self.written(environment))


class RedactionTests(TestCase):
    def test_secrets_in_addresses(self) -> None:
        for text, rest in (
            ("http://h/ws/wing?token=abc failed", "http://h/ws/wing?token=(hidden) failed"),
            ("GET /auth/local?key=a-b_c&x=1", "GET /auth/local?key=(hidden)&x=1"),
            ("/x?a=b&TOKEN=abc%20d#f", "/x?a=b&TOKEN=(hidden)"),
            ("('/auth/claim?user_code=ABCDEF',)", "('/auth/claim?user_code=(hidden)',)"),
            ("instance=m;timeout=5s;state=abc.def", "instance=m;timeout=5s;state=(hidden)"),
        ):
            self.assertEqual(without_secrets(text), rest)

    def test_secrets_in_paths(self) -> None:
        secret = "tYfQz1x-2_abcdefghijklmnopqrstuvwxyz0123456"
        for text, rest in (
            (f"/invite/{secret} failed", "/invite/(hidden) failed"),
            (
                f"/api/orgs/org_1/invites/{secret}/revoke failed",
                "/api/orgs/org_1/invites/(hidden)/revoke failed",
            ),
            (f"/auth/login?next=%2Finvite%2F{secret}", "/auth/login?next=%2Finvite%2F(hidden)"),
            ("/api/orgs/org_1/invites failed", "/api/orgs/org_1/invites failed"),
        ):
            self.assertEqual(without_secrets(text), rest)

    def test_secrets_in_headers(self) -> None:
        self.assertEqual(without_secrets("Cookie: wt_session=abc; a=b"), f"Cookie: wt_session={HIDDEN}; a=b")
        self.assertEqual(without_secrets(f"{SIGN_IN_COOKIE}=abc; a=b"), f"{SIGN_IN_COOKIE}={HIDDEN}; a=b")
        self.assertEqual(
            without_secrets("b'Authorization: Bearer a.b-c'"), f"b'Authorization: Bearer {HIDDEN}'"
        )

    def test_tokens_wherever_they_stand(self) -> None:
        self.assertEqual(without_secrets(f"it is {TOKEN}!"), f"it is {HIDDEN}!")

    def test_other_words_stay(self) -> None:
        for text in (
            "the token has been revoked: log in again",
            "no key=value pair",
            "wing a1b2c3d4 registered",
            'http://h/internal/gossip?wing_id=w answered 500: b\'{"error":"x"}\'',
            "a wing needs a token: run 'wt login'",
            "bearer",
        ):
            self.assertEqual(without_secrets(text), text)

    def test_both_kinds_of_line_and_their_fields(self) -> None:
        made = event("{why}", why=f"/ws?token={TOKEN}", log_failure=Failure(ValueError(f"/x?key={TOKEN}")))
        for line in (as_json(made, ABOUT), as_text(made)):
            assert line is not None
            self.assertNotIn(TOKEN, line)
            self.assertIn("/ws?token=(hidden)", line)
            self.assertIn("/x?key=(hidden)", line)


class SecretsTests(NodeCase):
    """What a busy hour of a node writes, on every level."""

    def setUp(self) -> None:
        super().setUp()
        self.node = self.single()
        self.start(self.node)
        self.token = tokens.mint(self.keys.signing, user_id="local", now=NOW, jti="j", wing=WING_ID)[0]
        self.bad = self.token[:-8] + "AAAAAAAA"
        self.link_key = LocalKey(self.folder, lambda size: b"").current()
        self.secrets = [self.token, self.bad, self.link_key, *self.token.split(".")[1:]]

    def log_in(self) -> str:
        status, headers, _body = self.ask(f"/auth/local?key={self.link_key}")
        self.assertEqual(status, 303)
        cookie = headers["set-cookie"].partition(";")[0]
        self.secrets.append(cookie.partition("=")[2])
        return cookie

    def socket(self, target: str, headers: dict[str, str], status: int = 101) -> FrameClient:
        client = self.client()
        client.upgrade(target, {"Host": HOST} | headers)
        self.reactor.advance(0)
        self.assertEqual(client.response()[0], status, target)
        return client

    def test_nothing_that_is_secret_is_written(self) -> None:
        cookie = self.log_in()
        self.ask(f"/auth/local?key={self.link_key}")
        self.ask("/api/app/me", {"Cookie": cookie})
        self.ask("/auth/check", {"Authorization": f"Bearer {self.bad}"})
        self.ask(f"/nothing?token={self.token}", {"Cookie": cookie})
        self.socket(f"/ws/wing?token={self.bad}", {}, 401)
        wing = self.socket(f"/ws/wing?token={self.token}", {})
        wing.say("wing.register", wing_id=WING_ID, locked=False)
        browser = self.socket(f"/ws/pty?wing_id={WING_ID}", {"Cookie": cookie, "Origin": f"http://{HOST}"})
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi", passwd=self.token)
        browser.send_raw(b"\x81\x85nonsense")
        self._slow(wing, browser)
        self._bug(cookie)
        wing.line.end()
        self.stop(self.node)
        self.flushLoggedErrors(ZeroDivisionError)
        self._no_secrets()

    def _slow(self, wing: FrameClient, browser: FrameClient) -> None:
        (session_id,) = [m["session_id"] for m in wing.messages() if m["type"] == "pty.start"]
        browser.line.stall()
        for _ in range(OUTBOX_BYTES // 300_000 + 3):
            wing.say("pty.output", session_id=session_id, data="A" * 300_000)
        self.assertEqual(
            self.said("ViewerSocket"), ["a browser at tcp4:127.0.0.1:54321 reads too slowly and is closed"]
        )

    def _bug(self, cookie: str) -> None:
        """A fault of ours, with everything at hand that should not be told."""

        async def broken(*_args: object, **_fields: object) -> None:
            mine = (self.token, cookie)
            raise ZeroDivisionError(f"of {len(mine)}")

        database = self.patch(self.databases[0], "read", broken)
        self.ask(f"/api/app/me?token={self.token}", {"Cookie": cookie})
        client = self.client()
        client.upgrade(f"/ws/wing?token={self.token}", {"Host": HOST})
        database.restore()

    def _no_secrets(self) -> None:
        self.assertGreater(len(self.events), 10)
        self.assertEqual(len([e for e in self.events if "log_failure" in e]), 2)
        for made in self.events:
            for line in (as_json(made, ABOUT) or "", as_text(made) or ""):
                for secret in self.secrets:
                    self.assertNotIn(secret, line)
                # Not even by the second line of defence: nothing has been there to hide.
                self.assertNotIn(HIDDEN, line)
