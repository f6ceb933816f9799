"""The Unix socket by which other processes drive a rehearsal: one JSON object a line, one line back.

`{"command": "kill", "machine": "nrt"}` is answered with `{"result": ...}` or `{"error": "<sentence>"}`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from wingthing.errors import OperatorError
from wingthing.names import FILE_MODE
from wingthing.rehearsal.folder import Folder

Command = Callable[..., Awaitable[object]]
"""Takes the other members of the request as keyword arguments. Raises OperatorError."""


class Control:
    """Serves `commands` in a folder."""

    def __init__(self, reactor: Any, folder: Folder, commands: Mapping[str, Command]) -> None:
        self._reactor = reactor
        self._folder = folder
        self._commands = commands
        self._port: IListeningPort | None = None
        self._sessions: set[Session] = set()

    def listen(self) -> None:
        """Raises OperatorError when the socket cannot be made."""
        try:
            self._port = self._reactor.listenUNIX(
                str(self._folder.control), _Sessions(self._commands, self._sessions), mode=FILE_MODE
            )
        except CannotListenError as why:
            raise OperatorError(f"{self._folder.control} cannot be listened on: {why}.") from why

    def close(self) -> Deferred[Any]:
        """Leave every caller, and listen no more; fires when that is so."""
        for session in tuple(self._sessions):
            session.transport.loseConnection()
        port, self._port = self._port, None
        stopped = port.stopListening() if port is not None else None
        if isinstance(stopped, Deferred):
            return stopped
        done: Deferred[Any] = Deferred()
        done.callback(None)
        return done


class Session(LineOnlyReceiver):
    """One caller. It may ask for one thing after the other."""

    log = Logger()
    delimiter = b"\n"
    transport: Any

    def __init__(self, commands: Mapping[str, Command], among: set[Session]) -> None:
        self._commands = commands
        self._among = among

    def connectionMade(self) -> None:
        self._among.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._among.discard(self)

    def lineReceived(self, line: bytes) -> None:
        # Carried out also when the caller does not wait for it: half a restart helps nobody.
        Deferred.fromCoroutine(self._answer(line))

    async def _answer(self, line: bytes) -> None:
        answer: dict[str, object]
        try:
            answer = {"result": await self._run(line)}
        except OperatorError as why:
            answer = {"error": str(why)}
        except Exception as why:
            self.log.failure("a command has failed")
            answer = {"error": f"The rehearsal has failed, see its log: {type(why).__name__}."}
        self.transport.write(msgspec.json.encode(answer) + b"\n")

    async def _run(self, line: bytes) -> object:
        try:
            request = json.loads(line)
            name = request.pop("command")
            command = self._commands[name]
            inspect.signature(command).bind(**request)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise OperatorError(
                "The rehearsal does not know this command: it was started by another version of 'wt'."
            ) from None
        return await command(**request)


class _Sessions(Factory):
    noisy = False

    def __init__(self, commands: Mapping[str, Command], sessions: set[Session]) -> None:
        self._commands = commands
        self._sessions = sessions

    def buildProtocol(self, addr: IAddress | None) -> Session:
        return Session(self._commands, self._sessions)
