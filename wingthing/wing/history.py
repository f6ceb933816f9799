"""The terminals of the past: what they were, and their recordings, in `history/<session_id>/`."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from twisted.logger import Logger

from wingthing.errors import InvalidMessage, NotFound, OperatorError
from wingthing.names import (
    DIR_MODE,
    EGG_META_FILE,
    KEY_RECORDING_FILE,
    PTY_RECORDING_FILE,
)
from wingthing.wing.egg_home import SESSION_ID, EggMeta, checked_session_id, read_meta, write_meta
from wingthing.wire.wing_limits import MAX_HISTORY_RECORDINGS_BYTES, MAX_HISTORY_SESSIONS

RECORDINGS: Final = {"pty": PTY_RECORDING_FILE, "keylog": KEY_RECORDING_FILE}
KEPT_FILES: Final = {EGG_META_FILE, *RECORDINGS.values()}
READ_BYTES: Final = 48 * 1024


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A finished terminal. Times are Unix seconds; `audit` says that there is a recording to read, and
    `recording_error` why it ends before the terminal did."""

    session_id: str
    agent: str
    cwd: str
    started_at: float
    ended_at: float | None
    audit: bool
    user_id: str
    exit_code: int | None = None
    recording_error: str | None = None


class History:
    """The finished terminals in `directory`; recordings of those that still run are in `running`.

    Bounded: MAX_HISTORY_SESSIONS entries, and MAX_HISTORY_RECORDINGS_BYTES of recordings, of which the
    oldest go first.
    """

    _log = Logger()

    def __init__(
        self,
        directory: Path,
        running: Path,
        *,
        max_sessions: int = MAX_HISTORY_SESSIONS,
        max_recordings_bytes: int = MAX_HISTORY_RECORDINGS_BYTES,
    ) -> None:
        self._directory = directory
        self._running = running
        self._max_sessions = max_sessions
        self._max_bytes = max_recordings_bytes
        self._index: dict[str, EggMeta] | None = None

    def _entries(self) -> dict[str, EggMeta]:
        if self._index is None:
            self._index = {}
            for directory in self._directory.glob("*") if self._directory.is_dir() else ():
                if SESSION_ID.match(directory.name):
                    try:
                        self._index[directory.name] = read_meta(directory)
                    except OperatorError as why:
                        self._log.warn("left out of the history: {why}", why=why)
        return self._index

    def page(self, offset: int, limit: int) -> tuple[list[HistoryEntry], int]:
        """Entries `offset` to `offset + limit`, the newest first, and how many there are in all."""
        newest = sorted(self._entries().values(), key=lambda meta: meta.created_at, reverse=True)
        offset, limit = max(offset, 0), max(limit, 0)
        return [self._entry(meta) for meta in newest[offset : offset + limit]], len(newest)

    def find(self, session_id: str) -> HistoryEntry | None:
        """One finished terminal; None when there is none of that id."""
        meta = self._entries().get(session_id)
        return None if meta is None else self._entry(meta)

    def _entry(self, meta: EggMeta) -> HistoryEntry:
        return HistoryEntry(
            session_id=meta.session_id,
            agent=meta.agent,
            cwd=meta.cwd,
            started_at=meta.created_at,
            ended_at=meta.ended_at,
            audit=(self._directory / meta.session_id / PTY_RECORDING_FILE).is_file(),
            user_id=meta.user_id,
            exit_code=meta.exit_code,
            recording_error=meta.recording_error,
        )

    def read_recording(
        self, session_id: str, kind: Literal["pty", "keylog"] | str, offset: int = 0
    ) -> Iterator[str]:
        """The text of a recording from byte `offset` on, in pieces of at most READ_BYTES bytes of UTF-8.

        Also of a terminal that still runs: up to now. Raises InvalidMessage for an unknown kind or an id
        that is none, NotFound when there is no such recording; the iterator may raise OSError.
        """
        checked_session_id(session_id)
        if kind not in RECORDINGS:
            raise InvalidMessage("kind is 'pty' or 'keylog'")
        for above in (self._running, self._directory):
            file = above / session_id / RECORDINGS[kind]
            if file.is_file():
                return _pieces(file, offset)
        raise NotFound("there is no recording of this session")

    def archive(self, ended: Path, now: float, **known: Any) -> None:
        """Move the directory of a terminal that is over here, without its socket, lock and log.

        `now` in Unix seconds is its end, and `known` are fields of its description, if it could not write
        them itself (on a full disk). A directory that holds no terminal is removed. Raises OSError.
        """
        try:
            meta = read_meta(ended)
        except OperatorError as why:
            self._log.warn("removed a terminal's folder: {why}", why=why)
            shutil.rmtree(ended)
            return
        changes = {name: value for name, value in known.items() if getattr(meta, name) is None}
        if meta.exit_code is None:
            lost = {"exit_code": -1, "error": "the terminal's process was lost"}
            changes = lost | changes | {"ended_at": now, "pid": None}
        completed = msgspec.structs.replace(meta, **changes)
        if completed != meta:
            meta = completed
            try:
                write_meta(ended, meta)
            except OSError as why:
                self._log.error("what became of {id} is not written down: {why}", id=ended.name, why=why)
        entries = self._entries()
        self._directory.mkdir(mode=DIR_MODE, parents=True, exist_ok=True)
        kept = self._directory / ended.name
        if kept.exists():
            shutil.rmtree(kept)
        ended.replace(kept)
        for file in kept.iterdir():
            if file.name not in KEPT_FILES:
                file.unlink(missing_ok=True)
        entries[ended.name] = meta
        self._prune(entries)

    def _prune(self, entries: dict[str, EggMeta]) -> None:
        total = 0
        newest = sorted(entries.values(), key=lambda meta: meta.created_at, reverse=True)
        for place, meta in enumerate(newest):
            directory = self._directory / meta.session_id
            if place >= self._max_sessions:
                shutil.rmtree(directory)
                del entries[meta.session_id]
                continue
            recordings = [directory / name for name in RECORDINGS.values()]
            total += sum(file.stat().st_size for file in recordings if file.is_file())
            if total > self._max_bytes:
                for file in recordings:
                    file.unlink(missing_ok=True)


def _pieces(file: Path, offset: int) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    with file.open("rb") as stream:
        stream.seek(offset)
        while data := stream.read(READ_BYTES):
            if text := decode(data):
                yield text
