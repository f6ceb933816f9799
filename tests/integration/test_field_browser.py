"""A web app of somebody else with our wing: `wt roost`, driven over the wire alone."""

from __future__ import annotations

import gzip
import json
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.peers import FieldBrowser, Socket
from tests.integration.program import Server, end_eggs, eventually


class Roost(Server):
    """A roost, its one wing, and the folder in which its terminals may start."""

    def __init__(self, home: Path) -> None:
        self.allowed = home.parent / "allowed"
        (self.allowed / "project" / ".git").mkdir(parents=True)
        (self.allowed / "project" / "part").mkdir()
        (self.allowed / "project" / "part" / "egg.yaml").write_text("{}\n")
        (home.parent / "outside").mkdir()
        (self.allowed / "escape").symlink_to(home.parent / "outside")
        home.mkdir()
        (home / "wing.yaml").write_text(f"audit: true\nspectate: true\npaths: [{self.allowed}]\n")
        super().__init__(home, "roost")
        wing: Any = eventually(lambda: self.api("/api/app/wings"), "the wing is online")[0]  # type: ignore[index]
        self.wing_id: str = wing["wing_id"]
        self.key: str = wing["public_key"]

    def browser(self) -> FieldBrowser:
        return FieldBrowser(self.ws, {"Cookie": self.cookie()}, self.wing_id)

    def terminal(self) -> tuple[FieldBrowser, str]:
        browser = self.browser()
        browser.start(cwd=str(self.allowed))
        started = browser.hear("pty.started")
        assert started["public_key"] == self.key
        browser.type(started["session_id"], self.key, b"PS1='> '; echo be''gin\r")
        browser.read_until(self.key, b"begin\r\n")
        return browser, started["session_id"]


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        running = Roost(Path(folder) / "home")
        yield running
        assert running.stop() == 0, running.output
        end_eggs(running.home)
        assert "Traceback" not in running.output, running.output


def test_typing_resizing_and_leaving(roost: Roost) -> None:
    browser, session = roost.terminal()
    browser.say("pty.resize", session_id=session, cols=101, rows=31)
    browser.type(session, roost.key, b"stty size; pwd\r")
    browser.read_until(roost.key, b"31 101\r\n" + str(roost.allowed).encode())
    browser.type(session, roost.key, b"exit 7\r")
    assert browser.hear("pty.exited")["exit_code"] == 7


def test_coming_back_brings_the_screen_under_a_new_key(roost: Roost) -> None:
    browser, session = roost.terminal()
    browser.type(session, roost.key, "echo zurück-$((6*7)) 🪽\r".encode())
    browser.read_until(roost.key, "zurück-42 🪽\r\n".encode())
    browser.close()
    back = roost.browser()
    back.attach(session, cols=80, rows=24)
    # Output that was on its way when the node bound the new connection may come before; nothing else may.
    while (heard := back.hear())["type"] != "pty.started":
        assert heard["type"] == "pty.output"
    first = back.hear()
    assert first["type"] == "pty.output"
    assert first["compressed"] is True

    replay = gzip.decompress(back.key.open(roost.key, first["data"]))
    assert "zurück-42 🪽" in replay.decode()
    back.say("pty.kill", session_id=session)
    back.hear("pty.exited")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"cwd": "/no/such/folder"}, "folder"),
        ({"cwd": "/etc"}, "folder"),
        ({"agent": "hal9000"}, "hal9000"),
        ({"public_key": ""}, "key"),
        ({"public_key": "bm90IGEga2V5"}, "key"),
        ({"public_key": "A" * 43 + "="}, "key"),
    ],
)
def test_a_terminal_that_cannot_be_opened_says_why(roost: Roost, fields: dict[str, str], word: str) -> None:
    browser = roost.browser()
    browser.start(**{"cwd": str(roost.allowed), **fields})
    answer = browser.hear("pty.exited", "pty.started", "error")
    assert answer["type"] != "pty.started"
    assert word in (answer.get("error") or answer.get("message"))


def test_what_does_not_decrypt_changes_nothing(roost: Roost) -> None:
    browser, session = roost.terminal()
    for data in ("!!!", "", "AAAA", secrets.token_urlsafe(64), FieldBrowser.__name__):
        browser.say("pty.input", session_id=session, data=data)
    stranger = roost.browser()
    browser.say("pty.input", session_id=session, data=stranger.key.seal(roost.key, b"echo ev''il\r"))
    browser.type(session, roost.key, b"echo go''od\r")
    assert b"evil" not in browser.read_until(roost.key, b"good\r\n")


