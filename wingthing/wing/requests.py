"""What this wing answers inside the tunnel: itself, its folders, its terminals and their recordings."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from wingthing import __version__
from wingthing.errors import Forbidden, NotFound
from wingthing.wing.access import Access, Person
from wingthing.wing.folders import list_folder
from wingthing.wing.history import HistoryEntry
from wingthing.wing.projects import Projects
from wingthing.wing.rules import Rules
from wingthing.wing.terminal_types import TerminalInfo
from wingthing.wing.tunnel import NEXT, Answerer, Request, Streamer
from wingthing.wire.wing_limits import MAX_HISTORY_PAGE, MAX_HISTORY_SESSIONS, MAX_TUNNEL_ANSWER_BYTES

T = TypeVar("T")


class PastTerminals(Protocol):
    """What is needed of `History`."""

    def page(self, offset: int, limit: int) -> tuple[list[HistoryEntry], int]: ...
    def find(self, session_id: str) -> HistoryEntry | None: ...
    def read_recording(self, session_id: str, kind: str, offset: int = 0) -> Iterator[str]: ...


class RunningTerminals(Protocol):
    """What is needed of `Terminals`."""

    def list(self) -> list[TerminalInfo]: ...
    def get(self, session_id: str) -> TerminalInfo | None: ...
    def kill(self, session_id: str) -> None: ...


class DirList(msgspec.Struct):
    path: str = ""
    hidden: bool = False


class HistoryPage(msgspec.Struct):
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1)] = MAX_HISTORY_PAGE


class AuditRequest(msgspec.Struct):
    """`offset` and `limit` (bytes) are an extension: with a limit the last part says where to go on (`next`),
    so that a long recording comes as fast as it is taken and does not fill the browser's outbox."""

    session_id: str
    kind: str = "pty"
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None


class OfSession(msgspec.Struct):
    session_id: str


class SessionEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of `sessions.list`. The last five fields are an extension; `recording_error` is there when the
    recording has stopped, and says why."""

    session_id: str
    agent: str
    cwd: str
    needs_attention: bool
    audit: bool
    user_id: str
    email: str
    title: str
    created_at: int
    cols: int
    rows: int
    recording_error: str | None = None


class Requests:
    """The answers, by request type. `now()` is Unix seconds."""

    def __init__(
        self,
        reactor: Any,
        rules: Rules,
        terminals: RunningTerminals,
        history: PastTerminals,
        projects: Projects,
    ) -> None:
        self._reactor = reactor
        self._rules = rules
        self._terminals = terminals
        self._history = history
        self._projects = projects
        self.answerers: dict[str, Answerer] = {
            "ping": self._ping,
            "wing.info": self._info,
            "dir.list": self._dir_list,
            "sessions.list": self._sessions,
            "sessions.history": self._past_sessions,
            "pty.kill": self._kill,
        }
        self.streamers: dict[str, Streamer] = {"audit.request": self._recording}

    def identity(self) -> dict[str, Any]:
        """What a locked wing tells of itself: protocol.md section 5."""
        return {
            "hostname": socket.gethostname(),
            "platform": sys.platform,
            "version": __version__,
            "locked": self._rules.config.locked,
        }

    async def _ping(self, request: Request) -> Any:
        return {"ok": "true"}

    async def _info(self, request: Request) -> Any:
        config = self._rules.config
        folders = self._rules.folders(request.person)
        info = self.identity() | {
            "agents": self._rules.agents(),
            "projects": self._projects.inside(folders),
            "spectate": config.spectate,
            "allowed_count": len(config.allow_keys),
            "passkey_enrolled": bool(self._rules.access.keys_of(request.person)),
            "home": str(self._rules.home),
            "default_path": str(folders[0]) if folders else "",
        }
        if config.label:
            info["wing_label"] = config.label
        return _fitted(info, "projects")

    async def _dir_list(self, request: Request) -> Any:
        asked = request.read(DirList)
        folders = self._rules.folders(request.person)
        listing = await self._in_thread(
            lambda: list_folder(asked.path, folders, home=self._rules.home, hidden=asked.hidden)
        )
        return _fitted(msgspec.to_builtins(listing), "entries")

    async def _sessions(self, request: Request) -> Any:
        access = self._rules.access
        seen = [
            info
            for info in self._terminals.list()
            if self._rules.spectate or access.sees(request.person, info.user_id)
        ]
        return {"sessions": [_entry(info) for info in seen]}

    async def _past_sessions(self, request: Request) -> Any:
        asked = request.read(HistoryPage)
        access = self._rules.access
        everything, _total = self._history.page(0, MAX_HISTORY_SESSIONS)
        seen = [entry for entry in everything if access.sees(request.person, entry.user_id)]
        page = seen[asked.offset : asked.offset + min(asked.limit, MAX_HISTORY_PAGE)]
        return {"sessions": [_past(entry) for entry in page], "total": len(seen)}

    async def _kill(self, request: Request) -> Any:
        session_id = request.read(OfSession).session_id
        info = self._terminals.get(session_id)
        access = self._rules.access
        if info is None or not access.sees(request.person, info.user_id):
            raise NotFound("session not found")
        if not access.controls(request.person, info.user_id):
            raise Forbidden("this session belongs to somebody else")
        self._terminals.kill(session_id)
        return {"ok": "true"}

    async def _recording(self, request: Request) -> AsyncGenerator[Any, None]:
        asked = request.read(AuditRequest)
        if not self._may_replay(self._rules.access, request.person, asked.session_id):
            raise NotFound("there is no recording of this session")
        parts = self._history.read_recording(asked.session_id, asked.kind, asked.offset)
        read = asked.offset
        while (part := await self._in_thread(lambda: _next(parts))) is not None:
            yield {"data": part}
            read += len(part.encode())
            if asked.limit is not None and read - asked.offset >= asked.limit:
                yield {NEXT: read}
                return

    def _may_replay(self, access: Access, person: Person, session_id: str) -> bool:
        running = self._terminals.get(session_id)
        if running is not None:
            return access.sees(person, running.user_id)
        past = self._history.find(session_id)
        return past is not None and access.sees(person, past.user_id)

    def _in_thread(self, work: Callable[[], T]) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


def _next(parts: Iterator[str]) -> str | None:
    try:
        return next(parts, None)
    except OSError as why:
        raise NotFound(f"the recording cannot be read: {why.strerror}") from why


def _entry(info: TerminalInfo) -> SessionEntry:
    return SessionEntry(
        session_id=info.session_id,
        agent=info.agent,
        cwd=info.cwd,
        needs_attention=info.needs_attention,
        audit=info.audit,
        user_id=info.user_id,
        email=info.email,
        title=info.title,
        created_at=int(info.created_at),
        cols=info.cols,
        rows=info.rows,
        recording_error=info.recording_error,
    )


def _past(entry: HistoryEntry) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(entry)
    if entry.recording_error is None:
        del said["recording_error"]
    return said | {
        "started_at": int(entry.started_at),
        "ended_at": None if entry.ended_at is None else int(entry.ended_at),
    }


def _fitted(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """`answer` with its list `name` cut to what fits one message; `truncated` says that it was."""
    while len(msgspec.json.encode(answer)) > MAX_TUNNEL_ANSWER_BYTES and answer[name]:
        answer = answer | {name: answer[name][: len(answer[name]) // 2], "truncated": True}
    return answer
