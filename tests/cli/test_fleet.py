"""`wt fleet`: what is asked of a rehearsal, how its answers read, and what is refused before."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Any

import msgspec

from tests.cli.case import CommandCase
from tests.rehearsal.case import short_folder
from wingthing.rehearsal.status import FleetStatus, MachineStatus


def machine(number: int, **fields: Any) -> MachineStatus:
    known = {
        "id": f"{number:014x}",
        "region": "nrt",
        "role": "edge",
        "address": f"127.1.0.{number}:8080",
        "dns": "",
        "state": "running",
        "ready": True,
        "pid": 1,
        "starts": 1,
        "last_exit": "",
        "partitioned": False,
        "public_cut": False,
        "slow_ms": 0,
        "wings": 0,
        "browsers": 12,
        "log": "",
    }
    return MachineStatus(**(known | fields))


class FleetCase(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = short_folder(self)
        self.folder.path.mkdir()
        # In the mapping itself: that is where rich looks, and it looks there for good.
        before = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = "120"
        self.addCleanup(
            lambda: os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
        )

    def answering(self, answer: object) -> list[dict[str, Any]]:
        """A rehearsal that gives every caller this answer; what it was asked."""
        asked: list[dict[str, Any]] = []
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.folder.control))
        listening.listen()

        def serve() -> None:
            while True:
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as stream:
                    line = stream.readline()
                    if not line:
                        return
                    asked.append(json.loads(line))
                    connection.sendall(msgspec.json.encode(answer) + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()

        def end() -> None:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(self.folder.control))
            thread.join()
            listening.close()

        self.addCleanup(end)
        return asked

    def fleet(self, *words: str) -> str:
        return self.wt("fleet", *words, "--dir", str(self.folder.path)).output


class CommandTests(FleetCase):
    def test_what_is_asked(self) -> None:
        asked = self.answering({"result": "ab"})
        for words, request, told in (
            (("kill", "nrt"), {"command": "kill", "machine": "nrt"}, "Machine ab is dead.\n"),
            (("stop", "nrt"), {"command": "stop", "machine": "nrt"}, "Machine ab has stopped.\n"),
            (("start", "nrt"), {"command": "start", "machine": "nrt"}, "Machine ab runs.\n"),
            (("restart", "nrt"), {"command": "restart", "machine": "nrt"}, "Machine ab runs again.\n"),
            (
                ("partition", "nrt"),
                {"command": "partition", "machine": "nrt", "public": False},
                "Machine ab is cut off from the other machines.\n",
            ),
            (
                ("partition", "nrt", "--public"),
                {"command": "partition", "machine": "nrt", "public": True},
                "Machine ab is cut off from the public proxy.\n",
            ),
            (
                ("slow", "nrt", "150"),
                {"command": "slow", "machine": "nrt", "milliseconds": 150},
                "Machine ab is 150 ms away from the others.\n",
            ),
            (("heal",), {"command": "heal", "machine": None}, "All machines are healed.\n"),
            (("add", "--region", "fra"), {"command": "add", "region": "fra"}, "Machine ab runs.\n"),
            (("link",), {"command": "link"}, "ab\n"),
        ):
            self.assertEqual((self.fleet(*words), asked.pop()), (told, request))

    def test_heal_one(self) -> None:
        self.answering({"result": ["ab"]})
        self.assertEqual(self.fleet("heal", "nrt"), "Machine ab is healed.\n")

    def test_a_refusal(self) -> None:
        self.answering({"error": "There is no machine 'x'."})
        self.assertEqual(
            self.refused("fleet", "kill", "x", "--dir", str(self.folder.path)), "There is no machine 'x'."
        )

    def test_when_none_runs(self) -> None:
        for words in (["status"], ["kill", "x"], ["heal"], ["add", "-r", "fra"]):
            sentence = self.refused("fleet", *words, "--dir", str(self.folder.path))
            self.assertIn("wt fleet up", sentence)
            self.assertIn(str(self.folder.path), sentence)

    def test_what_click_refuses(self) -> None:
        for words in (("slow", "x", "-5"), ("slow", "x", "much"), ("add",), ("up", "--port", "99999")):
            self.assertEqual(self.wt("fleet", *words).exit_code, 2)


class StatusTests(FleetCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = FleetStatus(
            app="wingthing",
            pid=1,
            directory=str(self.folder.path),
            log="",
            volume="",
            urls={"ewr": "http://127.0.0.1:1", "nrt": "http://127.0.0.1:2"},
            machines=[
                machine(1, role="login", region="ewr"),
                machine(2, state="stopped", ready=False, last_exit="exit code 3", wings=None, browsers=None),
                machine(3, partitioned=True, slow_ms=20),
                machine(4, ready=False, public_cut=True),
            ],
        )

    def test_for_people(self) -> None:
        self.answering({"result": self.now})
        lines = self.fleet("status").splitlines()
        self.assertEqual(
            lines[0].split(), ["machine", "region", "role", "address", "state", "wings", "browsers"]
        )
        self.assertEqual(
            lines[1].split(), ["00000000000001", "ewr", "login", "127.1.0.1:8080", "running", "0", "12"]
        )
        self.assertEqual(lines[2].split()[4:], ["stopped,", "exit", "code", "3", "-", "-"])
        self.assertIn("running, cut off, +20 ms", lines[3])
        self.assertIn("running, out of rotation, cut off from the public", lines[4])
        self.assertEqual(lines[-1].split(), ["nrt", "http://127.0.0.1:2"])

    def test_for_programs(self) -> None:
        self.answering({"result": self.now})
        self.assertEqual(msgspec.json.decode(self.fleet("status", "--json"), type=FleetStatus), self.now)


class UpTests(FleetCase):
    """What is said before anything is started; the rest needs processes."""

    def test_what_cannot_be(self) -> None:
        for words, sentence in (
            (("--regions", "tokyo"), "'tokyo' is no region"),
            (("--edges", "1000"), "0 to 29"),
            (("--env", "NAME"), "NAME=VALUE"),
            (("--dir", "/proc/fleet"), "/proc/fleet"),
        ):
            self.assertIn(sentence, self.refused("fleet", "up", *words))
