"""The wing as a person runs it: login, start, status, stop, and what becomes of its terminals."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.peers import FieldBrowser
from tests.integration.program import Program, Server, eventually, wt


@pytest.fixture
def served(home: Path) -> Iterator[Server]:
    """A server with a directory of its own, ended with its wing and terminals."""
    (home / "src" / "site" / ".git").mkdir(parents=True)
    (home / "wing.yaml").write_text(f"paths: [{home / 'src'}]\n")
    server = Server(home)
    try:
        yield server
    finally:
        wt(home, "stop")
        end_terminals(home)
        server.stop()


def end_terminals(home: Path) -> None:
    """Kill the processes of the terminals under `home`; their shells end with them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if "wingthing.cli.egg" in words and any(word.startswith(str(home)) for word in words):
            os.kill(int(process.name), signal.SIGKILL)


def started(home: Path) -> int:
    """Start the wing; its process id."""
    told = wt(home, "start")
    assert told.returncode == 0, told.stderr
    assert "online" in told.stdout, told.stdout
    return int((home / "wing.pid").read_text())


def browser_of(server: Server) -> tuple[FieldBrowser, str]:
    """A browser, and the public key of the only wing."""
    wings = server.api("/api/app/wings")
    assert isinstance(wings, list)
    (wing,) = wings
    return FieldBrowser(server.ws, {"Cookie": server.cookie()}, wing["wing_id"]), wing["public_key"]


def opened(browser: FieldBrowser, public: str, **fields: object) -> str:
    """A terminal in which a prompt has been seen; its session id."""
    browser.start(**fields)
    answer = browser.hear("pty.started", "pty.exited")
    assert answer["type"] == "pty.started", answer
    session_id: str = answer["session_id"]
    browser.type(session_id, public, b"echo rea''dy\r")
    browser.read_until(public, b"ready")
    return session_id


def test_the_first_minute(served: Server) -> None:
    home = served.home
    assert "you on" in wt(home, "whoami").stdout
    told = wt(home, "login")
    assert told.returncode == 0, told.stderr
    assert f"Logged in to {served.url}" in told.stdout
    pid = started(home)
    assert wt(home, "start").stdout == f"The wing runs already (process {pid}).\n"
    status = wt(home, "status")
    assert status.returncode == 0
    assert "online" in status.stdout
    assert wt(home, "doctor").returncode == 0
    assert wt(home, "stop").stdout == "The wing has ended.\n"
    assert wt(home, "status").returncode == 1
    eventually(lambda: served.api("/api/app/wings") == [], "the wing is offline")


def test_a_terminal_through_stop_start_and_kill(served: Server) -> None:
    started(served.home)
    browser, public = browser_of(served)
    session_id = opened(browser, public, cwd=str(served.home / "src" / "site"))
    browser.type(session_id, public, b"echo per''sists; pwd\r")
    browser.read_until(public, b"persists")
    stopped = wt(served.home, "stop")
    assert stopped.stdout == "The wing has ended. 1 terminal lives on.\n"
    browser.hear("wing.offline")
    pid = started(served.home)
    browser.attach(session_id, cols=90, rows=20)
    assert browser.hear("pty.started", "pty.exited")["type"] == "pty.started"
    assert b"site" in browser.read_until(public, b"persists")
    os.kill(pid, signal.SIGKILL)
    browser.hear("wing.offline")
    assert wt(served.home, "status").returncode == 1
    started(served.home)
    browser.attach(session_id)
    browser.hear("pty.started")
    browser.read_until(public, b"persists")
    browser.type(session_id, public, b"exit 7\r")
    assert browser.hear("pty.exited")["exit_code"] == 7
    wing_id = browser.ask(_wing_id(served), public, "sessions.history")["sessions"][0]
    assert (wing_id["session_id"], wing_id["exit_code"]) == (session_id, 7)


def test_watching_is_a_matter_of_wing_yaml(served: Server) -> None:
    started(served.home)
    browser, public = browser_of(served)
    session_id = opened(browser, public)
    watcher, _public = browser_of(served)
    watcher.attach(session_id, spectate=True)
    assert "spectate" in watcher.hear("pty.exited")["error"]
    with (served.home / "wing.yaml").open("a") as file:
        file.write("spectate: true\n")
    watcher.attach(session_id, spectate=True)
    watcher.hear("pty.started")
    watcher.read_until(public, b"ready")
    browser.type(session_id, public, b"echo se''en\r")
    assert b"seen" in watcher.read_until(public, b"seen")
    watcher.type(session_id, public, b"rm -rf /\r")
    watcher.hear("error")


def test_the_tunnel_answers_for_the_allowed_folders_alone(served: Server) -> None:
    home = served.home
    (home / "src" / "escape").symlink_to("/etc")
    started(home)
    browser, public = browser_of(served)
    wing_id = _wing_id(served)
    info = browser.ask(wing_id, public, "wing.info")
    assert info["agents"][0] == "shell"
    eventually(
        lambda: [p["name"] for p in browser.ask(wing_id, public, "wing.info")["projects"]] == ["site"],
        "the project is found",
    )
    entries = browser.ask(wing_id, public, "dir.list", path="")["entries"]
    assert [(entry["name"], entry["is_dir"]) for entry in entries] == [("site", True), ("escape", False)]
    for path in ("..", "/", "/etc", "escape", "site/../../eggs", str(home), "~root"):
        assert list(browser.ask(wing_id, public, "dir.list", path=path)) == ["error"], path
    for cwd in ("..", "/etc", "escape", "/no/such/folder", "~nobody-of-that-name"):
        browser.start(cwd=cwd)
        refusal = browser.hear("pty.exited", "pty.started")
        assert refusal["exit_code"] == -1, cwd
        assert refusal["error"], cwd
    assert browser.ask(wing_id, public, "wing.fly") == {"error": "unknown type: wing.fly"}


