"""The control socket: both of its sides, in one process and two threads."""

from __future__ import annotations

import socket
import stat
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.rehearsal.case import SocketCase, eventually, pause, reactor, short_folder
from wingthing.errors import OperatorError
from wingthing.rehearsal.call import call
from wingthing.rehearsal.control import Control


class Thing(msgspec.Struct):
    number: int


class ControlCase(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = short_folder(self)
        self.folder.take()
        self.addCleanup(self.folder.leave)
        self.done: list[Any] = []
        self.control = Control(
            reactor,
            self.folder,
            {"echo": self.echo, "refuse": self.refuse, "fail": self.fail_badly, "slow": self.slow},
        )
        self.control.listen()
        self.addCleanup(self.control.close)

    async def echo(self, machine: str, public: bool = False) -> list[Any]:
        return [machine, public, Thing(5)]

    async def refuse(self) -> None:
        raise OperatorError("That cannot be.")

    async def fail_badly(self) -> None:
        raise ZeroDivisionError

    async def slow(self) -> None:
        self.done.append("begun")
        await pause(0.2)
        self.done.append("done")

    async def call(self, command: str, **arguments: object) -> Any:
        return await deferToThread(call, self.folder, command, **arguments)

    async def why(self, command: str, **arguments: object) -> str:
        with self.assertRaises(OperatorError) as caught:
            await self.call(command, **arguments)
        return str(caught.exception)


class CallTests(ControlCase):
    async def test_an_answer(self) -> None:
        self.assertEqual(await self.call("echo", machine="x"), ["x", False, {"number": 5}])
        self.assertEqual(await self.call("echo", machine="x", public=True), ["x", True, {"number": 5}])

    async def test_a_refusal(self) -> None:
        self.assertEqual(await self.why("refuse"), "That cannot be.")

    async def test_a_bug_is_logged_and_said(self) -> None:
        self.assertIn("ZeroDivisionError", await self.why("fail"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_what_it_does_not_know(self) -> None:
        for command, arguments in (("dance", {}), ("echo", {}), ("echo", {"machine": "x", "more": 1})):
            self.assertIn("another version", await self.why(command, **arguments))

    async def test_for_the_owner_alone(self) -> None:
        self.assertEqual(stat.S_IMODE(self.folder.control.stat().st_mode), 0o600)

    async def test_a_caller_that_does_not_wait(self) -> None:
        def ask() -> None:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.folder.control))
                connection.sendall(b'{"command": "slow"}\nnonsense\n[]\n')

        await deferToThread(ask)
        await eventually(lambda: self.done == ["begun", "done"])

    async def test_when_none_runs(self) -> None:
        await self.control.close()
        self.assertIn("wt fleet up", await self.why("echo", machine="x"))
        # What a rehearsal that was killed has left.
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.folder.control))
        self.assertIn("wt fleet up", await self.why("echo", machine="x"))

    async def test_a_rehearsal_that_ends_meanwhile(self) -> None:
        asking: Deferred[str] = Deferred.fromCoroutine(self.why("slow"))
        await eventually(lambda: self.done)
        await self.control.close()
        self.assertIn("ended before it answered", await asking)
        await eventually(lambda: self.done == ["begun", "done"])