def test_a_session_that_is_not_there(roost: Roost) -> None:
    browser = roost.browser()
    browser.attach("00000000")
    assert "error" in browser.hear("pty.exited")


def test_a_spectator(roost: Roost) -> None:
    browser, session = roost.terminal()
    watcher = roost.browser()
    watcher.attach(session, spectate=True)
    started = watcher.hear("pty.started")
    assert started["viewer_id"]
    browser.type(session, roost.key, b"echo se''en\r")
    watcher.read_until(roost.key, b"seen")
    browser.type(session, roost.key, b"exit\r")
    watcher.hear("pty.exited")


def test_the_tunnel(roost: Roost) -> None:
    browser, session = roost.terminal()

    def ask(kind: str, **fields: Any) -> Any:
        return browser.ask(roost.wing_id, roost.key, kind, **fields)

    info = ask("wing.info")
    assert "shell" in info["agents"]
    assert info["spectate"] is True
    assert info["locked"] is False
    names = {
        project["name"] for project in eventually(lambda: ask("wing.info")["projects"], "projects are found")
    }
    assert {"project", "part"} <= {name.rpartition("/")[2] for name in names}
    entries = ask("dir.list", path=str(roost.allowed))["entries"]
    assert {"project"} <= {entry["name"] for entry in entries}
    for path in (
        f"{roost.allowed}/..",
        f"{roost.allowed}/escape",
        "/",
        "/etc",
        f"{roost.allowed}/project/../../outside",
    ):
        assert "error" in ask("dir.list", path=path), path
    (listed,) = [entry for entry in ask("sessions.list")["sessions"] if entry["session_id"] == session]
    assert listed["agent"] == "shell"
    assert ask("tea.make") == {"error": "unknown type: tea.make"}
    assert ask("pty.kill", session_id=session) == {"ok": "true"}
    browser.hear("pty.exited")
    history = eventually(
        lambda: [
            e for e in ask("sessions.history", offset=0, limit=50)["sessions"] if e["session_id"] == session
        ],
        "the session is in the history",
    )
    assert history[0]["audit"] is True
    text, last = recording(roost, browser, session)
    assert "next" not in last
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["version"] == 2
    assert "begin" in "".join(line[2] for line in lines[1:] if line[1] == "o")


def recording(roost: Roost, browser: FieldBrowser, session: str, **fields: int) -> tuple[str, dict[str, Any]]:
    """The text that one `audit.request` gives, and what the last message says."""
    request_id = browser.request(
        roost.wing_id, roost.key, "audit.request", session_id=session, kind="pty", **fields
    )
    text = ""
    while True:
        part = browser.hear("tunnel.stream", "tunnel.res")
        assert part["request_id"] == request_id
        said = json.loads(browser.key.open(roost.key, part["payload"], b"wt-tunnel"))
        text += said.get("data") or ""
        if part.get("done"):
            return text, said


def test_a_long_recording_comes_part_by_part(roost: Roost) -> None:
    browser, session = roost.terminal()
    browser.type(session, roost.key, b"seq 1 50000; exit\r")
    while browser.hear()["type"] != "pty.exited":
        pass
    whole, _last = recording(roost, browser, session)
    text, offset = "", 0
    while True:
        part, last = recording(roost, browser, session, offset=offset, limit=100_000)
        text += part
        if "next" not in last:
            break
        assert last["next"] > offset
        offset = last["next"]
    assert len(whole) > 200_000
    assert text == whole


def test_two_bells_ask_for_attention(roost: Roost) -> None:
    dashboard = Socket(f"{roost.ws}/ws/app", {"Cookie": roost.cookie()})
    browser, session = roost.terminal()
    browser.type(session, roost.key, rb"printf '\a'; sleep 0.2; printf '\a'" + b"\r")
    assert dashboard.hear("session.attention")["session_id"] == session
    browser.type(session, roost.key, b"exit\r")
    browser.hear("pty.exited")


def test_another_user_of_the_server_reaches_nothing(roost: Roost) -> None:
    _browser, session = roost.terminal()
    eve = FieldBrowser(roost.ws, {"Authorization": f"Bearer {roost.user_token('eve')}"}, roost.wing_id)
    eve.attach(session)
    assert eve.hear()["message"] == "wing not found"
    eve.request(roost.wing_id, roost.key, "sessions.list")
    assert eve.hear()["message"] == "wing not found"
