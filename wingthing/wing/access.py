"""Who may do what on this wing. Identities come from the node, which has established them."""

from __future__ import annotations

import msgspec

from wingthing.wing.config import PathRule, WingConfig

NOT_ALLOWED = "not_allowed"
PASSKEY_REQUIRED = "passkey_required"
"""What a locked wing answers: protocol.md section 5."""


class Person(msgspec.Struct, frozen=True):
    """Somebody at a browser, as the node names them."""

    user_id: str = ""
    email: str = ""


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

    def refusal(self, person: Person) -> str | None:
        """What a locked wing answers this person; None when they may go on."""
        if not self._config.locked or self.is_owner(person):
            return None
        for allowed in self._config.allow_keys:
            if allowed.user_id and allowed.user_id == person.user_id:
                return PASSKEY_REQUIRED
            if allowed.email and allowed.email.casefold() == person.email.casefold():
                return PASSKEY_REQUIRED
        return NOT_ALLOWED

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


def _named(person: Person, names: tuple[str, ...]) -> bool:
    known = {name.casefold() for name in (person.user_id, person.email) if name}
    return any(name.casefold() in known for name in names)
