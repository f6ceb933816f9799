"""One wing per directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.wing.presence import Presence, Status


class PresenceTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.presence = Presence(self.directory)
        self.addCleanup(self.presence.leave)
        self.other = Presence(self.directory)

    def status(self, pid: int) -> Status:
        return Status(pid=pid, state="online", detail="", roost="r", wing_id="w", since=1.5)

    def test_one_at_a_time(self) -> None:
        self.assertIsNone(self.other.holder())
        self.presence.take()
        self.presence.take()
        self.assertEqual(self.other.holder(), os.getpid())
        why = self.assertRaises(OperatorError, self.other.take)
        self.assertIn(str(os.getpid()), str(why))
        self.presence.leave()
        self.presence.leave()
        self.assertIsNone(self.other.holder())
        self.other.take()
        self.other.leave()

    def test_an_old_pid_file_fools_nobody(self) -> None:
        (self.directory / "wing.pid").write_text(f"{os.getpid()}\n")
        (self.directory / "wing.status.json").write_text("{}")
        self.assertIsNone(self.other.holder())
        self.assertIsNone(self.other.status())
        self.presence.take()
        self.assertFalse((self.directory / "wing.status.json").exists())

    def test_looking_does_not_keep_a_wing_from_starting(self) -> None:
        looking = os.open(self.directory / "wing.pid", os.O_RDWR | os.O_CREAT)
        fcntl.flock(looking, fcntl.LOCK_SH)
        tries: list[float] = []

        def look_away(seconds: float) -> None:
            tries.append(seconds)
            fcntl.flock(looking, fcntl.LOCK_UN)

        self.patch(__import__("wingthing.wing.presence").wing.presence.time, "sleep", look_away)
        self.presence.take()
        os.close(looking)
        self.assertEqual(len(tries), 1)

    def test_status(self) -> None:
        self.presence.take()
        self.assertIsNone(self.other.status())
        self.presence.tell(self.status(os.getpid()))
        self.assertEqual(self.other.status(), self.status(os.getpid()))
        self.presence.tell(self.status(1))
        self.assertIsNone(self.other.status(), "it is of another process")
        (self.directory / "wing.status.json").write_text("half")
        self.assertIsNone(self.other.status())
        self.presence.leave()
        self.assertFalse((self.directory / "wing.status.json").exists())
