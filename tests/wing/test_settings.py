"""Who may use this wing, changed through the tunnel."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.authenticator import Authenticator
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.wing.access import Person
from wingthing.wing.config import AllowKey, ConfigFile, PathRule
from wingthing.wing.rules import Rules
from wingthing.wing.settings import Settings
from wingthing.wing.tunnel import Request

OWNER = Person("owner", "o@x")
EVE = Person("eve", "e@x")
AUTHENTICATOR = Authenticator()
KEY = AUTHENTICATOR.key


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
        self.refused(InvalidMessage, "allow.add", key=base64.b64encode(bytes(64)).decode(), email="x@x")
        self.assertIn("keep_me: 1", self.file.path.read_text())

    def test_the_list_as_web_apps_in_the_field_change_it(self) -> None:
        public = AUTHENTICATOR.private.public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.ask("allow.add", key=base64.b64encode(spki).decode())
        self.assertEqual(self.file.read().allow_keys, (AllowKey(KEY, "owner", "o@x"),))
        self.refused(NotFound, "allow.remove", allow_user_id="eve", key=KEY)
        self.ask("allow.remove", allow_user_id="owner", key=KEY)
        self.assertEqual(self.file.read().allow_keys, ())
        self.assertEqual(self.changes, 2)

    def test_what_entries_say_besides_is_kept(self) -> None:
        self.file.change(
            allow_keys=[{"email": "ann@x", "note": "from the office"}],
            paths=[{"path": self.src, "note": "main"}, str(self.root)],
        )
        self.ask("allow.add", email="Ann@x", key=KEY)
        self.ask("allow.add", user_id="bob")
        self.ask("paths.add_member", path=self.src, email="ann@x")
        said = yaml.safe_load(self.file.path.read_text())
        self.assertEqual(
            said["allow_keys"],
            [{"email": "ann@x", "note": "from the office", "key": KEY}, {"user_id": "bob"}],
        )
        self.assertEqual(
            said["paths"], [{"path": self.src, "members": ["ann@x"], "note": "main"}, str(self.root)]
        )

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

    def test_paths_of_the_command_line_are_not_changed_here(self) -> None:
        """What would be written down, and answered with ok, would not be in force."""
        self.file.change(paths=[str(self.root)])
        said = self.file.path.read_text()
        given = PathRule(self.src, ("ann@x",))
        self.settings = Settings(Rules(self.file, lambda: "owner", self.root, (given,)), self.changed)
        for kind in ("paths.set", "paths.add_member", "paths.remove_member"):
            why = self.refused(PeerError, kind, paths=[self.src], path=self.src, email="ann@x")
            self.assertIn("--paths", why, kind)
            self.assertEqual(self.refused(Forbidden, kind, EVE), "not_allowed")
        self.assertEqual(self.file.path.read_text(), said)
        self.assertEqual(self.ask("paths.list")["paths"], [{"path": self.src, "members": ["ann@x"]}])
