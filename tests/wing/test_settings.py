"""Who may use this wing, changed through the tunnel."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.wing.access import Person
from wingthing.wing.config import AllowKey, ConfigFile, PathRule
from wingthing.wing.rules import Rules
from wingthing.wing.settings import Settings
from wingthing.wing.tunnel import Request

OWNER = Person("owner", "o@x")
EVE = Person("eve", "e@x")
KEY = base64.b64encode(bytes(64)).decode()


class SettingsTests(TestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        (self.root / "src").mkdir(parents=True)
        self.src = str(self.root / "src")
        self.file = ConfigFile(self.root / "wing.yaml")
        self.file.change(keep_me=1)
        self.rules = Rules(self.file, lambda: "owner", self.root)
        self.changes = 0
        self.settings = Settings(self.rules, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def ask(self, kind: str, person: Person = OWNER, **fields: Any) -> Any:
        answering = self.settings.answerers[kind](Request(person, fields))
        answer = self.successResultOf(Deferred.fromCoroutine(answering))  # type: ignore[arg-type]
        return json.loads(msgspec.json.encode(answer))

    def refused(self, error: type[PeerError], kind: str, person: Person = OWNER, **fields: Any) -> str:
        answering = self.settings.answerers[kind](Request(person, fields))
        failure = self.failureResultOf(Deferred.fromCoroutine(answering), error)  # type: ignore[arg-type]
        return str(failure.value)

    def test_nobody_else_may_read_or_change(self) -> None:
        for kind in self.settings.answerers:
            said = self.refused(Forbidden, kind, EVE, path=self.src, email="e@x", user_id="eve", paths=["/"])
            self.assertEqual(said, "not_allowed")
        self.assertEqual(self.file.path.read_text(), "keep_me: 1\n")
        self.file.change(admins=["e@x"])
        self.assertEqual(self.ask("allow.list", EVE), {"allowed": []})

    def test_the_allow_list(self) -> None:
        self.ask("allow.add", email="ann@x", key=KEY)
        self.ask("allow.add", email="ANN@x")
        self.ask("allow.add", user_id="bob")
        self.ask("allow.add")
        self.assertEqual(
            self.file.read().allow_keys,
            (AllowKey(KEY, "", "ann@x"), AllowKey(user_id="bob"), AllowKey("", "owner", "o@x")),
        )
        self.assertEqual(self.changes, 3)
        self.assertEqual(self.ask("allow.list")["allowed"][1], {"key": "", "user_id": "bob", "email": ""})
        self.ask("allow.remove", user_id="bob")
        self.assertEqual([key.user_id for key in self.file.read().allow_keys], ["", "owner"])
        self.refused(NotFound, "allow.remove", user_id="bob")
        self.refused(NotFound, "allow.remove")
        self.refused(InvalidMessage, "allow.add", key="AAAA", email="x@x")
        self.refused(InvalidMessage, "allow.add", key="!", email="x@x")
        self.assertIn("keep_me: 1", self.file.path.read_text())

    def test_paths(self) -> None:
        self.ask("paths.set", paths=[self.src, {"path": "~", "members": ["ann@x"]}])
        self.assertEqual(self.rules.all_folders()[0], Path(self.src))
        self.assertEqual(
            self.ask("paths.list")["paths"],
            [{"path": self.src, "members": []}, {"path": str(Path.home()), "members": ["ann@x"]}],
        )
        self.refused(NotFound, "paths.set", paths=["/no/such/folder"])
        for paths in ([], [""], ["a\0b"], [5], "x", None):
            self.refused(InvalidMessage, "paths.set", paths=paths)
        self.assertEqual(len(self.file.read().paths), 2)

    def test_members(self) -> None:
        self.ask("paths.set", paths=[self.src])
        self.ask("paths.add_member", path=self.src, email=" Ann@x ")
        self.ask("paths.add_member", path=self.src, email="ann@x")
        self.ask("paths.add_member", path=self.src, email="bob@x")
        self.assertEqual(self.file.read().paths, (PathRule(self.src, ("ann@x", "bob@x")),))
        self.ask("paths.remove_member", path=self.src, email="ANN@x")
        self.refused(InvalidMessage, "paths.remove_member", path=self.src, email="bob@x")
        self.assertEqual(self.file.read().paths, (PathRule(self.src, ("bob@x",)),), "never open by accident")
        self.refused(NotFound, "paths.add_member", path="/other", email="a@x")
        self.refused(InvalidMessage, "paths.add_member", path=self.src, email=" ")
        self.refused(InvalidMessage, "paths.add_member", path=self.src)
