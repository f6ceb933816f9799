from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import TestCase

from wingthing.wing.program import session_processes


class SessionProcessesTests(TestCase):
    def test_a_whole_session(self) -> None:
        """Whatever their process groups are; and not those of another session."""
        leader = subprocess.Popen(
            ["sh", "-c", "sleep 60 & echo $!; exec sleep 60"],
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert leader.stdout is not None
        self.addCleanup(leader.stdout.close)
        child = int(leader.stdout.readline())
        self.assertEqual(sorted(session_processes(leader.pid)), sorted([leader.pid, child]))
        self.assertNotIn(os.getpid(), session_processes(leader.pid))
        leader.kill()
        leader.wait()
        self.assertEqual(session_processes(leader.pid), [child], "a session outlives its leader")
        os.kill(child, 9)

    def test_no_such_session(self) -> None:
        self.assertEqual(session_processes(2**22 + 1), [])
