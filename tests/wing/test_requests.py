"""What this wing answers inside the tunnel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.wing.browser import FakeTerminals
from tests.wing.test_projects import Threadless
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.wing.access import Person
from wingthing.wing.config import ConfigFile
from wingthing.wing.history import HistoryEntry
from wingthing.wing.projects import Project, Projects
from wingthing.wing.requests import Requests
from wingthing.wing.rules import Rules
from wingthing.wing.tunnel import Request
from wingthing.wire.wing_limits import MAX_HISTORY_PAGE, MAX_TUNNEL_ANSWER_BYTES

OWNER = Person("owner")
ALICE = Person("alice", "alice@x")


class FakeHistory:
    """Finished terminals, the newest first."""

    def __init__(self) -> None:
        self.entries: list[HistoryEntry] = []
        self.parts: list[str] = ["one", "two"]
        self.broken = False

    def add(self, session_id: str, user_id: str) -> None:
        self.entries.append(
            HistoryEntry(
                session_id=session_id,
                agent="shell",
                cwd="/tmp",
                started_at=1000.9,
                ended_at=None,
                audit=True,
                user_id=user_id,
            )
        )

    def page(self, offset: int, limit: int) -> tuple[list[HistoryEntry], int]:
        return self.entries[offset : offset + limit], len(self.entries)

    def find(self, session_id: str) -> HistoryEntry | None:
        return next((entry for entry in self.entries if entry.session_id == session_id), None)

    def read_recording(self, session_id: str, kind: str, offset: int = 0) -> Iterator[str]:
        if kind not in ("pty", "keylog"):
            raise InvalidMessage("kind is 'pty' or 'keylog'")
        return self._read()

    def _read(self) -> Iterator[str]:
        yield from self.parts
        if self.broken:
            raise OSError(5, "Input/output error")


class RequestsCase(TestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        (self.root / "src" / "site").mkdir(parents=True)
        self.file = ConfigFile(self.root / "wing.yaml")
        self.file.change(paths=[str(self.root / "src")])
        self.rules = Rules(self.file, lambda: "owner", self.root)
        self.terminals = FakeTerminals()
        self.history = FakeHistory()
        self.reactor = Threadless()
        self.projects = Projects(self.reactor, Clock(), self.rules.all_folders)
        self.requests = Requests(self.reactor, self.rules, self.terminals, self.history, self.projects)

    def ask(self, kind: str, person: Person = OWNER, **fields: Any) -> Any:
        answering = self.requests.answerers[kind](Request(person, fields))
        answer = self.successResultOf(Deferred.fromCoroutine(answering))  # type: ignore[arg-type]
        return json.loads(msgspec.json.encode(answer))

    def refused(self, error: type[PeerError], kind: str, person: Person = OWNER, **fields: Any) -> str:
        answering = self.requests.answerers[kind](Request(person, fields))
        failure = self.failureResultOf(Deferred.fromCoroutine(answering), error)  # type: ignore[arg-type]
        return str(failure.value)


class InfoTests(RequestsCase):
    def test_info(self) -> None:
        self.projects.found = [
            Project("site", str(self.root / "src/site"), 5),
            Project("other", str(self.root / "other"), 9),
        ]
        self.file.change(label="Desk", allow_keys=[{"user_id": "u"}], spectate=True)
        info = self.ask("wing.info")
        self.assertEqual(
            info["projects"], [{"name": "site", "path": str(self.root / "src/site"), "mod_time": 5}]
        )
        self.assertEqual(info["agents"][0], "shell")
        self.assertEqual((info["wing_label"], info["allowed_count"]), ("Desk", 1))
        self.assertEqual((info["spectate"], info["locked"]), (True, False))
        self.assertEqual((info["home"], info["default_path"]), (str(self.root), str(self.root / "src")))
        self.assertTrue(info["hostname"] and info["platform"] and info["version"])

    def test_projects_are_cut_to_what_fits(self) -> None:
        self.projects.found = [
            Project("x" * 2000, str(self.root / "src" / str(number)), 1) for number in range(500)
        ]
        info = self.ask("wing.info")
        self.assertTrue(info["truncated"])
        self.assertLessEqual(len(json.dumps(info)), MAX_TUNNEL_ANSWER_BYTES)
        self.assertGreater(len(info["projects"]), 50)

    def test_ping(self) -> None:
        self.assertEqual(self.ask("ping"), {"ok": "true"})

    def test_whether_a_passkey_of_the_person_counts_here(self) -> None:
        self.assertIs(self.ask("wing.info")["passkey_enrolled"], False)
        self.file.change(allow_keys=[{"user_id": "owner", "key": "a"}])
        self.assertIs(self.ask("wing.info")["passkey_enrolled"], True)

    def test_dir_list(self) -> None:
        listed = self.ask("dir.list", path="")
        self.assertEqual(
            listed, {"entries": [{"name": "site", "is_dir": True, "path": str(self.root / "src/site")}]}
        )
        self.refused(Forbidden, "dir.list", path="..")
        self.refused(Forbidden, "dir.list", path=str(self.root))
        self.refused(InvalidMessage, "dir.list", path=5)

    def test_dir_list_of_somebody_who_has_no_folder_here(self) -> None:
        self.file.change(paths=[{"path": str(self.root / "src"), "members": ["bob@x"]}])
        self.assertEqual(self.ask("dir.list", ALICE), {"entries": []})
        self.refused(Forbidden, "dir.list", ALICE, path=str(self.root / "src"))


class SessionsTests(RequestsCase):
    def setUp(self) -> None:
        super().setUp()
        self.terminals.add("00000001", "owner", title="vim", needs_attention=True)
        self.terminals.add("00000002", "alice")
        self.history.add("00000003", "owner")
        self.history.add("00000004", "alice")

    def listed(self, person: Person) -> list[str]:
        return [session["session_id"] for session in self.ask("sessions.list", person)["sessions"]]

    def test_list(self) -> None:
        self.assertEqual(self.listed(OWNER), ["00000001", "00000002"])
        self.assertEqual(self.listed(ALICE), ["00000002"])
        self.assertEqual(self.listed(Person()), [])
        (first, _second) = self.ask("sessions.list")["sessions"]
        self.assertEqual((first["title"], first["needs_attention"], first["created_at"]), ("vim", True, 1000))

    def test_a_recording_that_has_stopped(self) -> None:
        self.terminals.add("00000005", "owner", recording_error="disk full")
        *others, stopped = self.ask("sessions.list")["sessions"]
        self.assertEqual(stopped["recording_error"], "disk full")
        self.assertTrue(all("recording_error" not in session for session in others))
        entry = self.history.entries[0]
        self.history.entries[0] = msgspec.structs.replace(entry, recording_error="disk full")
        said = [
            session.get("recording_error", "left out") for session in self.ask("sessions.history")["sessions"]
        ]
        self.assertEqual(said, ["disk full", "left out"])

    def test_where_watching_is_allowed_all_are_listed(self) -> None:
        self.file.change(spectate=True)
        self.assertEqual(self.listed(ALICE), ["00000001", "00000002"])

    def test_history(self) -> None:
        page = self.ask("sessions.history", offset=0, limit=1)
        self.assertEqual((page["total"], len(page["sessions"])), (2, 1))
        self.assertEqual(page["sessions"][0]["started_at"], 1000)
        self.assertEqual(self.ask("sessions.history", offset=5, limit=1)["sessions"], [])
        mine = self.ask("sessions.history", ALICE)
        self.assertEqual((mine["total"], mine["sessions"][0]["session_id"]), (1, "00000004"))
        for fields in ({"offset": -1}, {"limit": 0}, {"limit": "many"}):
            self.refused(InvalidMessage, "sessions.history", **fields)

    def test_a_page_is_bounded(self) -> None:
        for number in range(MAX_HISTORY_PAGE + 10):
            self.history.add(f"{number:08x}", "owner")
        self.assertEqual(len(self.ask("sessions.history", limit=10**9)["sessions"]), MAX_HISTORY_PAGE)

    def test_kill(self) -> None:
        self.assertEqual(self.ask("pty.kill", ALICE, session_id="00000002"), {"ok": "true"})
        self.assertEqual(self.ask("pty.kill", OWNER, session_id="00000002"), {"ok": "true"})
        self.assertEqual(self.terminals.done, [("kill", "00000002")] * 2)

    def test_kill_of_what_is_not_theirs(self) -> None:
        self.assertEqual(
            self.refused(NotFound, "pty.kill", ALICE, session_id="00000001"),
            self.refused(NotFound, "pty.kill", ALICE, session_id="ffffffff"),
            "whether it exists is not told",
        )
        self.file.change(admins=["alice@x"])
        self.refused(Forbidden, "pty.kill", ALICE, session_id="00000001")
        self.refused(InvalidMessage, "pty.kill")
        self.assertEqual(self.terminals.done, [])


class RecordingTests(RequestsCase):
    def setUp(self) -> None:
        super().setUp()
        self.history.add("00000003", "owner")
        self.terminals.add("00000001", "alice")

    def parts(self, person: Person = OWNER, **fields: Any) -> list[Any]:
        got: list[Any] = []

        async def collect() -> None:
            async for part in self.requests.streamers["audit.request"](Request(person, fields)):
                got.append(part)

        self.failure = None
        running = Deferred.fromCoroutine(collect())
        running.addErrback(lambda failure: setattr(self, "failure", failure))
        self.successResultOf(running)
        return got

    def test_of_the_past_and_of_the_present(self) -> None:
        self.assertEqual(self.parts(session_id="00000003", kind="keylog"), [{"data": "one"}, {"data": "two"}])
        self.assertEqual(len(self.parts(ALICE, session_id="00000001")), 2)
        self.assertEqual(len(self.parts(OWNER, session_id="00000001")), 2)

    def test_of_somebody_else_or_of_nothing(self) -> None:
        for person, fields in (
            (ALICE, {"session_id": "00000003"}),
            (Person("eve"), {"session_id": "00000001"}),
            (OWNER, {"session_id": "ffffffff"}),
            (OWNER, {"session_id": "../../etc"}),
            (OWNER, {"session_id": "00000003", "kind": "../meta.json"}),
            (OWNER, {}),
        ):
            self.assertEqual(self.parts(person, **fields), [])
            assert self.failure is not None
            self.failure.trap(PeerError)

    def test_part_by_part(self) -> None:
        self.assertEqual(self.parts(session_id="00000003", limit=2), [{"data": "one"}, {"next": 3}])
        self.assertEqual(self.parts(session_id="00000003", limit=2, offset=3)[-1], {"next": 6})
        self.assertEqual(len(self.parts(session_id="00000003", limit=99)), 2)
        for fields in ({"limit": 0}, {"offset": -1}):
            self.assertEqual(self.parts(session_id="00000003", **fields), [])
            assert self.failure is not None
            self.failure.trap(InvalidMessage)

    def test_a_disk_that_fails_in_the_middle(self) -> None:
        self.history.broken = True
        self.assertEqual(len(self.parts(session_id="00000003")), 2)
        assert self.failure is not None
        self.failure.trap(NotFound)
