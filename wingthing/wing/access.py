"""Who may do what on this wing. Identities come from the node, which has established them."""

from __future__ import annotations

import msgspec

from wingthing.wing.config import AllowKey, PathRule, WingConfig
from wingthing.wire.email_address import comparable

NOT_ALLOWED = "not_allowed"
PASSKEY_REQUIRED = "passkey_required"
"""What a locked wing answers: protocol.md section 5."""


class Person(msgspec.Struct, frozen=True):
    """Somebody at a browser, as the node names them."""

    user_id: str = ""
    email: str = ""
    passkeys: tuple[str, ...] = ()
    """Public keys (base64 of 64 raw bytes) that the node says are theirs."""

    @property
    def name(self) -> str:
        """How a log calls them."""
        return self.email or self.user_id or "somebody without a name"


class Access:
    """The rules of one configuration. `owner` is the user id that this machine is logged in as."""

    def __init__(self, config: WingConfig, owner: str) -> None:
        self._config = config
        self._owner = owner

    def is_owner(self, person: Person) -> bool:
        """Whether it is the user that this machine is logged in as."""
        return person.user_id == self._owner

    def manages(self, person: Person) -> bool:
        """Whether they see every session and folder and may change who else does: owner and `admins`."""
        return self.is_owner(person) or _named(person, self._config.admins)

    # -- the lock --------------------------------------------------------------------------------------------

    def refusal(self, person: Person, key: str = "") -> str | None:
        """What a locked wing answers this person, who has shown the passkey `key`; None when they may go on.

        Who the person is, the node says. So the owner, too, has to show a passkey as soon as an entry of the
        list is theirs; without one the node's word is enough for the owner, and nobody else comes in at all.
        """
        if not self._config.locked:
            return None
        entries = self._entries(person)
        if not entries:
            return None if self.is_owner(person) else NOT_ALLOWED
        return None if key and any(entry.key == key for entry in entries) else PASSKEY_REQUIRED

    def has_pinned(self, person: Person) -> bool:
        """Whether the list says by which passkey this person is known."""
        return any(entry.key for entry in self._entries(person))

    def keys_of(self, person: Person) -> tuple[str, ...]:
        """The passkeys by which a person on the list may come in: those that the list names; only where it
        names none, those that the node says are theirs."""
        entries = self._entries(person)
        pinned = tuple(dict.fromkeys(entry.key for entry in entries if entry.key))
        return pinned or (person.passkeys if entries else ())

    def _entries(self, person: Person) -> list[AllowKey]:
        return [entry for entry in self._config.allow_keys if is_meant(entry, person)]

    # -- sessions and folders --------------------------------------------------------------------------------

    def controls(self, person: Person, session_owner: str) -> bool:
        """Whether they may type into or end a session of the user `session_owner` ("": of the owner)."""
        return person.user_id == (session_owner or self._owner) or self.is_owner(person)

    def sees(self, person: Person, session_owner: str) -> bool:
        """Whether they may know of a session and its recording."""
        return self.controls(person, session_owner) or self.manages(person)

    def open_to(self, person: Person, rules: tuple[PathRule, ...]) -> tuple[PathRule, ...]:
        """Those of the folder rules that are for this person."""
        if self.manages(person):
            return rules
        return tuple(rule for rule in rules if not rule.members or _named(person, rule.members))


def is_meant(entry: AllowKey, person: Person) -> bool:
    """Whether an entry of the list is this person's: by user id; where it has none, by address; where it has
    neither, by the key that is said to be theirs."""
    if entry.user_id:
        return entry.user_id == person.user_id
    if entry.email:
        return comparable(entry.email) == comparable(person.email)
    return bool(entry.key) and entry.key in person.passkeys


def _named(person: Person, names: tuple[str, ...]) -> bool:
    address = comparable(person.email) if person.email else ""
    return any(name == person.user_id or (address and comparable(name) == address) for name in names if name)
