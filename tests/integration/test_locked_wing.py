"""A locked wing, its owner's passkey, and a web app of somebody else: `wt roost`, over the wire alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.authenticator import Authenticator
from tests.integration.peers import FieldBrowser, FieldWing
from tests.integration.program import Server, end_eggs, eventually, wt


class Locked(Server):
    """A roost whose owner is on the list of its own wing, and has a passkey at the server."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        (home / "wing.yaml").write_text("spectate: true\nkept: by somebody\n")
        super().__init__(home, "roost")
        self.by_name = f"http://localhost:{self.port}"
        self.passkey = Authenticator("localhost", self.by_name)
        self.first = FieldWing(self.ws, self.user_token("local"))
        options = self.account("POST", "/register/begin")["publicKey"]
        self.registered = self.account("POST", "/register/finish", self.passkey.create(options))
        wing: Any = eventually(
            lambda: [w for w in self.wings() if w["wing_id"] != self.first.wing_id], "the wing is online"
        )[0]
        self.wing_id: str = wing["wing_id"]
        self.key: str = wing["public_key"]

    def wings(self) -> list[dict[str, Any]]:
        return self.api("/api/app/wings")  # type: ignore[return-value]

    def account(self, method: str, path: str = "", body: object = None) -> Any:
        """A request of the page of passkeys, opened by name as passkeys need it."""
        headers = {
            "Host": f"localhost:{self.port}",
            "Origin": self.by_name,
            "Cookie": self.cookie(),
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body)
        status, _headers, answer = self.request(method, f"/api/app/passkey{path}", data, headers)
        assert status in (200, 204), (status, answer)
        return json.loads(answer) if answer else None

    def wing(self, *words: str) -> str:
        """A `wt wing` command beside the server."""
        told = wt(self.home, "wing", *words)
        assert told.returncode == 0, told.stderr
        return told.stdout

    def browser(self) -> FieldBrowser:
        return FieldBrowser(self.ws, {"Cookie": self.cookie()}, self.wing_id)

    def shows(self, browser: FieldBrowser, challenge: dict[str, Any], **fields: Any) -> None:
        shown = self.passkey.shows(challenge["challenge"]) | fields
        browser.say("passkey.response", session_id=challenge["session_id"], **shown)

    def locked(self) -> bool:
        """Whether the server knows that the wing is locked."""
        return any(wing["wing_id"] == self.wing_id and wing["locked"] for wing in self.wings())


@pytest.fixture(scope="module")
def roost() -> Iterator[Locked]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        running = Locked(Path(folder) / "home")
        yield running
        assert running.stop() == 0, running.output
        end_eggs(running.home)
        assert "Traceback" not in running.output, running.output


def test_a_wing_hears_of_a_new_passkey(roost: Locked) -> None:
    assert roost.first.hear("passkey.registered")["user_id"] == "local"
    roost.first.close()
    assert roost.account("GET") == [roost.registered]
    assert roost.registered["public_key"] == roost.passkey.key
    assert roost.api("/api/app/me")["has_passkeys"] is True  # type: ignore[index]


def test_from_the_lock_to_the_passkey(roost: Locked) -> None:
    """The terminal that is open when the wing is locked is closed to who has shown nothing, and goes on."""
    early = roost.browser()
    early.start()
    session = early.hear("pty.started")["session_id"]
    early.type(session, roost.key, b"PS1='> '; echo be''gin\r")
    early.read_until(roost.key, b"begin\r\n")
    roost.wing("allow", "--user", "local")
    roost.wing("lock")
    ended = early.hear("pty.exited")
    assert (ended["session_id"], ended["error"]) == (session, "passkey_required")
    eventually(roost.locked, "the server knows of the lock")

    back = roost.browser()
    back.attach(session)
    challenge = back.hear("passkey.challenge", "pty.started", "pty.exited")
    assert set(challenge) == {"type", "session_id", "challenge", "keys"}
    roost.shows(back, challenge)
    started = back.hear("pty.started", "pty.exited")
    token = started["auth_token"]
    assert len(bytes.fromhex(token)) == 32
    assert b"begin" in back.read(roost.key)
    said = (roost.home / "wing.yaml").read_text()
    assert roost.passkey.key in said, "the first passkey is written down"
    assert "kept: by somebody" in said

    again = roost.browser()
    again.start(auth_token=token)
    assert "auth_token" not in again.hear("pty.started", "passkey.challenge", "pty.exited")
    watcher = roost.browser()
    watcher.attach(session, spectate=True)
    assert watcher.hear("pty.exited", "pty.started")["error"] == "passkey_required"
    watcher.attach(session, spectate=True, auth_token=token)
    assert watcher.hear("pty.started")["viewer_id"]

    roost.wing("revoke", "--user", "local")
    roost.wing("unlock")
    back.say("pty.kill", session_id=session)
    back.hear("pty.exited")


