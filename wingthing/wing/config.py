"""`wing.yaml`: what the owner of a machine has decided about its wing (protocol.md section 6)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from wingthing import files
from wingthing.crypto.passkeys import raw_public_key
from wingthing.errors import InvalidMessage, OperatorError
from wingthing.wire.text import is_plain

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?\Z")


class PathRule(msgspec.Struct, frozen=True):
    """A folder in which terminals may start; with `members` (emails, ids) only theirs and the owner's."""

    path: str
    members: tuple[str, ...] = ()


class AllowKey(msgspec.Struct, frozen=True):
    """Somebody who may use a locked wing. `key` is base64 of a raw P-256 public key."""

    key: str = ""
    user_id: str = ""
    email: str = ""


class WingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. Durations are seconds; None is no limit."""

    wing_id: str = ""
    label: str = ""
    roost: str = ""
    org: str = ""
    paths: tuple[PathRule, ...] = ()
    labels: tuple[str, ...] = ()
    audit: bool = False
    locked: bool = False
    legacy_passkey: bool = False
    """Take answers to challenges of a browser's own choice: an extension, for web apps in the field."""

    spectate: bool = False
    auth_ttl: float | None = None
    allow_keys: tuple[AllowKey, ...] = ()
    admins: tuple[str, ...] = ()
    idle_timeout: float | None = None


class ConfigFile:
    """The file at `path`, as it is now. Keys that this program does not know survive every change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> WingConfig:
        """The configuration; defaults when there is no file.

        Raises OperatorError naming the entry that is wrong.
        """
        return self._parse(self._load())

    def change(self, **values: Any) -> WingConfig:
        """Set some keys (in the form of the file; None removes one) and keep all others. A function is given
        what the file has for its key (None when nothing), and gives what is to be there.

        Raises OperatorError when the file is damaged (it is then left as it is) or cannot be written.
        """
        known = self._load()
        before = dict(known)
        unchanged = self._parse(known)
        for key, value in values.items():
            if callable(value):
                value = value(known.get(key))
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value
        if known == before:
            return unchanged
        config = self._parse(known)
        files.write_text(self.path, yaml.safe_dump(known, sort_keys=False, allow_unicode=True))
        return config

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever the file does; None when there is none."""
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _load(self) -> dict[str, Any]:
        text = files.read_text(self.path)
        if text is None:
            return {}
        try:
            said = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as why:
            where = getattr(getattr(why, "problem_mark", None), "line", None)
            line = "" if where is None else f" near line {where + 1}"
            raise OperatorError(f"The file {self.path} is not valid YAML{line}: correct it.") from why
        if said is None:
            return {}
        if not isinstance(said, dict):
            raise OperatorError(f"The file {self.path} holds no 'key: value' lines: correct it.")
        return said

    def _parse(self, said: Mapping[str, Any]) -> WingConfig:
        def fail(key: str, what: str) -> OperatorError:
            return OperatorError(f"In {self.path}, '{key}' must be {what}: correct it.")

        def text(key: str) -> str:
            value = said.get(key)
            if value is None:
                return ""
            if isinstance(value, bool | dict | list):
                raise fail(key, "a word")
            return str(value).strip()

        def plain(key: str, word: str) -> str:
            if not is_plain(word):
                raise fail(key, "without control characters, and such as turn the text around")
            return word

        def flag(key: str) -> bool:
            value = said.get(key)
            if value is None:
                return False
            if not isinstance(value, bool):
                raise fail(key, "true or false")
            return value

        def words(key: str) -> tuple[str, ...]:
            return string_list(said.get(key), fail(key, "a list of words"))

        def seconds(key: str) -> float | None:
            try:
                return duration(said.get(key))
            except ValueError as why:
                raise fail(key, "a time such as 30m or 1h30m") from why

        return WingConfig(
            wing_id=text("wing_id"),
            label=plain("label", text("label")),
            roost=text("roost"),
            org=text("org"),
            paths=_paths(said.get("paths"), fail("paths", "a list of folders")),
            labels=tuple(plain("labels", word) for word in words("labels")),
            audit=flag("audit"),
            locked=flag("locked"),
            legacy_passkey=flag("legacy_passkey"),
            spectate=flag("spectate"),
            auth_ttl=seconds("auth_ttl"),
            allow_keys=_allow_keys(
                said.get("allow_keys"), fail("allow_keys", "a list of key, user_id, email")
            ),
            admins=words("admins"),
            idle_timeout=seconds("idle_timeout"),
        )


