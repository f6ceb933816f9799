"""`kill -9` of the server, of the wing and of the browser, in every order, in the middle of a flood.

Afterwards everything has reconnected, the terminal shows the true screen, and nothing has leaked.
"""

from __future__ import annotations

import itertools
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.peers import FieldBrowser
from tests.integration.program import Program, Server, eggs_of, eventually, open_files, wt
from wingthing.wing.screen import Screen

LINES = 2_000_000
FLOOD = f"yes | head -n {LINES}; echo all-$((6*7))-there\r".encode()
COLS, ROWS = 80, 24


class Stage:
    """A server, a wing in a process of its own, and a browser with one terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = Server(home)
        self.addr = f"{self.server.host}:{self.server.port}"
        self.cookie = self.server.cookie()
        self.wing = self._wing()
        wings = self._wings()
        self.wing_id, self.wing_key = wings["wing_id"], wings["public_key"]
        self.browser = self._browser()
        self.browser.start(cwd="/tmp", cols=COLS, rows=ROWS)
        self.session = self.browser.hear("pty.started")["session_id"]
        self.type(b"PS1='ready> '\r")
        self.browser.read_until(self.wing_key, b"ready> ")

    def type(self, keys: bytes) -> None:
        self.browser.type(self.session, self.wing_key, keys)

    # -- what dies, and how it comes back ------------------------------------------------------------------

    def kill_server(self) -> None:
        self.server.kill()
        self.server = Server(self.home, addr=self.addr)

    def kill_wing(self) -> None:
        self.wing.kill()
        self.wing = self._wing()

    def kill_browser(self) -> None:
        self.browser.socket.socket.close()

    def return_to_the_terminal(self) -> Screen:
        """A browser that comes back: attaches until the wing answers, and paints what it is sent."""
        self.browser.socket.socket.close()
        self._wings()

        def attached() -> Any:
            browser = self._browser()
            browser.attach(self.session, wing_id=self.wing_id, cols=COLS, rows=ROWS)
            answer = browser.hear("pty.started", "pty.exited", "error", seconds=10)
            if answer["type"] != "pty.started":
                browser.close()
                return None
            return browser

        self.browser = eventually(attached, "the terminal can be attached to")
        return self.watch(b"all-42-there\r\n")

    def watch(self, wanted: bytes) -> Screen:
        """Paint output on a screen of our own until its text has `wanted` and a prompt after it."""
        screen = Screen(COLS, ROWS)

        def done() -> bool:
            screen.feed(self.browser.read(self.wing_key, seconds=60))
            text = screen.text()
            return wanted.decode().strip() in text and text.rstrip().endswith("ready>")

        eventually(done, "the flood's end on the screen", seconds=120)
        return screen

    def close(self) -> None:
        self.type(b"exit\r")
        self.browser.hear("pty.exited")
        self.browser.close()
        assert self.wing.stop() == 0, self.wing.output
        assert self.server.stop() == 0, self.server.output

    def _wing(self) -> Program:
        started = Program(self.home, "wing", "start", "--foreground", "--paths", "/tmp")
        eventually(lambda: started.alive() or pytest.fail(started.output), "the wing runs")
        return started

    def _wings(self) -> Any:
        def online() -> Any:
            status, _headers, body = self.server.request(
                "GET", "/api/app/wings", headers={"Cookie": self.cookie}
            )
            assert status == 200, body
            return json.loads(body)

        return eventually(online, "the wing is online")[0]

    def _browser(self) -> FieldBrowser:
        return FieldBrowser(self.server.ws, {"Cookie": self.cookie}, self.wing_id)


@pytest.mark.parametrize("order", list(itertools.permutations(("server", "wing", "browser"))))
def test_any_order_during_a_flood(home: Path, order: tuple[str, ...]) -> None:
    stage = Stage(home)
    stage.type(FLOOD)
    stage.browser.read_until(stage.wing_key, b"y\r\ny\r\n")
    (egg,) = eggs_of(home)
    for victim in order:
        getattr(stage, f"kill_{victim}")()
    screen = stage.return_to_the_terminal()
    assert eggs_of(home) == [egg], "the terminal is the same process, and the only one"
    lines = screen.text().splitlines()
    assert lines[0].strip() == "y", lines
    stage.close()
    eventually(lambda: not eggs_of(home), "the terminal's process has ended")
    assert not list((home / "eggs").iterdir())


def test_nothing_leaks(home: Path) -> None:
    stage = Stage(home)
    stage.type(b"echo all-$((6*7))-there\r")
    stage.watch(b"all-42-there")

    def counts() -> tuple[int, int, int]:
        (egg,) = eggs_of(home)
        return (
            open_files(stage.server.process.pid),
            open_files(stage.wing.process.pid),
            open_files(egg),
        )

    before = counts()
    for _ in range(10):
        stage.kill_browser()
        stage.return_to_the_terminal()
    eventually(lambda: counts() == before, "as many descriptors as before the browsers died")
    stage.kill_wing()
    stage.return_to_the_terminal()
    eventually(lambda: counts()[2] == before[2], "the egg has let the dead wing go")
    stage.close()


def test_interrupting_a_flood_answers_at_once(home: Path) -> None:
    stage = Stage(home)
    stage.type(b"yes\r")
    stage.browser.read_until(stage.wing_key, b"y\r\ny\r\n")
    stage.type(b"\x03")
    stage.type(b"echo all-$((6*7))-there\r")
    stage.watch(b"all-42-there")
    stage.close()


def test_a_wing_that_is_stopped_leaves_its_terminals(home: Path) -> None:
    stage = Stage(home)
    assert stage.wing.stop(signal.SIGINT) == 0
    assert wt(home, "status").returncode == 1
    assert len(eggs_of(home)) == 1
    stage.wing = stage._wing()
    stage._wings()
    stage.browser.attach(stage.session, wing_id=stage.wing_id)
    stage.browser.hear("pty.started")
    stage.type(b"echo all-$((6*7))-there\r")
    stage.watch(b"all-42-there")
    stage.close()
    eventually(lambda: not eggs_of(home), "the terminal's process has ended")
