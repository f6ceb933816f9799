"""Starts the relays that are measured: this node as a user starts it, and the minimal ones."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.client import Relay
from bench.machine import on_cores
from bench.peers.arguments import HOST
from tests.integration.program import Server

NODE = "wingthing"
PEERS = {"websockets": "bench.peers.websockets_relay", "aiohttp": "bench.peers.aiohttp_relay"}
USER = "bench"


@contextmanager
def node(cores: set[int]) -> Iterator[Relay]:
    """`wt serve` in a fresh directory, with a user who has a token. `cores` are its processors."""
    with started(cores) as relay:
        yield relay


@contextmanager
def started(cores: set[int], command: list[str] | None = None) -> Iterator[Relay]:
    """The same with `command` in place of `wt`."""
    extra: dict[str, Any] = {"command": command} if command else {}
    with tempfile.TemporaryDirectory(prefix="wt-bench-") as folder:
        with on_cores(cores):
            server = Server(Path(folder), "serve", **extra)
        try:
            token = server.user_token(USER)
            yield Relay(NODE, server.host, server.port, token, server.process.pid)
        finally:
            server.stop()
        if "Traceback" in server.output:
            raise RuntimeError(f"the node logged an error:\n{server.output[-4000:]}")


@contextmanager
def peer(name: str, cores: set[int]) -> Iterator[Relay]:
    """One of PEERS in a process of its own."""
    with on_cores(cores):
        process = subprocess.Popen([sys.executable, "-m", PEERS[name]], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the relay on {name} did not start")
        yield Relay(name, HOST, int(line), pid=process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def all_relays(cores: set[int]) -> Iterator[list[Relay]]:
    """This node and every peer, all on the same processors; those that are not measured are idle."""
    with ExitStack() as running:
        yield [
            running.enter_context(node(cores)),
            *(running.enter_context(peer(name, cores)) for name in PEERS),
        ]
