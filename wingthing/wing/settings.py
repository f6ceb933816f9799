"""Who may use this wing, asked and changed through the tunnel: `allow.*` and `paths.*`.

Reading and changing is for the owner and the admins of wing.yaml. Every change is written there at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from wingthing.crypto.passkeys import raw_public_key
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.wing import allow_list
from wingthing.wing.access import NOT_ALLOWED
from wingthing.wing.config import AllowKey, PathRule, allow_key, merge_paths, path_entries
from wingthing.wing.rules import Rules
from wingthing.wing.tunnel import Answerer, Request

DONE = {"ok": "true"}
CHANGES = frozenset({"allow.add", "allow.remove", "paths.set", "paths.add_member", "paths.remove_member"})
"""The requests that change something."""

PATHS_GIVEN = (
    "the folders of this machine are those that 'wt roost' was given with --paths: change them there, and "
    "start it again"
)


class AllowChange(msgspec.Struct):
    """`key` is base64 of the 64 raw bytes, or of the SPKI DER that browsers give. Web apps in the field name
    whom to remove by `allow_user_id`."""

    key: str = ""
    user_id: str = ""
    email: str = ""
    allow_user_id: str = ""

    def entry(self) -> AllowKey:
        """The same as an entry of the list."""
        return allow_key(
            {"key": self.key, "user_id": self.user_id or self.allow_user_id, "email": self.email}
        )


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
        added = request.read(AllowChange).entry()
        if added.key:
            raw_public_key(added.key)
        if not (added.user_id or added.email):
            added = AllowKey(added.key, request.person.user_id, request.person.email)
        self._change_allowed(lambda entries: allow_list.added(entries, added))
        return DONE

    async def _allow_remove(self, request: Request) -> Any:
        """Everybody who fits all that is named."""
        self._for_managers(request)
        named = request.read(AllowChange).entry()
        if not self._change_allowed(lambda entries: allow_list.without(entries, named)):
            raise NotFound("nobody of that name is on the list")
        return DONE

    def _change_allowed(self, change: Callable[[allow_list.Entries | None], allow_list.Entries]) -> bool:
        """Whether that has made a difference."""
        before = self._rules.config.allow_keys
        self._write(allow_keys=change)
        if self._rules.config.allow_keys == before:
            return False
        self._changed()
        return True

    async def _paths_list(self, request: Request) -> Any:
        self._for_managers(request)
        return {"paths": [{"path": rule.path, "members": rule.members} for rule in self._rules.path_rules]}

    async def _paths_set(self, request: Request) -> Any:
        self._for_managers(request)
        self._must_be_of_the_file()
        chosen = [self._path_rule(entry) for entry in request.read(PathsSet).paths]
        if not chosen:
            raise InvalidMessage("name at least one folder")
        self._write(paths=lambda before: path_entries(tuple(chosen), _listed(before)))
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
        self._must_be_of_the_file()
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
        self._write(paths=lambda before: path_entries(tuple(rules.values()), _listed(before)))
        return DONE

    def _must_be_of_the_file(self) -> None:
        if self._rules.paths_given:
            raise PeerError(PATHS_GIVEN, status=409)

    def _write(self, **values: Any) -> None:
        self._rules.file.change(**values)

    def _for_managers(self, request: Request) -> None:
        if not self._rules.access.manages(request.person):
            raise Forbidden(NOT_ALLOWED)


def _listed(paths: Any) -> list[Any]:
    """`paths` of the file, which may be one folder alone."""
    return paths if isinstance(paths, list) else []