def duration(value: Any) -> float | None:
    """Seconds of `1h30m`, `45s`, `2h` or a plain number of seconds; None for nothing and for 0.

    Raises ValueError for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise ValueError("not a duration")
    if isinstance(value, int | float):
        total = float(value)
    else:
        parts = _DURATION.match(str(value).strip())
        if parts is None or not any(parts.groups()):
            raise ValueError("not a duration")
        hours, minutes, rest = (float(part or 0) for part in parts.groups())
        total = hours * 3600 + minutes * 60 + rest
    if not 0 <= total < 1e9:
        raise ValueError("not a duration")
    return total or None


def string_list(value: Any, wrong: Exception) -> tuple[str, ...]:
    """A YAML list of words, or one string with commas. Raises `wrong` for anything else."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or any(isinstance(word, dict | list | bool) for word in value):
        raise wrong
    return tuple(word for word in (str(word).strip() for word in value if word is not None) if word)


def path_entries(rules: tuple[PathRule, ...], before: Any = None) -> list[Any]:
    """Folder rules in the form of the file: a plain string where nobody is named. What an entry of `before`,
    the list as it was in the file, says besides is kept."""
    known = {entry["path"].strip(): entry for entry in before or () if isinstance(entry, dict)}
    entries = []
    for rule in rules:
        more = {
            name: value
            for name, value in known.get(rule.path, {}).items()
            if name not in PathRule.__struct_fields__
        }
        members = {"members": list(rule.members)} if rule.members else {}
        entries.append({"path": rule.path, **members, **more} if members or more else rule.path)
    return entries


def allow_key(entry: Mapping[str, Any]) -> AllowKey:
    """An entry of `allow_keys` in the file. A key that is damaged stays as it is: nobody has it."""
    key, user_id, email = (str(entry.get(name) or "").strip() for name in AllowKey.__struct_fields__)
    with contextlib.suppress(InvalidMessage):
        key = raw_public_key(key) if key else ""
    return AllowKey(key, user_id, email)


def merge_paths(known: tuple[PathRule, ...], folders: list[str], base: Path) -> tuple[PathRule, ...]:
    """Rules for exactly `folders` (absolute, `~` or relative to `base`); a folder keeps its members."""
    members = {rule.path: rule.members for rule in known}
    chosen: dict[str, PathRule] = {}
    for folder in folders:
        path = os.path.normpath(base / os.path.expanduser(folder))  # noqa: PTH111
        for name in (folder, path):
            if name in members:
                path = name
        chosen[path] = PathRule(path, members.get(path, ()))
    return tuple(chosen.values())


def checked_folders(rules: tuple[PathRule, ...]) -> tuple[PathRule, ...]:
    """The rules of folders named on a command line. Raises OperatorError when one of them does not exist."""
    for rule in rules:
        if not Path(rule.path).expanduser().is_dir():
            raise OperatorError(f"There is no folder {rule.path}: name one that exists with --paths.")
    return rules


def _paths(value: Any, wrong: OperatorError) -> tuple[PathRule, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise wrong
    rules = []
    for entry in value:
        if isinstance(entry, dict) and isinstance(entry.get("path"), str):
            rules.append(PathRule(entry["path"].strip(), string_list(entry.get("members"), wrong)))
        elif isinstance(entry, str):
            rules.append(PathRule(entry.strip()))
        else:
            raise wrong
    if any(not rule.path or "\0" in rule.path for rule in rules):
        raise wrong
    return tuple(rules)


def _allow_keys(value: Any, wrong: OperatorError) -> tuple[AllowKey, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise wrong
    return tuple(allow_key(entry) for entry in value)
