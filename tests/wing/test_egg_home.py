from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.errors import InvalidMessage, OperatorError
from wingthing.names import EGG_META_FILE, EGG_SOCKET_FILE
from wingthing.wing.egg_home import (
    EggMeta,
    checked_session_id,
    is_alive,
    lock,
    make_directory,
    read_meta,
    socket_address,
    write_meta,
)


def some_meta(session_id: str = "0a1b2c3d", **fields: object) -> EggMeta:
    known: dict[str, object] = {
        "session_id": session_id, "agent": "shell", "executable": "/bin/sh", "arguments": ["-sh"], "cwd": "/",
        "user_id": "u", "email": "", "created_at": 1000.0, "cols": 80, "rows": 24, "audit": False,
    }  # fmt: skip
    return EggMeta(**{**known, **fields})  # type: ignore[arg-type]


class EggHomeTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute() / "eggs" / "0a1b2c3d"
        make_directory(self.directory)

    def test_session_ids_name_no_other_folder(self) -> None:
        self.assertEqual(checked_session_id("0a1b2c3d"), "0a1b2c3d")
        bad_ids = (
            "",
            "..",
            "../../a",
            "0A1B2C3D",
            "a1b2c3",
            "0a1b2c3d\n",
            "0a1b2c3d4",
            "/a1b2c3d",
            "a1b2c3\0",
        )
        for bad in bad_ids:
            self.assertRaises(InvalidMessage, checked_session_id, bad)

    def test_only_for_this_user(self) -> None:
        write_meta(self.directory, some_meta())
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.directory / EGG_META_FILE).stat().st_mode), 0o600)
        self.assertRaises(FileExistsError, make_directory, self.directory)

    def test_meta(self) -> None:
        write_meta(self.directory, some_meta(title="ä"))
        self.assertEqual(read_meta(self.directory), some_meta(title="ä"))
        self.assertEqual([file.name for file in self.directory.iterdir()], [EGG_META_FILE])

    def test_damaged_meta(self) -> None:
        self.assertRaises(OperatorError, read_meta, self.directory)
        for damaged in (b"", b"{", b"[]", b'{"session_id": 1}', b"\xff"):
            (self.directory / EGG_META_FILE).write_bytes(damaged)
            self.assertRaises(OperatorError, read_meta, self.directory)

    def test_lock_tells_life(self) -> None:
        self.assertFalse(is_alive(self.directory))
        descriptor = lock(self.directory)
        assert descriptor is not None
        self.assertTrue(is_alive(self.directory))
        self.assertIsNone(lock(self.directory))
        inherited = os.dup(descriptor)
        os.close(descriptor)
        self.assertTrue(is_alive(self.directory), "whoever inherited it still holds it")
        os.close(inherited)
        self.assertFalse(is_alive(self.directory))

    def test_a_path_too_long_for_a_socket(self) -> None:
        deep = self.directory / ("d" * 120)
        deep.mkdir()
        back = os.open(".", os.O_RDONLY)
        self.addCleanup(os.close, back)
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        os.chdir(deep)
        try:
            listening.bind(EGG_SOCKET_FILE)
        finally:
            os.chdir(back)
        listening.listen()
        before = len(list(Path("/proc/self/fd").iterdir()))
        with socket_address(deep) as address, socket.socket(socket.AF_UNIX) as client:
            client.connect(address)
        self.assertEqual(len(list(Path("/proc/self/fd").iterdir())), before)