def test_the_tunnel(roost: Locked) -> None:
    roost.wing("allow", "--user", "local", "--key", roost.passkey.key)
    roost.wing("lock")
    eventually(roost.locked, "the server knows of the lock")
    browser = roost.browser()

    def ask(kind: str, **fields: Any) -> Any:
        return browser.ask(roost.wing_id, roost.key, kind, **fields)

    for kind in (
        "wing.info",
        "dir.list",
        "sessions.list",
        "pty.kill",
        "audit.request",
        "allow.list",
        "paths.set",
    ):
        refused = ask(kind)
        assert refused["error"] == "passkey_required", kind
        assert set(refused) == {"error", "hostname", "platform", "version", "locked"}
    asked = ask("passkey.challenge")
    shown = ask("passkey.auth", **roost.passkey.shows(asked["challenge"]))
    assert ask("wing.info", auth_token=shown["auth_token"])["passkey_enrolled"] is True
    assert "error" in ask("passkey.auth", **roost.passkey.shows(asked["challenge"])), (
        "a challenge counts once"
    )
    own = roost.passkey.shows("A" * 43)
    assert "error" in ask("passkey.auth", **own), "one of the browser's choice"
    settings = roost.home / "wing.yaml"
    settings.write_text(settings.read_text() + "legacy_passkey: true\n")
    assert len(ask("passkey.auth", **own)["auth_token"]) == 64
    assert "error" in ask("passkey.auth", **own)
    for attack in (
        Authenticator("localhost").shows(ask("passkey.challenge")["challenge"]),
        roost.passkey.shows(ask("passkey.challenge")["challenge"], type="webauthn.create"),
        roost.passkey.shows(ask("passkey.challenge")["challenge"], flags=0),
        roost.passkey.shows(ask("passkey.challenge")["challenge"]) | {"signature": "MAYCAQECAQE="},
    ):
        assert ask("passkey.auth", **attack)["error"].startswith("the passkey was not accepted"), attack
    assert ask("allow.remove", user_id="local", auth_token=shown["auth_token"]) == {"ok": "true"}
    assert ask("wing.info")["allowed_count"] == 0, (
        "without an entry the server's word is enough for the owner"
    )
    roost.wing("unlock")


def test_a_wrong_answer_and_a_replayed_one(roost: Locked) -> None:
    roost.wing("allow", "--user", "local", "--key", roost.passkey.key)
    roost.wing("lock")
    eventually(roost.locked, "the server knows of the lock")
    browser = roost.browser()
    browser.start()
    first = browser.hear("passkey.challenge")
    roost.shows(browser, first, **Authenticator("localhost").shows(first["challenge"]))
    assert "not accepted" in browser.hear("pty.exited", "pty.started")["error"]
    browser.start()
    challenge = browser.hear("passkey.challenge")
    roost.shows(browser, challenge, **roost.passkey.shows(first["challenge"]))
    assert "another question" in browser.hear("pty.exited", "pty.started")["error"]
    browser.start()
    roost.shows(browser, browser.hear("passkey.challenge"), signature="")
    assert browser.hear("pty.exited", "pty.started")["error"] == "passkey_required"
    roost.wing("revoke", "--user", "local")
    roost.wing("unlock")
