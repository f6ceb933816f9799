"""Who may use this wing, asked and changed through the tunnel: `allow.*` and `paths.*`.

Reading and changing is for the owner and the admins of wing.yaml. Every change is written there at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from wingthing.crypto.keys import b64decode
from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.wing.access import NOT_ALLOWED
from wingthing.wing.config import AllowKey, PathRule, allow_entries, merge_paths, path_entries
from wingthing.wing.rules import Rules
from wingthing.wing.tunnel import Answerer, Request

P256_RAW_BYTES = 64
DONE = {"ok": "true"}


class AllowChange(msgspec.Struct):
    key: str = ""
    user_id: str = ""
    email: str = ""


class PathEntry(msgspec.Struct):
    path: str
    members: list[str] | None = None


class PathsSet(msgspec.Struct):
    paths: list[PathEntry | str]


class MemberChange(msgspec.Struct):
    path: str
    email: str


class Settings:
    """`changed()` is called after each change of the lock or the allow-list."""

    def __init__(self, rules: Rules, changed: Callable[[], None]) -> None:
        self._rules = rules
        self._changed = changed
        self.answerers: dict[str, Answerer] = {
            "allow.list": self._allow_list,
            "allow.add": self._allow_add,
            "allow.remove": self._allow_remove,
            "paths.list": self._paths_list,
            "paths.set": self._paths_set,
            "paths.add_member": self._add_member,
            "paths.remove_member": self._remove_member,
        }

    async def _allow_list(self, request: Request) -> Any:
        self._for_managers(request)
        return {"allowed": self._rules.config.allow_keys}

    async def _allow_add(self, request: Request) -> Any:
        """With neither `user_id` nor `email` it is the sender who is added."""
        self._for_managers(request)
        asked = request.read(AllowChange)
        if asked.key and len(b64decode(asked.key, what="key")) != P256_RAW_BYTES:
            raise InvalidMessage(f"key is not {P256_RAW_BYTES} bytes in base64")
        named = bool(asked.user_id or asked.email)
        added = AllowKey(
            asked.key,
            asked.user_id if named else request.person.user_id,
            asked.email if named else request.person.email,
        )
        keys = self._rules.config.allow_keys
        if not any(_same(key, added) for key in keys):
            self._write(allow_keys=allow_entries((*keys, added)))
            self._changed()
        return DONE

    async def _allow_remove(self, request: Request) -> Any:
        self._for_managers(request)
        asked = request.read(AllowChange)
        named = AllowKey(asked.key, asked.user_id, asked.email)
        keys = self._rules.config.allow_keys
        kept = tuple(key for key in keys if not _same(key, named))
        if len(kept) == len(keys):
            raise NotFound("nobody of that name is on the list")
        self._write(allow_keys=allow_entries(kept))
        self._changed()
        return DONE

    async def _paths_list(self, request: Request) -> Any:
        self._for_managers(request)
        return {"paths": [{"path": rule.path, "members": rule.members} for rule in self._rules.path_rules]}

    async def _paths_set(self, request: Request) -> Any:
        self._for_managers(request)
        chosen = [self._path_rule(entry) for entry in request.read(PathsSet).paths]
        if not chosen:
            raise InvalidMessage("name at least one folder")
        self._write(paths=path_entries(tuple(chosen)))
        return DONE

    def _path_rule(self, entry: PathEntry | str) -> PathRule:
        path = entry if isinstance(entry, str) else entry.path
        if not path.strip() or "\0" in path:
            raise InvalidMessage("a path is empty")
        (rule,) = merge_paths((), [path], self._rules.home)
        if not Path(rule.path).is_dir():
            raise NotFound(f"there is no folder {rule.path}")
        return PathRule(rule.path, () if isinstance(entry, str) else tuple(entry.members or ()))

    async def _add_member(self, request: Request) -> Any:
        return self._change_members(
            request, lambda members, email: members if email in members else (*members, email)
        )

    async def _remove_member(self, request: Request) -> Any:
        return self._change_members(
            request, lambda members, email: tuple(member for member in members if member != email)
        )

    def _change_members(
        self, request: Request, change: Callable[[tuple[str, ...], str], tuple[str, ...]]
    ) -> Any:
        self._for_managers(request)
        asked = request.read(MemberChange)
        email = asked.email.strip().lower()
        if not email:
            raise InvalidMessage("email is empty")
        rules = {rule.path: rule for rule in self._rules.config.paths}
        rule = rules.get(asked.path)
        if rule is None:
            raise NotFound("this path is not one of this wing's")
        members = tuple(member.lower() for member in rule.members)
        left = change(members, email)
        if members and not left:
            # A folder without members is open to everybody: not what taking the last one away should do.
            raise InvalidMessage("the last member cannot be taken away: remove the folder instead")
        rules[asked.path] = PathRule(rule.path, left)
        self._write(paths=path_entries(tuple(rules.values())))
        return DONE

    def _write(self, **values: Any) -> None:
        self._rules.file.change(**values)

    def _for_managers(self, request: Request) -> None:
        if not self._rules.access.manages(request.person):
            raise Forbidden(NOT_ALLOWED)


def _same(one: AllowKey, other: AllowKey) -> bool:
    """Whether both name the same person."""
    if one.user_id and other.user_id:
        return one.user_id == other.user_id
    if one.email and other.email:
        return one.email.casefold() == other.email.casefold()
    return bool(one.key) and one.key == other.key
