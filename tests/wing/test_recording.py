from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.names import KEY_RECORDING_FILE, PTY_RECORDING_FILE
from wingthing.wing.recording import Recorder, Writer


class RecorderTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.reasons: list[str] = []

    def recorder(self, write: Writer = os.write, limit: int = 10**9) -> Recorder:
        return Recorder(
            self.directory,
            self.clock,
            cols=80,
            rows=24,
            title="shell",
            stopped=self.reasons.append,
            write=write,
            limit=limit,
        )

    def lines(self, name: str = PTY_RECORDING_FILE) -> list[object]:
        return [json.loads(line) for line in (self.directory / name).read_bytes().splitlines()]

    def test_asciicast(self) -> None:
        recorder = self.recorder()
        self.clock.advance(0.5)
        recorder.output(b"hello\r\n\x1b[1m")
        self.clock.advance(1)
        recorder.resize(100, 30)
        recorder.input(b"ls\r")
        recorder.close()
        header, *events = self.lines()
        self.assertEqual(
            header,
            {
                "version": 2, "width": 80, "height": 24, "timestamp": 1_700_000_000, "title": "shell",
                "env": {"TERM": "xterm-256color"},
            },
        )  # fmt: skip
        self.assertEqual(events, [[0.5, "o", "hello\r\n\x1b[1m"], [1.5, "r", "100x30"]])
        self.assertEqual(self.lines(KEY_RECORDING_FILE)[1:], [[1.5, "i", "ls\r"]])
        for name in (PTY_RECORDING_FILE, KEY_RECORDING_FILE):
            self.assertEqual(stat.S_IMODE((self.directory / name).stat().st_mode), 0o600)

    def test_written_at_once(self) -> None:
        recorder = self.recorder()
        recorder.output(b"now")
        self.assertEqual(self.lines()[1:], [[0.0, "o", "now"]])
        recorder.close()

    def test_characters_across_chunks(self) -> None:
        recorder = self.recorder()
        for byte in "aé漢👍".encode():
            recorder.output(bytes([byte]))
        recorder.output(b"\xff\xe6")
        recorder.close()
        self.assertEqual("".join(str(event[2]) for event in self.lines()[1:]), "aé漢👍\ufffd\ufffd")  # type: ignore[index]

    def test_disk_full(self) -> None:
        room = 400

        def write(descriptor: int, data: bytes) -> int:
            nonlocal room
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken = os.write(descriptor, data[:room])
            room -= taken
            return taken

        recorder = self.recorder(write)
        for _ in range(20):
            recorder.output(b"x" * 50)
            recorder.input(b"y")
            recorder.resize(1, 1)
        recorder.close()
        self.assertEqual(self.reasons, ["the recording has stopped: No space left on device"])
        self.assertEqual(recorder.stopped_because, self.reasons[0])
        self.assertTrue(self.lines()[1:], "what was recorded before is kept, and whole")
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_a_really_full_disk(self) -> None:
        (self.directory / PTY_RECORDING_FILE).symlink_to("/dev/full")
        recorder = self.recorder()
        self.assertEqual(self.reasons, ["the recording could not be begun: No space left on device"])
        recorder.output(b"goes on")
        recorder.close()

    def test_no_folder(self) -> None:
        self.directory.rmdir()
        self.recorder().output(b"goes on")
        self.assertEqual(self.reasons, ["the recording could not be begun: No such file or directory"])

    def test_limit(self) -> None:
        recorder = self.recorder(limit=2**20)
        for _ in range(100):
            recorder.output(b"x" * 65536)
        self.assertEqual(self.reasons, ["the recording has stopped at its limit of 1 MiB"])
        self.assertLess((self.directory / PTY_RECORDING_FILE).stat().st_size, 2**20 + 2 * 65536)
        recorder.close()
        self.assertEqual(len(self.reasons), 1)
