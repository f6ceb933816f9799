"""The edge's proxy between real processes: 100 MB either way without keeping them."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.program import DEADLINE_SECONDS, Program, eventually, resident_bytes
from tests.integration.proxy_programs import PIECE

COMMAND = [sys.executable, str(Path(__file__).with_name("proxy_programs.py"))]
MB = 1024 * 1024
SIZE = 100 * MB
MOST_GROWTH = 20 * MB
MOST_ON_THE_WAY = 30 * MB
"""The kernel holds some megabytes for each of the two connections."""


class Edge(Program):
    """An edge and its login."""

    def __init__(self, home: Path) -> None:
        self.login = Program(home, "login", command=COMMAND)
        super().__init__(home, "edge", str(_port(self.login)), command=COMMAND)
        self.port = _port(self)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """One request with a client that knows nothing of this project."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            client.request(method, path, body, headers, encode_chunked=hasattr(body, "__next__"))
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def moved(self, what: str) -> int:
        """How many bytes login has sent or read, in its own words."""
        return int(json.loads(self.ask("GET", "/moved")[1])[what])

    def memory(self) -> int:
        return resident_bytes(self.process.pid)


def _port(program: Program) -> int:
    def printed() -> int:
        assert program.alive(), program.output
        numbers = [line for line in program.output.splitlines() if line.isdecimal()]
        return int(numbers[0]) if numbers else 0

    return eventually(printed, "the program listens")


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        running = Edge(Path(folder))
        # What the first request loads is no growth.
        for _ in range(20):
            running.ask("POST", "/up", iter([PIECE] * 16))
            running.ask("GET", f"/down?bytes={MB}")
        try:
            yield running
        finally:
            running.stop()
            running.login.kill()
            assert "Traceback" not in running.output, running.output


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // len(PIECE)):
        yield PIECE


def digest(size: int) -> str:
    whole = hashlib.sha256()
    for piece in pieces(size):
        whole.update(piece)
    return whole.hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
def test_100_mb_up(edge: Edge, chunked: bool) -> None:
    before, most = edge.memory(), 0

    def sent() -> Iterator[bytes]:
        nonlocal most
        for piece in pieces(SIZE):
            yield piece
            most = max(most, edge.memory())

    headers = {} if chunked else {"Content-Length": str(SIZE)}
    status, body = edge.ask("POST", "/up", sent(), **headers)
    assert status == 200
    assert json.loads(body) == {"bytes": SIZE, "sha256": digest(SIZE)}
    assert most - before < MOST_GROWTH, f"{(most - before) / MB:.1f} MB"


@pytest.mark.parametrize("how", ["", "&chunked"])
def test_100_mb_down(edge: Edge, how: str) -> None:
    before, most = edge.memory(), 0
    client = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=DEADLINE_SECONDS)
    client.request("GET", f"/down?bytes={SIZE}{how}")
    answer = client.getresponse()
    whole = hashlib.sha256()
    while piece := answer.read(len(PIECE)):
        whole.update(piece)
        most = max(most, edge.memory())
    client.close()
    assert whole.hexdigest() == digest(SIZE)
    assert most - before < MOST_GROWTH, f"{(most - before) / MB:.1f} MB"


def steady(probe: Any) -> int:
    """A number that has stopped to grow."""
    seen = [-1]

    def same() -> bool:
        seen.append(probe())
        return seen[-1] > 0 and len(seen) > 5 and len(set(seen[-5:])) == 1

    eventually(same, "nothing moves")
    return seen[-1]


def test_a_browser_that_does_not_read_stalls_login(edge: Edge) -> None:
    before = edge.memory()
    with edge.connect() as browser:
        browser.sendall(f"GET /down?bytes={SIZE} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert steady(lambda: edge.moved("sent")) < MOST_ON_THE_WAY
        assert edge.memory() - before < MOST_GROWTH
        got = b""
        while b"\r\n\r\n" not in got:
            got += browser.recv(65536)
        left, whole = SIZE, hashlib.sha256()
        got = got.partition(b"\r\n\r\n")[2]
        while left:
            whole.update(got)
            left -= len(got)
            got = browser.recv(65536) if left else b""
        assert whole.hexdigest() == digest(SIZE)
    assert edge.memory() - before < MOST_GROWTH


def test_a_login_that_does_not_read_stalls_the_browser(edge: Edge) -> None:
    before = edge.memory()
    with edge.connect() as browser:
        browser.sendall(f"POST /up?hold HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        browser.settimeout(1.0)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < SIZE:
                sent += browser.send(PIECE[sent % len(PIECE) :])
        assert sent < MOST_ON_THE_WAY
        assert edge.memory() - before < MOST_GROWTH
        edge.ask("GET", "/go")
        browser.settimeout(DEADLINE_SECONDS)
        while sent < SIZE:
            sent += browser.send(PIECE[sent % len(PIECE) :][: SIZE - sent])
        answer = b""
        while b"sha256" not in answer:
            answer += browser.recv(65536)
        assert digest(SIZE).encode() in answer
    assert edge.memory() - before < MOST_GROWTH


def test_a_refusal_reaches_a_browser_that_sends_on(edge: Edge) -> None:
    for _ in range(5):
        status, body = edge.ask("POST", "/refuse", pieces(20 * MB), **{"Content-Length": str(20 * MB)})
        assert (status, json.loads(body)) == (413, {"error": "too large"})


def test_a_browser_that_leaves_ends_logins_work(edge: Edge) -> None:
    cut = edge.moved("cut")
    with edge.connect() as browser:
        browser.sendall(f"GET /down?bytes={SIZE} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        browser.recv(65536)
    eventually(lambda: edge.moved("cut") == cut + 1, "login is told")


def test_a_login_that_dies_leaves_no_seemingly_complete_answer(home: Path) -> None:
    edge = Edge(home)
    try:
        browsers = [edge.connect() for _ in range(2)]
        for browser, how in zip(browsers, ("", "&chunked"), strict=True):
            browser.sendall(f"GET /down?bytes={SIZE}{how} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert browser.recv(65536)
        edge.login.kill()
        for browser in browsers:
            with browser, pytest.raises(ConnectionResetError):
                while browser.recv(65536):
                    pass
        status, body = edge.ask("GET", "/api/x")
        assert (status, list(json.loads(body))) == (503, ["error"])
        assert edge.output.count("broke off") == 2
        assert edge.output.count("cannot be reached") == 1
    finally:
        edge.stop()
        edge.login.kill()
