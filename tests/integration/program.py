"""Starts the real program for the integration and browser tests, and reads what it leaves behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from wingthing.names import DATABASE_FILE

WT = [sys.executable, "-m", "wingthing.cli"]
DEADLINE_SECONDS = 30.0
"""How long anything may take on a busy machine before a test gives up on it."""

T = TypeVar("T")


def eventually(probe: Callable[[], T], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """The first true answer of `probe`; AssertionError naming `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: did not come true within {seconds:g} s (last answer: {answer!r})")
        time.sleep(0.05)


def environment(home: Path, **extra: str) -> dict[str, str]:
    """The environment of a program whose directory is `home`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WT_", "FLY_", "WINGTHING_"))
    }
    return {**kept, "WINGTHING_DIR": str(home), "PYTHONUNBUFFERED": "1", **extra}


def wt(home: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one `wt` command to its end."""
    return subprocess.run(
        [*WT, *words], env=environment(home, **extra), capture_output=True, text=True, timeout=60, check=False
    )


class Program:
    """A `wt` process that stays: `serve`, `roost` or a wing in the foreground."""

    def __init__(self, home: Path, *words: str, command: list[str] | None = None, **extra: str) -> None:
        self.home = home
        self.log = home / f"{words[0] if words else 'program'}.out"
        self._sink = self.log.open("ab")
        self.process = subprocess.Popen(
            [*(command or WT), *words],
            env=environment(home, **extra),
            stdin=subprocess.DEVNULL,
            stdout=self._sink,
            stderr=subprocess.STDOUT,
            # A test run in a shell's background ignores Ctrl-C, and what it starts would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    @property
    def output(self) -> str:
        """Everything that it has printed."""
        return self.log.read_text(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and wait; the exit code."""
        if self.alive():
            self.process.send_signal(number)
        try:
            code = self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end on signal {number}:\n{self.output}") from None
        finally:
            self._sink.close()
        return code


class Server(Program):
    """`wt serve` or `wt roost` on a free loopback port, ready to be used."""

    def __init__(self, home: Path, *words: str, addr: str = "127.0.0.1:0", **extra: str) -> None:
        known = home / "server.json"
        known.unlink(missing_ok=True)
        super().__init__(home, *(words or ("serve",)), "--addr", addr, **extra)

        def ready() -> bool:
            assert self.alive(), f"the server ended at once:\n{self.output}"
            return known.exists()

        eventually(ready, "the server listens")
        self.url: str = json.loads(known.read_text())["url"]
        parts = urllib.parse.urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port = parts.hostname, parts.port
        self._cookie: str | None = None

    @property
    def ws(self) -> str:
        """The same address for WebSockets."""
        return self.url.replace("http", "ws", 1)

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One HTTP request: status, headers (lower case), body."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def link(self) -> str:
        """The one-time link that lets a browser in."""
        told = wt(self.home, "url")
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def cookie(self) -> str:
        """A login cookie of the local user, as a header value; the link is opened once."""
        if self._cookie is None:
            link = urllib.parse.urlsplit(self.link())
            status, headers, body = self.request("GET", f"{link.path}?{link.query}")
            assert status == 303, (status, body)
            self._cookie = headers["set-cookie"].partition(";")[0]
        return self._cookie

    def api(self, path: str, method: str = "GET", body: object = None) -> object:
        """One API request of the local user."""
        headers = {"Cookie": self.cookie(), "Origin": self.url, "Content-Type": "application/json"}
        status, _headers, answer = self.request(
            method, path, None if body is None else json.dumps(body), headers
        )
        assert status in (200, 204), (status, answer)
        return json.loads(answer) if answer else None

    def user_token(self, user_id: str) -> str:
        """A wing token of a user who is added when there is none of that id."""
        wt(self.home, "user", "add", user_id, "--name", user_id.title())
        told = wt(self.home, "user", "token", user_id)
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()


def open_files(pid: int) -> int:
    """How many file descriptors a process has open, but for those of its database: a pool opens them one by
    one, whenever it needs one more."""
    links = list(Path(f"/proc/{pid}/fd").iterdir())
    return sum(1 for link in links if DATABASE_FILE not in _target(link))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def eggs_of(home: Path) -> list[int]:
    """The processes of the terminals of one directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"wingthing.cli.egg" in words and any(str(home).encode() in word for word in words):
                found.append(int(entry.name))
    return found


def end_eggs(home: Path) -> None:
    """End the terminals that a test has left, which outlive everything else by design, and wait until they
    are gone with all that ran in them: a shell that is only hung up on still writes its history."""
    eggs = [psutil.Process(pid) for pid in eggs_of(home)]
    family = [*eggs, *(child for egg in eggs for child in egg.children(recursive=True))]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _gone, left = psutil.wait_procs(family, DEADLINE_SECONDS)
    assert not left, f"not ended by SIGKILL: {left}"
