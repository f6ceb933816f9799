"""`wt fleet up` as people run it, with a small program in the place of the server."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import urllib.request
from contextlib import closing

import psutil
from twisted.trial.unittest import TestCase

from tests.integration.fleet import Rehearsal
from tests.integration.program import eventually, wt
from tests.rehearsal.test_machine import STUB
from wingthing.errors import OperatorError

COMMAND = shlex.join(STUB)


class UpTests(TestCase):
    timeout = 120

    def up(self, *regions: str, command: str = COMMAND, ready: bool = True, **variables: str) -> Rehearsal:
        rehearsal = Rehearsal(regions or ("ewr", "nrt"), command=command, ready=ready, variables=variables)
        self.addCleanup(rehearsal.close)
        return rehearsal

    def fleet(self, rehearsal: Rehearsal, *words: str) -> subprocess.CompletedProcess[str]:
        """Another terminal."""
        return wt(rehearsal.folder.path, "fleet", *words, "--dir", str(rehearsal.folder.path))

    def test_a_session(self) -> None:
        rehearsal = self.up()
        eventually(lambda: "Ctrl-C" in rehearsal.output, "the welcome")
        login, edge = rehearsal.machine("login"), rehearsal.machine("edge")
        for word in (login.id, edge.id, login.address, rehearsal.url("nrt"), "wt fleet kill nrt --dir"):
            self.assertIn(word, rehearsal.output)
        with urllib.request.urlopen(rehearsal.url("nrt")) as answer:
            answer.read()
            self.assertEqual(answer.headers["X-Rehearsal-Machine"], edge.id)

        shown = self.fleet(rehearsal, "status").stdout
        self.assertIn(edge.id, shown)
        self.assertIn(f'"{edge.id}"', self.fleet(rehearsal, "status", "--json").stdout)
        for words, told in (
            (("kill", "nrt"), f"Machine {edge.id} is dead.\n"),
            (("start", "nrt"), f"Machine {edge.id} runs.\n"),
            (("partition", "nrt"), f"Machine {edge.id} is cut off from the other machines.\n"),
            (("slow", "login", "20"), f"Machine {login.id} is 20 ms away from the others.\n"),
        ):
            outcome = self.fleet(rehearsal, *words)
            self.assertEqual((outcome.returncode, outcome.stdout, outcome.stderr), (0, told, ""))
        shown = self.fleet(rehearsal, "status").stdout
        for word in ("cut off", "+20 ms"):
            self.assertIn(word, shown)
        refused = self.fleet(rehearsal, "kill", "xyz")
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertTrue(refused.stderr.startswith("wt: There is no machine 'xyz'."))

        self.assertEqual(rehearsal.interrupt(), 0, rehearsal.output)
        self.assertNotIn("Traceback", rehearsal.output)
        self.assertEqual(rehearsal.tracebacks(), [])
        self.assertIn("Stopping", rehearsal.output)

    def test_killed_itself_it_leaves_nobody_behind(self) -> None:
        rehearsal = self.up()
        eventually(lambda: "Ctrl-C" in rehearsal.output, "the welcome")
        family = rehearsal.remember()
        self.assertEqual(len(family), 3)
        rehearsal.process.kill()
        rehearsal.process.wait()
        _gone, left = psutil.wait_procs(family, 5)
        self.assertEqual(left, [])
        self.assertRaises(OperatorError, rehearsal.status)
        self.assertIn("wt fleet up", self.fleet(rehearsal, "status").stderr)

    def test_impatience(self) -> None:
        rehearsal = self.up(STUB_DEAF="1")
        family = rehearsal.remember()
        rehearsal.process.send_signal(signal.SIGINT)
        eventually(lambda: "Stopping" in rehearsal.output, "the first Ctrl-C was taken")
        rehearsal.process.send_signal(signal.SIGINT)
        rehearsal.process.wait(5)
        _gone, left = psutil.wait_procs(family, 5)
        self.assertEqual((rehearsal.process.returncode, left), (0, []), rehearsal.output)

    def test_a_fleet_that_does_not_start(self) -> None:
        rehearsal = self.up(STUB_FAIL="1", ready=False)
        self.assertEqual(rehearsal.process.wait(60), 2)
        self.assertIn("has ended: The stub was told to fail.", rehearsal.output)
        self.assertNotIn("Traceback", rehearsal.output)

    def test_a_port_that_is_taken(self) -> None:
        with closing(socket.socket()) as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            rehearsal = self.up(ready=False)
            rehearsal.interrupt()
            port = str(other.getsockname()[1])
            outcome = self.fleet(rehearsal, "up", "--port", port, "--command", COMMAND)
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
        self.assertIn(f"Port {port} at 127.0.0.1, for region ewr, is taken", outcome.stderr)

    def test_ended_before_it_was_up(self) -> None:
        rehearsal = self.up(STUB_SICK="1", ready=False)
        eventually(lambda: len(rehearsal.remember()) == 3, "the machines have been started")
        self.assertEqual(rehearsal.interrupt(), 0, rehearsal.output)

    def test_the_environment_is_its_own(self) -> None:
        self.patch(os, "environ", {**os.environ, "FLY_REGION": "xyz"})
        rehearsal = self.up("ewr", EXTRA="1")
        with urllib.request.urlopen(f"{rehearsal.url()}/env") as answer:
            seen = answer.read().decode()
        self.assertIn('"FLY_REGION": "ewr"', seen)
        self.assertIn('"EXTRA": "1"', seen)
