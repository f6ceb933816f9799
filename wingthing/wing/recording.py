"""What happened in a terminal, kept for its owner: the output, and the keys typed.

Both files are asciicast version 2 (a header line, then one JSON array per line): `pty.cast` has events
`[seconds, "o", text]` and `[seconds, "r", "COLSxROWS"]`, `keylog.cast` has `[seconds, "i", text]`.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from wingthing.names import FILE_MODE, KEY_RECORDING_FILE, PTY_RECORDING_FILE
from wingthing.wire.wing_limits import MAX_RECORDING_BYTES

Writer = Callable[[int, bytes], int]


class _CastFile:
    """One append-only file of lines. Raises OSError; the file then still ends with a whole line."""

    def __init__(self, path: Path, header: dict[str, object], kind: str, write: Writer) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        self._write = write
        self._kind = kind
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.size = 0
        try:
            self._line(header)
        except OSError:
            self.close()
            raise

    def add(self, seconds: float, data: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(data, final)
        if text:
            self._line([round(seconds, 6), self._kind, text])

    def event(self, seconds: float, kind: str, text: str) -> None:
        self._line([round(seconds, 6), kind, text])

    def _line(self, value: object) -> None:
        line = msgspec.json.encode(value) + b"\n"
        written = 0
        try:
            while written < len(line):
                written += self._write(self._fd, line[written:])
        except OSError:
            if written:
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(line)

    def close(self) -> None:
        os.close(self._fd)


class Recorder:
    """The two recordings of one terminal in `directory`.

    A full disk, an I/O error or MAX_RECORDING_BYTES stops the recording for good and never the terminal:
    `stopped(reason)` is called once, with a sentence, and `stopped_because` keeps it. `write` is os.write,
    or something that fails, in tests.
    """

    _log = Logger()

    def __init__(
        self,
        directory: Path,
        clock: IReactorTime,
        *,
        cols: int,
        rows: int,
        title: str,
        stopped: Callable[[str], None],
        write: Writer = os.write,
        limit: int = MAX_RECORDING_BYTES,
    ) -> None:
        self._clock = clock
        self._began = clock.seconds()
        self._stopped = stopped
        self._limit = limit
        self._files: list[_CastFile] = []
        self.stopped_because: str | None = None
        header: dict[str, object] = {
            "version": 2,
            "width": cols,
            "height": rows,
            "timestamp": int(self._began),
            "title": title,
            "env": {"TERM": "xterm-256color"},
        }
        try:
            for name, kind in ((PTY_RECORDING_FILE, "o"), (KEY_RECORDING_FILE, "i")):
                self._files.append(_CastFile(directory / name, header, kind, write))
        except OSError as why:
            self._stop(f"the recording could not be begun: {why.strerror}")

    def output(self, data: bytes) -> None:
        """The terminal has shown `data`, which may be cut anywhere."""
        self._record(lambda at: self._files[0].add(at, data))

    def input(self, data: bytes) -> None:
        """The user has typed `data`."""
        self._record(lambda at: self._files[1].add(at, data))

    def resize(self, cols: int, rows: int) -> None:
        """The window has a new size in cells."""
        self._record(lambda at: self._files[0].event(at, "r", f"{cols}x{rows}"))

    def _record(self, add: Callable[[float], None]) -> None:
        if not self._files:
            return
        try:
            add(self._clock.seconds() - self._began)
        except OSError as why:
            self._stop(f"the recording has stopped: {why.strerror}")
            return
        if sum(file.size for file in self._files) > self._limit:
            self._stop(f"the recording has stopped at its limit of {self._limit // 2**20} MiB")

    def _stop(self, reason: str) -> None:
        self.stopped_because = reason
        self._close_files()
        self._log.error("{reason}", reason=reason)
        self._stopped(reason)

    def close(self) -> None:
        """The terminal is over."""
        at = self._clock.seconds() - self._began
        try:
            for file in self._files:
                file.add(at, b"", final=True)
        except OSError as why:
            self._stop(f"the recording has stopped: {why.strerror}")
        self._close_files()

    def _close_files(self) -> None:
        files, self._files = self._files, []
        for file in files:
            file.close()
