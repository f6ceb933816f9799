"""The wing as one service."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from treq.testing import StubTreq
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from tests.authenticator import Authenticator
from tests.wing.browser import Browser
from tests.wing.test_link import ACK, FakeSocket
from tests.wing.test_projects import Threadless
from wingthing.crypto.box import TUNNEL, Box
from wingthing.crypto.keys import b64decode, new_signing_key, public_text
from wingthing.crypto.passkeys import from_base64
from wingthing.crypto.tokens import mint
from wingthing.errors import OperatorError
from wingthing.wing import egg_home, terminals
from wingthing.wing.egg_home import EggMeta
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.presence import Presence
from wingthing.wing.roost import Roost
from wingthing.wing.service import WingService
from wingthing.wire import codec
from wingthing.wire.limits import HEARTBEAT_SECONDS
from wingthing.wire.wing_limits import LOCK_WATCH_SECONDS


class FakeReactor(Threadless, Clock):
    """Time that stands still and threads that are none."""

    def __init__(self) -> None:
        Threadless.__init__(self)
        Clock.__init__(self)


class ServiceTests(TestCase):
    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        self.home = Home.find({"WINGTHING_DIR": str(directory)})
        token, _claims = mint(new_signing_key(), user_id="owner", now=0, jti="j")
        self.home.save_token(DeviceToken(device_token=token))
        self.reactor = FakeReactor()
        self.sockets: list[FakeSocket] = []
        self.refusals: list[str] = []
        self.service = self.make()
        self.presence = Presence(directory)

    def make(self) -> WingService:
        return WingService(
            self.reactor,
            self.home,
            lambda: Roost.parse("http://node.example"),
            dial=self.dial,
            http=StubTreq(Resource()),
            paths=(),
            inside_server=False,
            refused=self.refusals.append,
        )

    def dial(self, roost: Roost, token: str, events: Any) -> Any:
        self.sockets.append(FakeSocket(token, events))
        return self.sockets[-1].cut

    def online(self) -> FakeSocket:
        self.service.privilegedStartService()
        self.service.startService()
        self.sockets[-1].register()
        return self.sockets[-1]

    def stop(self) -> None:
        stopped = self.service.stopService()
        self.sockets[-1].end()
        self.successResultOf(stopped)

    def status(self) -> Any:
        return json.loads((self.home.directory / "wing.status.json").read_text())

    def test_from_start_to_stop_and_again(self) -> None:
        for _ in range(2):
            socket = self.online()
            self.assertEqual(socket.sent[0]["wing_id"], self.home.wing_id())
            self.assertEqual(self.status()["state"], "online")
            self.assertEqual(self.status()["roost"], "http://node.example")
            self.assertIsNotNone(self.presence.holder())
            self.stop()
            self.assertIsNone(self.presence.holder())
            self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.refusals, [])

    def test_a_second_wing_on_the_directory_is_refused(self) -> None:
        self.online()
        self.addCleanup(self.stop)
        other = self.make()
        self.assertRaises(OperatorError, other.privilegedStartService)
        self.assertRaises(OperatorError, other.startService)
        self.assertEqual(len(self.sockets), 1)

    def test_the_tunnel_is_answered(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        browser = Browser("owner")
        public = public_text(self.home.wing_key())
        box = Box.between(browser.key, public, TUNNEL)
        for kind, expected in (("ping", "ok"), ("paths.list", "paths"), ("sessions.list", "sessions")):
            socket.events.received(browser.sends("r", box.seal(json.dumps({"type": kind}).encode())))
            self.assertIn(expected, json.loads(box.open(socket.sent[-1]["payload"])))

    def test_messages_reach_the_sessions(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        socket.events.received(Browser("owner").attach("ffffffff"))
        self.assertEqual(socket.sent[-1]["error"], "session not found")
        socket.say("pty.migrate", session_id="x")
        self.assertEqual(socket.sent[-1]["type"], "pty.exited")

    def test_the_lock_is_told_when_it_changes(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        self.reactor.advance(HEARTBEAT_SECONDS)
        self.home.config.change(locked=True, allow_keys=[{"email": "a@x"}])
        self.reactor.advance(HEARTBEAT_SECONDS)
        self.reactor.advance(HEARTBEAT_SECONDS)
        told = [message for message in socket.sent if message["type"] == "wing.config"]
        self.assertEqual(
            told,
            [
                {
                    "type": "wing.config",
                    "wing_id": self.home.wing_id(),
                    "locked": True,
                    "allowed_count": 1,
                }
            ],
        )

    def test_a_lock_that_is_closed_by_hand_closes_what_is_open(self) -> None:
        self.online()
        self.addCleanup(self.stop)
        enforced: list[bool] = []
        self.patch(
            self.service.sessions, "enforce_lock", lambda: enforced.append(self.service.rules.config.locked)
        )
        self.reactor.advance(LOCK_WATCH_SECONDS)
        self.assertEqual(enforced, [])
        self.home.config.change(locked=True)
        self.reactor.advance(LOCK_WATCH_SECONDS)
        self.reactor.advance(LOCK_WATCH_SECONDS)
        self.assertEqual(enforced, [True])

    def test_passkeys_open_the_tunnel(self) -> None:
        passkey = Authenticator()
        self.home.config.change(
            locked=True, auth_ttl="1h", allow_keys=[{"user_id": "bob", "key": passkey.key}]
        )
        socket = self.online()
        self.addCleanup(self.stop)
        browser = Browser("bob")
        box = Box.between(browser.key, public_text(self.home.wing_key()), TUNNEL)

        def ask(kind: str, **fields: Any) -> Any:
            request = json.dumps({"type": kind, **fields}).encode()
            socket.events.received(browser.sends("r", box.seal(request)))
            return json.loads(box.open(socket.sent[-1]["payload"]))

        refused = ask("wing.info")
        self.assertEqual((refused["error"], refused["locked"]), ("passkey_required", True))
        self.assertEqual(set(refused), {"error", "hostname", "platform", "version", "locked"})
        asked = ask("passkey.challenge")
        self.assertEqual((asked["expires_in"], asked["keys"]), (60, [passkey.key]))
        # Bound to who has asked and whom: a wing that somebody shows their passkey cannot use it at another.
        wing, own = b64decode(public_text(self.home.wing_key())), b64decode(browser.public)
        nonce, challenge = (from_base64(asked[name], what=name) for name in ("nonce", "challenge"))
        made = hashlib.sha256(b"wt-passkey-tunnel\0" + nonce + own + wing).digest()
        self.assertEqual((len(nonce), challenge), (32, made))
        shown = ask("passkey.auth", **passkey.shows(asked["challenge"]))
        self.assertEqual((set(shown), shown["expires_in"]), ({"auth_token", "expires_in"}, 3600))
        info = ask("wing.info", auth_token=shown["auth_token"])
        self.assertEqual((info["locked"], info["passkey_enrolled"]), (True, True))
        self.assertEqual(ask("allow.list", auth_token=shown["auth_token"]), {"error": "not_allowed"})
        self.assertIn("error", ask("passkey.auth", **passkey.shows(asked["challenge"])))
        for fields in ({}, {"signature": 5}, passkey.shows("AAAA") | {"signature": "!"}):
            self.assertIn("error", ask("passkey.auth", **fields))
        browser.user_id = "eve"
        self.assertEqual(ask("passkey.challenge"), {"error": "not_allowed"})
        self.assertEqual(ask("wing.info", auth_token=shown["auth_token"]), {"error": "not_allowed"})

    def test_nobody_is_let_in_again_by_a_request_that_a_node_has_kept(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        browser = Browser("owner")
        box = Box.between(browser.key, public_text(self.home.wing_key()), TUNNEL)

        def request(kind: str, **fields: Any) -> bytes:
            return browser.sends("r", box.seal(json.dumps({"type": kind, **fields}).encode()))

        added = request("allow.add", user_id="eve")
        removed = request("allow.remove", user_id="eve")
        for message in (added, removed, added):
            socket.events.received(message)
        self.assertIn("has come before", json.loads(box.open(socket.sent[-1]["payload"]))["error"])
        self.assertEqual(self.service.rules.config.allow_keys, ())

    def test_a_new_passkey_is_noted(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        sent = len(socket.sent)
        socket.say("passkey.registered", user_id="ann", email="ann@x")
        socket.say("passkey.registered", user_id="ann")
        self.assertEqual(len(socket.sent), sent)

    def test_settings_hold_for_the_next_terminal(self) -> None:
        started: list[EggMeta] = []

        async def start_egg(reactor: object, directory: Path, environment: object, lock: int) -> None:
            started.append(egg_home.read_meta(directory))
            raise OSError("that is enough")

        self.patch(terminals, "start_egg", start_egg)
        socket = self.online()
        self.addCleanup(self.stop)
        for audit, idle_timeout in ((True, "2h"), (None, None)):
            self.home.config.change(audit=audit, idle_timeout=idle_timeout)
            socket.events.received(Browser("owner").start(f"{len(started):08x}"))
        self.assertEqual([(meta.audit, meta.idle_timeout) for meta in started], [(True, 7200), (False, None)])

    def test_a_refusal_is_told_once(self) -> None:
        self.service.startService()
        self.sockets[0].end("no such login", status=401)
        self.assertEqual(len(self.refusals), 1)
        self.assertIn("wt login", self.refusals[0])
        self.assertEqual(self.status()["state"], "refused")
        self.successResultOf(self.service.stopService())

    def test_the_servers_key_is_remembered(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        kept = self.home.directory / "relay_pub_key"
        self.assertEqual(kept.read_text(), "key\n")
        socket.end()
        self.reactor.advance(1)
        self.sockets[-1].open()
        self.sockets[-1].events.received(codec.write(json.loads(ACK) | {"relay_pub_key": "another"}))
        self.assertEqual(kept.read_text(), "another\n")
        self.assertTrue(self.service.link.online)

    def test_a_congested_link_holds_the_terminals(self) -> None:
        socket = self.online()
        self.addCleanup(self.stop)
        socket.events.congested()
        self.assertTrue(self.service.sessions.paused())
        socket.events.has_room()
        self.assertFalse(self.service.sessions.paused())

    def test_damaged_files_are_refused_at_once(self) -> None:
        for name in ("wing_key", "wing-id", "wing.yaml"):
            path = self.home.directory / name
            before = path.read_text() if path.exists() else None
            path.write_text("[damaged")
            self.assertRaises(OperatorError, self.make)
            self.assertEqual(path.read_text(), "[damaged")
            path.unlink()
            if before is not None:
                path.write_text(before)
