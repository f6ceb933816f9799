"""Starting the process of a terminal so that it outlives this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from wingthing.errors import TemporarilyUnavailable
from wingthing.names import EGG_LOG_FILE, FILE_MODE
from wingthing.wire.wing_limits import EGG_START_SECONDS

READY_FD: Final = 3
LOCK_FD: Final = 4
READY: Final = b"ready\n"

EGG_ARGUMENTS: Final = ("-P", "-m", "wingthing.cli.egg")
"""`-P`: the folder that the wing happens to run in is no place to import from."""


class _Starting(ProcessProtocol):
    """Waits for the line that says that the socket listens."""

    def __init__(self, reactor: Any) -> None:
        self.ready: Deferred[None] = Deferred()
        self._said = b""
        self._waiting = True
        self._timer: IDelayedCall = reactor.callLater(EGG_START_SECONDS, self._too_slow)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._said += data
        if self._waiting and self._said == READY:
            self._waiting = False
            self._timer.cancel()
            self.ready.callback(None)

    def _too_slow(self) -> None:
        self._fail(f"it did not start within {EGG_START_SECONDS:g} seconds")
        transport: Any = self.transport
        transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        self._fail("its process ended at once")

    def _fail(self, why: str) -> None:
        if not self._waiting:
            return
        self._waiting = False
        if self._timer.active():
            self._timer.cancel()
        self.ready.errback(
            TemporarilyUnavailable(f"the terminal could not be started: {why} (see the log of this wing)")
        )


async def start_egg(reactor: Any, directory: Path, environment: Mapping[str, str], lock: int) -> None:
    """Start the process for the absolute `directory`, with its `meta.json`, and wait until it listens.

    `lock` is the locked file of `egg_home.lock`; this process may close it afterwards. The child has its
    own session, no terminal, and nothing of ours open but the lock. Raises TemporarilyUnavailable, OSError.
    """
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(directory / EGG_LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    starting = _Starting(reactor)
    try:
        reactor.spawnProcess(
            starting,
            sys.executable,
            [sys.executable, *EGG_ARGUMENTS, str(directory)],
            env=environment,
            path="/",
            childFDs={0: null, 1: log, 2: log, READY_FD: "r", LOCK_FD: lock},
        )
    finally:
        os.close(null)
        os.close(log)
    await starting.ready
