from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.wing.test_egg_home import some_meta
from wingthing.errors import InvalidMessage, NotFound
from wingthing.names import (
    EGG_LOCK_FILE,
    EGG_LOG_FILE,
    EGG_META_FILE,
    EGG_SOCKET_FILE,
    KEY_RECORDING_FILE,
    PTY_RECORDING_FILE,
)
from wingthing.wing import history as history_module
from wingthing.wing.egg_home import make_directory, read_meta, write_meta
from wingthing.wing.history import READ_BYTES, History


class HistoryTests(TestCase):
    def setUp(self) -> None:
        root = Path(self.mktemp()).absolute()
        self.eggs, self.past = root / "eggs", root / "history"
        self.history = History(self.past, self.eggs)

    def egg(self, number: int, recording: bytes | None = None, **fields: object) -> Path:
        directory = self.eggs / f"{number:08x}"
        make_directory(directory)
        write_meta(directory, some_meta(directory.name, created_at=1000.0 + number, **fields))
        for name in (EGG_SOCKET_FILE, EGG_LOCK_FILE, EGG_LOG_FILE):
            (directory / name).write_bytes(b"")
        if recording is not None:
            (directory / PTY_RECORDING_FILE).write_bytes(recording)
            (directory / KEY_RECORDING_FILE).write_bytes(b"keys")
        return directory

    def ids(self) -> list[str]:
        return [entry.session_id for entry in self.history.page(0, 1000)[0]]

    def test_empty(self) -> None:
        self.assertEqual(self.history.page(0, 10), ([], 0))
        self.assertIsNone(self.history.find("00000001"))

    def test_archive(self) -> None:
        self.history.archive(self.egg(1, b"cast", exit_code=3, ended_at=2000.0, audit=True), 9.0)
        entry = self.history.find("00000001")
        assert entry is not None
        self.assertEqual((entry.started_at, entry.ended_at, entry.exit_code), (1001.0, 2000.0, 3))
        self.assertTrue(entry.audit)
        self.assertEqual(list(self.eggs.iterdir()), [])
        kept = sorted(file.name for file in (self.past / "00000001").iterdir())
        self.assertEqual(kept, sorted([EGG_META_FILE, PTY_RECORDING_FILE, KEY_RECORDING_FILE]))

    def test_one_that_died_without_a_word(self) -> None:
        self.history.archive(self.egg(1), 5555.0)
        meta = read_meta(self.past / "00000001")
        self.assertEqual((meta.exit_code, meta.ended_at), (-1, 5555.0))
        self.assertIn("lost", str(meta.error))

    def test_one_that_could_not_write_its_end_down(self) -> None:
        known = {"exit_code": 7, "error": None, "recording_error": "disk full"}
        self.history.archive(self.egg(1), 5555.0, **known)
        self.history.archive(self.egg(2, exit_code=3, ended_at=2000.0), 5555.0, **known)
        for history in (self.history, History(self.past, self.eggs)):
            second, first = history.page(0, 9)[0]
            self.assertEqual(
                (first.exit_code, first.ended_at, first.recording_error), (7, 5555.0, "disk full")
            )
            self.assertEqual((second.exit_code, second.ended_at), (3, 2000.0), "its own word counts")

    def test_on_a_full_disk_it_is_in_the_history_all_the_same(self) -> None:
        def full(directory: Path, meta: object) -> None:
            raise OSError(28, "No space left on device")

        egg = self.egg(1)
        self.patch(history_module, "write_meta", full)
        self.history.archive(egg, 5555.0, exit_code=7, recording_error="disk full")
        entry = self.history.find("00000001")
        assert entry is not None
        self.assertEqual((entry.exit_code, entry.recording_error), (7, "disk full"))
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_no_terminal_at_all(self) -> None:
        directory = self.egg(1)
        (directory / EGG_META_FILE).write_bytes(b"{")
        self.history.archive(directory, 1.0)
        self.assertEqual(list(self.eggs.iterdir()), [])
        self.assertEqual(self.ids(), [])

    def test_pages_newest_first_also_after_a_restart(self) -> None:
        for number in range(5):
            self.history.archive(self.egg(number), 1.0)
        (self.past / "not-a-session").mkdir()
        (self.past / "000000ff").mkdir()
        for history in (self.history, History(self.past, self.eggs)):
            entries, total = history.page(1, 2)
            self.assertEqual([entry.session_id for entry in entries], ["00000003", "00000002"])
            self.assertEqual(total, 5)
            self.assertEqual(history.page(-1, -1), ([], 5))
            self.assertEqual(history.page(99, 10), ([], 5))

    def test_bounded(self) -> None:
        self.history = History(self.past, self.eggs, max_sessions=3, max_recordings_bytes=25)
        for number in range(5):
            self.history.archive(self.egg(number, b"x" * 10), 1.0)
        self.assertEqual(self.ids(), ["00000004", "00000003", "00000002"])
        self.assertEqual([entry.audit for entry in self.history.page(0, 9)[0]], [True, False, False])
        self.assertEqual(len(list(self.past.iterdir())), 3)

    def test_recordings(self) -> None:
        text = "漢é" * 40_000
        self.history.archive(self.egg(1, text.encode()), 1.0)
        self.egg(2, b"live")
        pieces = list(self.history.read_recording("00000001", "pty"))
        self.assertEqual("".join(pieces), text)
        self.assertLessEqual(max(len(piece.encode()) for piece in pieces), READ_BYTES + 3)
        self.assertEqual(list(self.history.read_recording("00000001", "keylog")), ["keys"])
        self.assertEqual(list(self.history.read_recording("00000002", "pty")), ["live"])

    def test_a_recording_from_the_middle(self) -> None:
        self.history.archive(self.egg(1, "漢é".encode() * 20_000), 1.0)
        first = next(self.history.read_recording("00000001", "pty"))
        rest = self.history.read_recording("00000001", "pty", len(first.encode()))
        self.assertEqual(first + "".join(rest), "漢é" * 20_000)

    def test_recordings_that_are_none(self) -> None:
        self.history.archive(self.egg(1), 1.0)
        self.assertRaises(NotFound, self.history.read_recording, "00000001", "pty")
        self.assertRaises(NotFound, self.history.read_recording, "0000000f", "pty")
        self.assertRaises(InvalidMessage, self.history.read_recording, "00000001", "meta.json")
        self.assertRaises(InvalidMessage, self.history.read_recording, "../history/00000001", "pty")
