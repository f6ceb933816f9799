"""Starts `bench.fleet.edges` and `bench.fleet.pushing`: edges on one core, login on the other."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import msgspec

from bench import machine
from bench.fleet.pushing import Measured, Order
from wingthing.crypto.keys import dump_signing_key, new_signing_key


@attrs.frozen
class Traffic:
    """What the edges have seen since they were asked the last time, HTTP included."""

    received: int
    sent: int
    requests: int


class Edges:
    """A process of simulated edges."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._before = (0, 0, 0)
        self.port = int(self.told() or 0)
        if not self.port:
            raise RuntimeError("the simulated edges did not start")

    def told(self) -> str:
        """The next line that they print."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def traffic(self) -> Traffic:
        """Since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        now = tuple(json.loads(self.told()))
        grown = [after - before for after, before in zip(now, self._before, strict=True)]
        self._before = now
        return Traffic(*grown)


@contextmanager
def edges(count: int, key: str, wings: int | None = None) -> Iterator[Edges]:
    """That many edges; with `wings` of their own, they have not heard of login yet."""
    words = [str(count), key, *([] if wings is None else [str(wings)])]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fleet.edges", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Edges(process)
    finally:
        process.terminate()
        process.wait()


def push(
    count: int,
    wings: int,
    changes: Sequence[float],
    *,
    settle_seconds: float,
    seconds: float,
    patience_seconds: float,
) -> list[tuple[Measured, Traffic]]:
    """Gossip over HTTP with `count` edges: a measurement for each number of changes per second, or, without
    any, one of a login that has just started. Raises RuntimeError when login does not come to an end."""
    login_cores, edge_cores = machine.cores()
    key = dump_signing_key(new_signing_key())
    with machine.on_cores(edge_cores), edges(count, key, None if changes else wings) as answering:
        order = Order(count, wings, list(changes), settle_seconds, seconds, answering.port, key)
        with machine.on_cores(login_cores):
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.fleet.pushing", msgspec.json.encode(order).decode()],
                stdout=subprocess.PIPE,
                text=True,
            )
        assert process.stdout is not None
        impatient = threading.Timer(patience_seconds, process.kill)
        impatient.start()
        measured = []
        try:
            for _ in range(max(1, len(changes))):
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"login and {count} edges did not come to an end")
                measured.append((msgspec.json.decode(line, type=Measured), answering.traffic()))
        finally:
            impatient.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
    return measured
