"""Changes of `allow_keys` in wing.yaml: each takes the list as it is in the file (None when there is none)
and gives it as it is to be. What an entry says besides `key`, `user_id` and `email` is kept."""

from __future__ import annotations

from typing import Any

import msgspec

from wingthing.wing.access import Person, is_meant
from wingthing.wing.config import AllowKey, allow_key
from wingthing.wire.email_address import comparable

Entries = list[dict[str, Any]]


def added(entries: Entries | None, wanted: AllowKey) -> Entries:
    """With somebody more on it. A person may be there several times, once for each passkey; an entry that
    does not say by which passkey they are known gets the one that is given."""
    known = list(entries or ())
    theirs = [number for number, entry in enumerate(known) if _same_person(allow_key(entry), wanted)]
    keys = {allow_key(known[number]).key for number in theirs}
    if wanted.key in keys or (theirs and not wanted.key):
        return known
    for number in theirs:
        if not allow_key(known[number]).key:
            known[number] = known[number] | {"key": wanted.key}
            return known
    return [*known, {name: value for name, value in msgspec.to_builtins(wanted).items() if value}]


def without(entries: Entries | None, named: AllowKey) -> Entries:
    """Without the entries that fit all that is named."""
    return [entry for entry in entries or () if not _fits(allow_key(entry), named)]


def pinned(entries: Entries | None, person: Person, key: str) -> Entries:
    """With `key` as the passkey of the person, in the first entry of theirs, which from then on is for their
    user id alone: a node could give it to the address of somebody else."""
    known = list(entries or ())
    for number, entry in enumerate(known):
        if is_meant(allow_key(entry), person):
            known[number] = entry | {"key": key, "user_id": person.user_id}
            break
    return known


def _same_person(one: AllowKey, other: AllowKey) -> bool:
    if one.user_id and other.user_id:
        return one.user_id == other.user_id
    if one.email and other.email:
        return comparable(one.email) == comparable(other.email)
    return not any((one.user_id, one.email, other.user_id, other.email)) and one.key == other.key


def _fits(entry: AllowKey, named: AllowKey) -> bool:
    if not any((named.key, named.user_id, named.email)):
        return False
    return (
        named.key in ("", entry.key)
        and named.user_id in ("", entry.user_id)
        and (not named.email or comparable(named.email) == comparable(entry.email))
    )
