"""The wing as a process of its own: in the foreground, in the background, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from twisted.python.logfile import LogFile

from wingthing.assembly.logs import start_logging
from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE, WING_LOG_FILE
from wingthing.wing.home import Home
from wingthing.wing.link import LinkState
from wingthing.wing.presence import Presence, Status
from wingthing.wing.service import make_wing_service
from wingthing.wire.wing_limits import WING_LOG_BYTES

START_SECONDS = 20.0
"""How long `wt start` waits for the wing to be online before it leaves it to itself."""

SETTLE_SECONDS = 5.0
"""How long it waits for a server that does not answer at first."""

STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
OLD_LOGS = 3


def run_foreground(home: Home, *, log_file: bool) -> None:
    """Run the wing until SIGINT, SIGTERM, or until the server will not have it (OperatorError)."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    start_logging(_log_file(home) if log_file else None)
    refusals: list[str] = []

    def refused(sentence: str) -> None:
        refusals.append(sentence)
        # A moment, so that whoever waits for this wing reads its last words.
        reactor.callLater(2 * POLL_SECONDS, reactor.stop)

    service = make_wing_service(reactor, home, None, refused=refused)
    service.privilegedStartService()
    reactor.callWhenRunning(service.startService)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    if refusals:
        raise OperatorError(refusals[0])


def _log_file(home: Home) -> Any:
    file = LogFile(
        WING_LOG_FILE,
        str(home.directory),
        rotateLength=WING_LOG_BYTES,
        maxRotatedFiles=OLD_LOGS,
        defaultMode=FILE_MODE,
    )
    return _Text(file)


class _Text:
    """A rotating log file as the text stream that an observer writes to."""

    def __init__(self, file: LogFile) -> None:
        self._file = file

    def write(self, text: str) -> None:
        self._file.write(text)

    def flush(self) -> None:
        self._file.flush()


def start_background(home: Home) -> Status:
    """Start the wing on its own and wait until it is online, or has said why not.

    Raises OperatorError with the wing's last words when it has ended.
    """
    log = home.directory / WING_LOG_FILE
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE), "ab") as stream:
        begin = stream.tell()
        command = ["wing", "start", "--foreground", "--log-file"]
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "wingthing.cli", *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=home.directory,
            start_new_session=True,
        )
    presence = Presence(home.directory)
    began = time.monotonic()
    status: Status | None = None
    while (waited := time.monotonic() - began) < START_SECONDS:
        if process.poll() is not None:
            raise OperatorError(_last_words(log, begin))
        status = presence.status() or status
        if status is not None and status.pid == process.pid:
            if status.state == LinkState.ONLINE:
                return status
            if status.state == LinkState.REFUSED:
                raise OperatorError(status.detail)
            if status.state == LinkState.WAITING and waited > SETTLE_SECONDS:
                return status
        time.sleep(POLL_SECONDS)
    if status is None:
        raise OperatorError(f"The wing did not start within {START_SECONDS:g} seconds: see {log}.")
    return status


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as stream:
        stream.seek(min(begin, log.stat().st_size))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    for line in reversed(lines):
        if line.startswith("wt: "):
            return line.removeprefix("wt: ")
    return f"The wing ended at once: see {log}."


def stop_background(home: Home) -> int | None:
    """End the running wing, never its terminals; the process that was ended, None when none ran.

    Raises OperatorError when it is a part of a server, or does not end.
    """
    presence = Presence(home.directory)
    pid = presence.holder()
    if not pid:
        return None
    status = presence.status()
    if status is not None and status.inside_server:
        raise OperatorError(
            f"The wing is a part of the server 'wt roost' (process {pid}): end that one with Ctrl-C, or with "
            f"'kill {pid}'."
        )
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return pid
    except PermissionError as why:
        raise OperatorError(f"The wing (process {pid}) belongs to another user.") from why
    deadline = time.monotonic() + STOP_SECONDS
    while presence.holder() == pid:
        if time.monotonic() > deadline:
            raise OperatorError(
                f"The wing (process {pid}) did not end within {STOP_SECONDS:g} seconds: 'kill -9 {pid}' ends "
                "it; its terminals live on."
            )
        time.sleep(POLL_SECONDS)
    return pid
