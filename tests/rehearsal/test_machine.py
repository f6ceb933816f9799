"""One machine: a real process, with a small program in the place of the server."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.rehearsal import stub
from tests.rehearsal.case import SocketCase, eventually, reactor
from wingthing.errors import OperatorError
from wingthing.rehearsal import machine as machine_module
from wingthing.rehearsal.machine import Machine, Place, State

STUB = (sys.executable, stub.__file__)


class MachineCase(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.changes: list[bool] = []
        self.folder = Path(self.mktemp()).absolute()
        _server, self.port = self.listen(host="127.0.0.2")

    def machine(self, *command: str, **environment: str) -> Machine:
        place = Place(1, "0" * 14, "ewr", "edge", "127.0.0.1", self.port)
        machine = Machine(
            reactor,
            place,
            command=command or STUB,
            environment={"PATH": os.environ["PATH"], **environment},
            folder=self.folder,
            changed=lambda machine: self.changes.append(machine.alive),
        )
        self.addCleanup(self.end, machine)
        return machine

    async def end(self, machine: Machine) -> None:
        if machine.alive:
            await machine.kill()

    async def started(self, **environment: str) -> Machine:
        """A machine whose program has come to listen."""
        machine = self.machine(**environment)
        machine.start()
        await eventually((self.folder / "left").exists)
        return machine

    def why(self, machine: Machine) -> str:
        return str(self.assertRaises(OperatorError, machine.start))


class LifeTests(MachineCase):
    async def test_start_and_stop(self) -> None:
        machine = self.machine()
        self.assertEqual((machine.alive, machine.pid, machine.state), (False, None, State.STOPPED))
        machine = await self.started()
        self.assertEqual((machine.state, machine.starts), (State.STARTING, 1))
        self.assertEqual(os.getsid(machine.pid or 0), machine.pid, "Ctrl-C in our terminal is not for it")
        self.assertIn("runs already", self.why(machine))
        await machine.stop()
        self.assertEqual(
            (machine.alive, machine.state, machine.last_exit), (False, State.STOPPED, "exit code 0")
        )
        self.assertEqual(self.changes, [True, False])
        self.assertIn("stub: SIGINT", machine.log_path.read_text())
        self.assertTrue(machine.expected)

    async def test_kill(self) -> None:
        machine = await self.started()
        await machine.kill()
        self.assertEqual((machine.last_exit, machine.expected), ("killed by SIGKILL", True))
        for command in (machine.kill, machine.stop):
            with self.assertRaises(OperatorError):
                await command()

    async def test_every_start_finds_an_empty_disk(self) -> None:
        machine = await self.started()
        self.assertEqual(os.listdir(self.folder), ["left"])  # noqa: PTH208
        await machine.stop()
        (self.folder / "more").touch()
        machine.start()
        await eventually((self.folder / "left").exists)
        self.assertFalse((self.folder / "more").exists())
        self.assertEqual(machine.log_path.read_text().count("SIGINT"), 1, "the log goes on")

    async def test_a_program_that_does_not_mind_sigint(self) -> None:
        self.patch(machine_module, "KILL_TIMEOUT_SECONDS", 0.2)
        machine = await self.started(STUB_DEAF="1")
        await machine.stop()
        self.assertEqual(machine.last_exit, "killed by SIGTERM")

    async def test_a_program_that_does_not_mind_anything(self) -> None:
        self.patch(machine_module, "KILL_TIMEOUT_SECONDS", 0.1)
        self.patch(machine_module, "LAST_SECONDS", 0.1)
        machine = await self.started()
        os.kill(machine.pid or 0, signal.SIGSTOP)
        await machine.stop()
        self.assertEqual(machine.last_exit, "killed by SIGKILL")

    async def test_a_program_that_ends_by_itself(self) -> None:
        machine = self.machine(STUB_FAIL="1")
        machine.start()
        await eventually(lambda: not machine.alive)
        self.assertEqual((machine.last_exit, machine.expected), ("exit code 1", False))
        self.assertEqual(machine.last_words(), "The stub was told to fail.")

    async def test_a_program_that_is_not_there(self) -> None:
        machine = self.machine("/no/such/program")
        machine.start()
        await eventually(lambda: not machine.alive)
        self.assertIn("/no/such/program cannot be started", machine.last_words())

    async def test_last_words_are_those_of_this_start(self) -> None:
        self.folder.with_suffix(".log").write_text("wt: Long ago.\n")
        machine = await self.started()
        self.assertEqual(machine.last_words(), "")
        await machine.kill()
        self.assertEqual(machine.last_words(), "")
