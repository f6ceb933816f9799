"""The server's start and end as an operator sees them: sentences, exit codes, signals."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.program import WT, Program, Server, environment, eventually, wt

TWISTD = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "wingthing"]
BOTH = pytest.mark.parametrize("command", [[*WT, "serve"], TWISTD], ids=["wt serve", "twistd"])


def refused(home: Path, command: list[str], *words: str, **extra: str) -> str:
    """Run a server that must not start; what it said."""
    if "--addr" not in words:
        words = (*words, "--addr", "127.0.0.1:0")
    done = subprocess.run(
        [*command, *words],
        env=environment(home, **extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said, said
    return said


@BOTH
def test_an_address_that_is_taken(home: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(home, command, "--addr", f"127.0.0.1:{taken.getsockname()[1]}")
    assert "already in use" in said
    assert not (home / "server.json").exists()


@BOTH
def test_beyond_loopback_must_be_asked_for(home: Path, command: list[str]) -> None:
    assert "--allow-remote" in refused(home, command, "--addr", "0.0.0.0:0")


@BOTH
def test_a_directory_that_is_a_file(home: Path, command: list[str]) -> None:
    (home / "file").write_text("")
    assert str(home / "file") in refused(home, command, "--data-dir", str(home / "file"))


@BOTH
def test_a_newer_database(home: Path, command: list[str]) -> None:
    connection = sqlite3.connect(home / "wingthing.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "version 99" in refused(home, command)


@BOTH
def test_what_is_no_database_is_left_as_it_is(home: Path, command: list[str]) -> None:
    (home / "wingthing.db").write_text("my novel")
    assert "not a database" in refused(home, command)
    assert (home / "wingthing.db").read_text() == "my novel"


@BOTH
@pytest.mark.parametrize("key", ["nonsense", "-----BEGIN EC PRIVATE KEY-----\n", "MHcCAQEEIPyT"])
def test_a_bad_signing_key(home: Path, command: list[str], key: str) -> None:
    assert "wt keygen" in refused(home, command, WT_JWT_KEY=key)


@BOTH
def test_a_damaged_wing_key_is_never_replaced(home: Path, command: list[str]) -> None:
    (home / "wing_key").write_text("broken")
    assert "wing_key is damaged" in refused(home, command)
    assert (home / "wing_key").read_text() == "broken"


def test_two_servers_on_one_directory(home: Path) -> None:
    running = Server(home)
    assert "Another server" in refused(home, [*WT, "serve"])
    assert running.stop() == 0
    assert wt(home, "url").returncode == 2


def test_twistd_is_the_same_server(home: Path) -> None:
    program = Program(home, "--addr", "127.0.0.1:0", command=TWISTD)
    eventually(lambda: (home / "server.json").exists(), "twistd listens")
    assert wt(home, "url").stdout.startswith("http://127.0.0.1:")
    assert program.stop() in (0, -signal.SIGTERM), "twistd ends by the signal that it was sent"
    assert "key=" not in program.output, "the secret of the link is not logged"


def test_a_killed_server_leaves_no_lock(home: Path) -> None:
    Server(home).kill()
    again = Server(home)
    assert again.stop() == 0


def test_what_is_secret_is_for_its_owner_alone(home: Path) -> None:
    server = Server(home)
    server.cookie()
    assert server.stop() == 0
    for path in home.iterdir():
        if path.is_file() and not path.name.endswith(".out"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert "key=" in server.output, "the link is on standard output"
    assert server.output.count("key=") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_restart_is_announced(home: Path, number: int) -> None:
    server = Server(home)
    headers = {"Cookie": server.cookie()}
    wing = FieldWing(server.ws, server.user_token("local"))
    sockets = [wing, FieldBrowser(server.ws, headers, wing.wing_id), Socket(f"{server.ws}/ws/app", headers)]
    started = time.monotonic()
    server.process.send_signal(number)
    for peer in sockets:
        peer.hear("relay.restart")
    assert [peer.close_code() for peer in sockets] == [1001] * 3
    assert server.stop(number) == 0
    assert time.monotonic() - started < 8
    assert "Traceback" not in server.output, server.output


def test_a_drain_does_not_wait_for_who_never_leaves(home: Path) -> None:
    server = Server(home)
    wing = FieldWing(server.ws, server.user_token("local"))
    raw = os.dup(wing.socket.socket.fileno())
    wing.socket.recv_events_thread = None  # type: ignore[attr-defined]
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 12
    os.close(raw)


def test_a_locked_database_is_a_passing_fault(home: Path) -> None:
    server = Server(home)
    cookie = server.cookie()
    connection = sqlite3.connect(home / "wingthing.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    headers = {"Cookie": cookie, "Content-Type": "application/json"}
    body = '{"wing_id": "0123456789abcdef01234567"}'
    status, answer_headers, answer = server.request(
        "POST", "/auth/device", body, {"Content-Type": headers["Content-Type"]}
    )
    assert status == 503, answer
    assert "retry-after" in answer_headers
    assert b'"error"' in answer
    assert server.request("GET", "/health")[0] == 200
    connection.execute("ROLLBACK")
    connection.close()
    assert server.request("POST", "/auth/device", body, {"Content-Type": headers["Content-Type"]})[0] == 200
    assert server.stop() == 0


def test_backup_of_a_running_server(home: Path) -> None:
    server = Server(home)
    assert wt(home, "user", "add", "ann", "--name", "Ann", "--email", "Ann@Example.com").returncode == 0
    assert wt(home, "backup", str(home / "copy.db")).returncode == 0
    assert wt(home, "backup", str(home / "copy.db")).returncode == 2, "it replaces nothing unasked"
    assert server.stop() == 0
    connection = sqlite3.connect(home / "copy.db")
    rows = connection.execute("SELECT id, email FROM users ORDER BY id").fetchall()
    connection.close()
    assert ("ann", "ann@example.com") in rows
    assert stat.S_IMODE((home / "copy.db").stat().st_mode) == 0o600


def test_a_removed_user_is_out(home: Path) -> None:
    server = Server(home)
    token = server.user_token("eve")
    check = {"Authorization": f"Bearer {token}"}
    assert server.request("GET", "/auth/check", headers=check)[0] == 200
    wing = FieldWing(server.ws, token)
    browser = FieldBrowser(server.ws, check, wing.wing_id)
    dashboard = Socket(f"{server.ws}/ws/app", check)
    assert wt(home, "user", "remove", "eve").returncode == 0
    assert [peer.close_code(seconds=20) for peer in (wing, browser, dashboard)] == [4001] * 3
    assert server.request("GET", "/auth/check", headers=check)[0] == 401
    assert wt(home, "user", "token", "eve").returncode == 2
    assert server.stop() == 0
