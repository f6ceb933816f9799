"""The quick reactor does what Twisted's does, and is the one that a server runs on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from select import EPOLLIN
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.internet import main
from twisted.internet.epollreactor import EPollReactor
from twisted.trial.unittest import TestCase

from wingthing.assembly.reactor import MOST_EVENTS, QuickReactor


class Selectable:
    """One end of a socket pair; remembers what the reactor does to it."""

    def __init__(self, answer: object = None, bug: Exception | None = None) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.calls: list[str] = []
        self.answer = answer
        self.bug = bug

    def fileno(self) -> int:
        return self.ours.fileno()

    def logPrefix(self) -> str:
        raise AssertionError("nobody logs by it")

    def doRead(self) -> object:
        self.calls.append(f"read {self.ours.recv(100)!r}")
        if self.bug is not None:
            raise self.bug
        return self.answer

    def doWrite(self) -> object:
        self.calls.append("write")
        return main.CONNECTION_LOST if self.answer else None

    def connectionLost(self, reason: Any) -> None:
        self.calls.append(f"lost {type(reason.value).__name__}")

    def readConnectionLost(self, reason: Any) -> None:
        self.calls.append(f"read lost {type(reason.value).__name__}")


class QuickReactorTests(TestCase):
    def setUp(self) -> None:
        self.reactor = QuickReactor()
        self.addCleanup(self.reactor._poller.close)
        self.addCleanup(self.reactor.removeAll)
        self.poll()

    def poll(self) -> None:
        self.reactor.doIteration(0)

    def selectable(self, answer: object = None, bug: Exception | None = None) -> Selectable:
        selectable = Selectable(answer, bug)
        self.addCleanup(selectable.ours.close)
        self.addCleanup(selectable.theirs.close)
        self.addCleanup(self.reactor.removeReader, selectable)
        self.addCleanup(self.reactor.removeWriter, selectable)
        self.reactor.addReader(selectable)
        return selectable

    def test_what_has_come_is_read(self) -> None:
        selectable = self.selectable()
        self.poll()
        self.assertEqual(selectable.calls, [])
        selectable.theirs.send(b"a")
        self.poll()
        self.assertEqual(selectable.calls, ["read b'a'"])
        self.poll()
        self.assertEqual(len(selectable.calls), 1)

    def test_what_may_be_written_is_written_after_what_is_read(self) -> None:
        selectable = self.selectable()
        self.reactor.addWriter(selectable)
        selectable.theirs.send(b"a")
        self.poll()
        self.assertEqual(selectable.calls, ["read b'a'", "write"])
        self.reactor.removeWriter(selectable)
        self.poll()
        self.assertEqual(len(selectable.calls), 2)

    def test_the_end_of_a_connection(self) -> None:
        selectable = self.selectable(main.CONNECTION_DONE)
        selectable.theirs.send(b"a")
        self.poll()
        self.assertEqual(selectable.calls, ["read b'a'", "lost ConnectionDone"])
        self.assertEqual(self.reactor.getReaders(), [self.reactor.waker])
        broken = self.selectable(main.CONNECTION_LOST)
        broken.theirs.send(b"a")
        self.poll()
        self.assertEqual(broken.calls, ["read b'a'", "lost ConnectionLost"])

    def test_a_peer_that_hangs_up(self) -> None:
        selectable = self.selectable()
        selectable.theirs.close()
        self.poll()
        self.assertEqual(selectable.calls[0], "read b''")

    def test_a_bug_in_one_connection_ends_that_one(self) -> None:
        broken, sound = self.selectable(bug=ZeroDivisionError("x")), self.selectable()
        for selectable in (broken, sound):
            selectable.theirs.send(b"a")
        self.poll()
        self.assertEqual(broken.calls, ["read b'a'", "lost ZeroDivisionError"])
        self.assertEqual(sound.calls, ["read b'a'"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_one_that_another_has_closed_is_passed_over(self) -> None:
        first, second = self.selectable(), self.selectable()

        def closes(other: Selectable) -> object:
            self.reactor.removeReader(other)
            return None

        first.doRead = lambda: closes(second)  # type: ignore[method-assign]
        second.doRead = lambda: closes(first)  # type: ignore[method-assign]
        for selectable in (first, second):
            selectable.theirs.send(b"a")
        self.poll()
        self.assertEqual(len(self.reactor.getReaders()), 2, "the waker and one of them")

    def test_a_poll_asks_for_so_many_events_and_no_more(self) -> None:
        asked: list[tuple[float, int]] = []

        class Poller:
            def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
                asked.append((timeout, most))
                return [(999_999, EPOLLIN)]

        self.patch(self.reactor, "_poller", Poller())
        self.reactor.doPoll(None)
        self.reactor.doPoll(0.5)
        self.assertEqual(asked, [(-1, MOST_EVENTS), (0.5, MOST_EVENTS)])

    def test_a_signal_is_no_event(self) -> None:
        class Poller:
            def __init__(self, number: int) -> None:
                self.number = number

            def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
                raise OSError(self.number, os.strerror(self.number))

        before = self.reactor._poller
        self.addCleanup(setattr, self.reactor, "_poller", before)
        self.reactor._poller = Poller(4)
        self.poll()
        self.reactor._poller = Poller(9)
        self.assertRaises(OSError, self.poll)


class InstallTests(TestCase):
    """In processes of their own: a process has one reactor."""

    def reactor_of(self, *lines: str) -> str:
        program = "\n".join([*lines, "from twisted.internet import reactor", "print(type(reactor).__name__)"])
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        self.assertEqual(told.stderr, "")
        return told.stdout.strip()

    def test_a_server_runs_on_it(self) -> None:
        install = "from wingthing.assembly.run import install_reactor"
        self.assertEqual(self.reactor_of(install, "install_reactor()"), QuickReactor.__name__)

    def test_one_that_is_there_already_stays(self) -> None:
        before = "from twisted.internet import reactor"
        install = "from wingthing.assembly.run import install_reactor"
        self.assertEqual(self.reactor_of(before, install, "install_reactor()"), EPollReactor.__name__)

    def test_twistd_knows_it_by_name(self) -> None:
        (kind,) = [kind for kind in getReactorTypes() if kind.shortName == "wingthing"]
        self.assertEqual(kind.moduleName, "wingthing.assembly.reactor")

    def test_nothing_that_comes_before_chooses_another(self) -> None:
        """`wt serve` imports these before it starts the server."""
        lines = ("import wingthing.cli.serve", "from wingthing.assembly.run import install_reactor")
        self.assertEqual(self.reactor_of(*lines, "install_reactor()"), QuickReactor.__name__)