def test_a_recording_comes_through_the_tunnel(served: Server) -> None:
    with (served.home / "wing.yaml").open("a") as file:
        file.write("audit: true\n")
    started(served.home)
    browser, public = browser_of(served)
    session_id = opened(browser, public)
    browser.type(session_id, public, "echo ré''corded\r".encode())
    browser.read_until(public, "récorded".encode())
    browser.type(session_id, public, b"exit\r")
    browser.hear("pty.exited")
    request_id = browser.request(_wing_id(served), public, "audit.request", session_id=session_id)
    text = ""
    while True:
        part = browser.hear("tunnel.stream", "tunnel.res")
        assert part["type"] == "tunnel.stream", part
        assert part["request_id"] == request_id
        said = json.loads(browser.key.open(public, part["payload"], b"wt-tunnel"))
        if part.get("done"):
            assert said == {"done": True}
            break
        text += said["data"]
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["version"] == 2
    assert "récorded" in "".join(line[2] for line in lines[1:] if line[1] == "o")


def test_the_server_goes_away_and_comes_back_somewhere_else(served: Server, home: Path) -> None:
    started(home)
    served.stop()
    eventually(lambda: "waiting" in wt(home, "status").stdout or None, "the wing waits")
    again = Server(home)
    try:
        assert again.url != served.url
        eventually(lambda: "online" in wt(home, "status").stdout or None, "the wing has found it")
    finally:
        wt(home, "stop")
        again.stop()


def test_a_login_that_is_not_accepted(served: Server, home: Path) -> None:
    token = home / "device_token.yaml"
    token.write_text(token.read_text().replace("device_token: ey", "device_token: eX"))
    told = wt(home, "start")
    assert (told.returncode, told.stdout) == (2, "")
    assert "wt login" in told.stderr
    assert "Traceback" not in told.stderr + (home / "wing.log").read_text()
    assert wt(home, "status").returncode == 1
    foreground = wt(home, "start", "--foreground")
    assert foreground.returncode == 2
    assert "wt login" in foreground.stderr.splitlines()[-1]
    who = wt(home, "whoami")
    assert who.returncode == 1
    assert "wt login" in who.stdout


def test_in_the_foreground_until_it_is_told_to_end(served: Server, home: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        wing = Program(home, "wing", "start", "--foreground")
        eventually(lambda: "online" in wt(home, "status").stdout or None, "online")
        second = wt(home, "start", "--foreground")
        assert second.returncode == 2
        assert "already runs" in second.stderr
        assert wing.stop(number) == 0, wing.output
        assert "Traceback" not in wing.output


def test_a_server_that_is_not_there(home: Path) -> None:
    served = Server(home)
    served.stop()
    told = wt(home, "start", "--roost", served.url)
    try:
        assert told.returncode == 0, told.stderr
        assert "not online yet" in told.stdout
        assert "refused" in told.stdout
    finally:
        assert "has ended" in wt(home, "stop").stdout
    for command in (("login",), ("whoami",)):
        told = wt(home, *command)
        assert told.returncode == 2
        assert "connection refused" in told.stderr
        assert "Traceback" not in told.stderr


def test_a_server_that_the_login_is_not_from_hears_nothing(home: Path) -> None:
    Server(home).stop()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0)
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        for words in (("start", "--roost", url), ("start", "--foreground", "--roost", url)):
            told = wt(home, *words)
            assert told.returncode == 2
            assert f"wt login --roost {url}" in told.stderr
        assert not (home / "wing.yaml").exists()
        (home / "wing.yaml").write_text(f"roost: {url}\n")
        for words, code in ((("start",), 2), (("whoami",), 1), (("logout", "--everywhere"), 2)):
            told = wt(home, *words)
            assert (told.returncode, "Traceback" in told.stderr) == (code, False), told
        with pytest.raises(BlockingIOError):
            stranger.accept()


def test_after_the_server_inside_has_ended_nobody_else_is_asked(home: Path) -> None:
    roost = Server(home, "roost")
    eventually(lambda: "online" in wt(home, "status").stdout or None, "the wing inside")
    assert roost.stop() == 0
    assert roost.url in wt(home, "status").stdout
    told = wt(home, "start")
    try:
        assert f"no connection to {roost.url}" in told.stdout
    finally:
        wt(home, "stop")


def test_a_server_with_a_public_name_and_a_wing_inside(home: Path) -> None:
    roost = Server(home, "roost", "--base-url", "http://wings.invalid:80")
    try:
        eventually(lambda: "online" in wt(home, "status").stdout or None, "the wing inside")
    finally:
        assert roost.stop() == 0, roost.output


def test_inside_the_server(home: Path) -> None:
    roost = Server(home, "roost")
    try:
        eventually(lambda: "inside 'wt roost'" in wt(home, "status").stdout or None, "the wing inside")
        told = wt(home, "stop")
        assert told.returncode == 2
        assert "wt roost" in told.stderr
        assert roost.alive()
        assert "runs already" in wt(home, "start").stdout
    finally:
        assert roost.stop(signal.SIGINT) == 0, roost.output
    assert "trying again" not in roost.output, "it has gone with its server"


def _wing_id(server: Server) -> str:
    wings = server.api("/api/app/wings")
    assert isinstance(wings, list)
    wing_id: str = wings[0]["wing_id"]
    return wing_id
