"""Listens on the configured endpoint, and tells other programs of this machine where."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE, SERVER_FILE, SERVER_LOCK_FILE


class Listener(Service):
    """One listening port. `listening(url)` is called with its address, e.g. `http://127.0.0.1:8080`."""

    def __init__(
        self, reactor: Any, endpoint: str, factory: IProtocolFactory, listening: Callable[[str], None]
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._factory = factory
        self._listening = listening
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Binds before privileges are dropped. Raises OperatorError when that fails."""
        try:
            waiting = serverFromString(self._reactor, self._endpoint).listen(self._factory)
        except (ValueError, TypeError) as why:
            raise OperatorError(f"{self._endpoint!r} is not a Twisted endpoint: {why}.") from why
        bound: list[IListeningPort] = []
        failed: list[Failure] = []
        waiting.addCallbacks(bound.append, failed.append)
        if failed:
            error = failed[0].value
            reason = error.socketError if isinstance(error, CannotListenError) else error
            words = getattr(reason, "strerror", None) or str(reason)
            raise OperatorError(f"Cannot listen on {self._endpoint}: {words}. {_advice(reason)}")
        # Every endpoint that a server can listen on here answers at once.
        (self._port,) = bound
        self._listening(url_of(self._port.getHost()))

    def startService(self) -> None:
        if self._port is None:
            self.privilegedStartService()
        super().startService()

    def stopService(self) -> Deferred[Any] | None:
        super().stopService()
        port, self._port = self._port, None
        return port.stopListening() if port is not None else None


def _advice(reason: Any) -> str:
    """What to do about an address that cannot be listened on."""
    match getattr(reason, "errno", None):
        case errno.EADDRINUSE:
            return "Stop what uses it, or choose another address with --addr."
        case errno.EADDRNOTAVAIL:
            return "This machine does not have that address: choose one of its own with --addr."
        case _:
            return "Choose another address with --addr."


def url_of(address: Any) -> str:
    """The URL of a listening address. An address that stands for all interfaces is named as loopback."""
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        return "http://localhost"
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Presence:
    """Marks a data directory as in use by one server, and leaves a note where that server is.

    The lock is the kernel's and goes with the process, however it ends; the note is what `wt url` reads.
    """

    def __init__(self, data_dir: Path) -> None:
        self._note = data_dir / SERVER_FILE
        self._lock_path = data_dir / SERVER_LOCK_FILE
        self._lock: int | None = None

    def take(self) -> None:
        """Raises OperatorError when another server has the directory."""
        self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise OperatorError(
                f"Another server already runs on {self._lock_path.parent}: open it with 'wt url', "
                "or give this one a directory of its own with --data-dir."
            ) from None
        self._note.unlink(missing_ok=True)

    def announce(self, url: str, *, sign_in: bool = False) -> None:
        """Write the note. `sign_in`: whether people sign in there, so that there is no one-time link."""
        partial = self._note.with_suffix(".part")
        partial.write_text(json.dumps({"url": url, "pid": os.getpid(), "sign_in": sign_in}) + "\n")
        partial.chmod(FILE_MODE)
        partial.rename(self._note)

    def leave(self) -> None:
        """Take the note away and let the directory go."""
        if self._lock is None:
            return
        self._note.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None


@attrs.frozen
class Running:
    """A server that uses a data directory."""

    url: str
    sign_in: bool


def running(data_dir: Path) -> Running | None:
    """The server that uses a data directory; None when none runs."""
    try:
        lock = os.open(data_dir / SERVER_LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            note = json.loads((data_dir / SERVER_FILE).read_text())
            url, sign_in = note["url"], note.get("sign_in") is True
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Running(url, sign_in) if isinstance(url, str) else None
    finally:
        os.close(lock)
    return None
