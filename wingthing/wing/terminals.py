"""All terminals of this wing: starting them, finding those that outlived the last wing, and their end.

Each terminal is a process of its own (`egg`); here are the connections to them, one each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from wingthing.errors import InvalidMessage, NotFound, PeerError, TemporarilyUnavailable, WingthingError
from wingthing.names import EGG_LOG_FILE, EGGS_DIR, HISTORY_DIR
from wingthing.wing import agents, egg_home
from wingthing.wing.egg_home import EggMeta
from wingthing.wing.egg_link import EggLink, connect_egg
from wingthing.wing.egg_process import start_egg
from wingthing.wing.egg_wire import (
    AcknowledgeAttention,
    AcknowledgeExit,
    Attention,
    Exited,
    Kill,
    Output,
    Ready,
    RecordingStopped,
    Replaced,
    Resize,
    Title,
    ToWing,
)
from wingthing.wing.history import History
from wingthing.wing.terminal_types import TerminalEvents, TerminalInfo, TerminalSpec
from wingthing.wire.limits import MAX_COLS, MAX_ROWS
from wingthing.wire.wing_limits import EGG_START_SECONDS, MAX_TERMINALS

__all__ = ["History", "TerminalEvents", "TerminalInfo", "TerminalSpec", "Terminals"]

CONNECT_AGAIN_SECONDS: Final = 0.25
LOG_TAIL_BYTES: Final = 4096


class Terminals(Service):
    """The terminals under `directory` (the wing's own: `eggs/` and `history/` are in it).

    `reactor` provides processes and Unix sockets, `clock` the time. `audit()` and `idle_timeout()` (seconds,
    or None) are asked when a terminal starts, and hold for it. `allowed_paths` gives the folders that a
    terminal may start in, the default first. `environment` is what terminals inherit, by default this
    process's. `events` must be set before `startService`.
    """

    _log = Logger()
    name = "terminals"
    events: TerminalEvents

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        clock: IReactorTime,
        *,
        audit: Callable[[], bool],
        idle_timeout: Callable[[], float | None],
        allowed_paths: Callable[[], list[Path]],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._reactor = reactor
        self._eggs = directory.absolute() / EGGS_DIR
        self._clock = clock
        self._audit = audit
        self._idle_timeout = idle_timeout
        self._allowed_paths = allowed_paths
        self._environment = os.environ if environment is None else environment
        self.history = History(directory.absolute() / HISTORY_DIR, self._eggs)
        self._links: dict[str, EggLink] = {}
        self._infos: dict[str, TerminalInfo] = {}
        self._starting: set[str] = set()
        self._paused = False
        self._ready = False
        self._when_ready: list[Deferred[None]] = []

    # -- the service -----------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Take over the terminals that live and clear the dead away; `when_ready` tells the end of it."""
        super().startService()
        taking = Deferred.fromCoroutine(self._take_over_all())
        taking.addErrback(lambda why: self._log.failure("the terminals could not be taken over", failure=why))
        taking.addBoth(self._now_ready)

    def stopService(self) -> None:
        """Hang up on all terminals; they live on."""
        super().stopService()
        links, self._links = self._links, {}
        self._infos.clear()
        for link in links.values():
            link.close()

    def when_ready(self) -> Deferred[None]:
        """Fires once every terminal that outlived the last wing is known here."""
        if self._ready:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._when_ready.append(waiting)
        return waiting

    def _now_ready(self, _result: object) -> None:
        self._ready = True
        waiting, self._when_ready = self._when_ready, []
        for deferred in waiting:
            deferred.callback(None)

    async def _take_over_all(self) -> None:
        if not self._eggs.is_dir():
            return
        taking = []
        for directory in sorted(self._eggs.iterdir()):
            if egg_home.SESSION_ID.match(directory.name) is None:
                self._log.warn("{directory} is no terminal's folder", directory=directory)
            elif directory.name not in self._links and directory.name not in self._starting:
                taking.append(Deferred.fromCoroutine(self._take_over(directory)))
        await gatherResults(taking)

    async def _take_over(self, directory: Path) -> None:
        try:
            await self._connect(directory)
        except (OSError, ConnectError, WingthingError) as why:
            self._log.error("terminal {id} is out of reach: {why}", id=directory.name, why=why)

    async def _connect(self, directory: Path) -> bool:
        """Connect to a terminal that may live. False: it is dead, and has been cleared away."""
        deadline = self._clock.seconds() + EGG_START_SECONDS
        while egg_home.is_alive(directory):
            try:
                link, ready = await connect_egg(self._reactor, directory)
            except (ConnectError, TemporarilyUnavailable):
                if self._clock.seconds() > deadline:
                    raise
                await deferLater(self._clock, CONNECT_AGAIN_SECONDS)
                continue
            if not self.running:
                link.close()
                return True
            self._add(link, egg_home.read_meta(directory), ready)
            link.begin(directory.name, self)
            return True
        self._archive(directory.name)
        return False

    # -- what the link calls ---------------------------------------------------------------------------------

    async def start_terminal(self, spec: TerminalSpec) -> TerminalInfo:
        """Start a terminal; no event of it comes before this has returned.

        Raises a PeerError whose text is the sentence for the user: a bad size or id, an agent that is
        missing, a folder that is missing or not offered, too many terminals, a full disk.
        """
        session_id = egg_home.checked_session_id(spec.session_id)
        if not (1 <= spec.cols <= MAX_COLS and 1 <= spec.rows <= MAX_ROWS):
            raise InvalidMessage(f"a terminal has 1 to {MAX_COLS} columns and 1 to {MAX_ROWS} rows")
        if len(self._links) + len(self._starting) >= MAX_TERMINALS:
            raise TemporarilyUnavailable(f"this machine has {MAX_TERMINALS} terminals open: close one first")
        directory = self._eggs / session_id
        if session_id in self._starting or directory.exists():
            raise InvalidMessage(f"there is a terminal {session_id} already")
        command = agents.command_for(spec.agent, self._environment.get("PATH"))
        cwd = agents.working_directory(spec.cwd, self._allowed_paths())
        meta = EggMeta(
            session_id=session_id,
            agent=spec.agent,
            executable=command.executable,
            arguments=command.arguments,
            cwd=str(cwd),
            user_id=spec.user_id,
            email=spec.email,
            created_at=self._clock.seconds(),
            cols=spec.cols,
            rows=spec.rows,
            audit=self._audit(),
            idle_timeout=self._idle_timeout(),
        )
        self._starting.add(session_id)
        try:
            link, ready = await self._hatch(directory, meta)
        except BaseException as why:
            self._discard(directory)
            if isinstance(why, OSError):
                raise TemporarilyUnavailable(
                    f"the terminal could not be started: {why.strerror or why}"
                ) from why
            raise
        finally:
            self._starting.discard(session_id)
        info = self._add(link, meta, ready)
        self._clock.callLater(0, link.begin, session_id, self)
        return info

    async def _hatch(self, directory: Path, meta: EggMeta) -> tuple[EggLink, Ready]:
        egg_home.make_directory(directory)
        lock = egg_home.lock(directory)
        assert lock is not None
        try:
            egg_home.write_meta(directory, meta)
            environment = agents.terminal_environment(self._environment, Path(meta.cwd))
            await start_egg(self._reactor, directory, environment, lock)
        finally:
            os.close(lock)
        return await connect_egg(self._reactor, directory)

    def _discard(self, directory: Path) -> None:
        log = directory / EGG_LOG_FILE
        if log.is_file():
            said = log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
            self._log.error("a terminal could not be started; its log ends: {said}", said=said)
        shutil.rmtree(directory, ignore_errors=True)

    def _add(self, link: EggLink, meta: EggMeta, ready: Ready) -> TerminalInfo:
        info = TerminalInfo(
            session_id=meta.session_id,
            agent=meta.agent,
            cwd=meta.cwd,
            user_id=meta.user_id,
            email=meta.email,
            cols=ready.cols,
            rows=ready.rows,
            created_at=meta.created_at,
            title=ready.title,
            needs_attention=ready.attention is not None,
            audit=meta.audit,
            recording_error=ready.recording_error,
        )
        self._links[meta.session_id] = link
        self._infos[meta.session_id] = info
        if self._paused or self.events.paused():
            link.transport.pauseProducing()
        return info

    def get(self, session_id: str) -> TerminalInfo | None:
        """A terminal that runs; None when there is none of that id."""
        return self._infos.get(session_id)

    def list(self) -> list[TerminalInfo]:
        """All that run, the oldest first."""
        return sorted(self._infos.values(), key=lambda info: info.created_at)

    def write(self, session_id: str, data: bytes) -> None:
        """Type into a terminal. To one that is over, this and the next three do nothing."""
        if (link := self._links.get(session_id)) is not None:
            link.type(data)

    def resize(self, session_id: str, cols: int, rows: int) -> None:
        """Change the size, in cells, within 1 and MAX_COLS or MAX_ROWS."""
        if (link := self._links.get(session_id)) is not None:
            cols, rows = min(max(cols, 1), MAX_COLS), min(max(rows, 1), MAX_ROWS)
            self._change(session_id, cols=cols, rows=rows)
            link.send(Resize(cols, rows))

    def kill(self, session_id: str) -> None:
        """End the program and what it has started; `exited` follows."""
        if (link := self._links.get(session_id)) is not None:
            link.send(Kill())

    def attention_ack(self, session_id: str) -> None:
        """The user has seen that the terminal rings."""
        if (link := self._links.get(session_id)) is not None:
            self._change(session_id, needs_attention=False)
            link.send(AcknowledgeAttention())

    async def snapshot(self, session_id: str) -> bytes:
        """What repaints the terminal's screen: `output` that came before is in it, what comes after is not.

        Raises NotFound when there is no such terminal, TemporarilyUnavailable when it is lost meanwhile.
        """
        if (link := self._links.get(session_id)) is None:
            raise NotFound("session not found")
        return await link.snapshot()

    def pause_output(self) -> None:
        """Read no more from any terminal: the programs wait."""
        self._paused = True
        for link in self._links.values():
            link.transport.pauseProducing()

    def resume_output(self) -> None:
        """Go on reading."""
        self._paused = False
        for link in self._links.values():
            link.transport.resumeProducing()

    # -- what the eggs say -----------------------------------------------------------------------------------

    def egg_frame(self, link: EggLink, frame: ToWing) -> None:
        session_id = link.session_id
        if self._links.get(session_id) is not link:
            return
        match frame:
            case Output(data):
                self.events.output(session_id, data)
            case Attention(nonce):
                self._change(session_id, needs_attention=True)
                self.events.attention(session_id, nonce)
            case Title(title):
                self._change(session_id, title=title)
            case RecordingStopped(reason):
                self._log.error("terminal {id}: {reason}", id=session_id, reason=reason)
                self._change(session_id, recording_error=reason)
            case Exited(code, error):
                link.send(AcknowledgeExit())
                stopped = self._infos[session_id].recording_error
                self._archive(session_id, exit_code=code, error=error, recording_error=stopped)
                self._forget(session_id, code, error)
            case Replaced():
                self._log.warn("terminal {id} was taken over by another wing", id=session_id)
                self._forget(session_id, -1, "another wing on this machine has taken over this terminal")

    def _forget(self, session_id: str, code: int, error: str | None) -> None:
        self._links.pop(session_id).close()
        del self._infos[session_id]
        self.events.exited(session_id, code, error)

    def egg_lost(self, link: EggLink) -> None:
        if self._links.get(link.session_id) is link:
            Deferred.fromCoroutine(self._find_again(link.session_id)).addErrback(
                lambda why: self._log.failure("looking for a lost terminal", failure=why)
            )

    async def _find_again(self, session_id: str) -> None:
        """The connection broke: mostly because the egg has died, for which it may need a moment."""
        found = False
        try:
            await deferLater(self._clock, CONNECT_AGAIN_SECONDS)
            found = await self._connect(self._eggs / session_id)
        except (OSError, ConnectError, PeerError) as why:
            self._log.error("terminal {id} is out of reach: {why}", id=session_id, why=why)
        if not found and session_id in self._links:
            self._forget(session_id, -1, "the terminal's process was lost")

    def _change(self, session_id: str, **changes: Any) -> None:
        self._infos[session_id] = msgspec.structs.replace(self._infos[session_id], **changes)

    def _archive(self, session_id: str, **known: Any) -> None:
        try:
            self.history.archive(self._eggs / session_id, self._clock.seconds(), **known)
        except OSError as why:
            self._log.error("terminal {id} is left out of the history: {why}", id=session_id, why=why)
