"""Who belongs to which organisation: in memory on every node, so that access is decided without a question.

A node with the database fills it from there, the others from what login tells them. Whatever changes, changes
at once for all that is open: see `Router`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import attrs

from wingthing.wire.records import OrgRecord

OWNER, ADMIN, MEMBER = "owner", "admin", "member"
"""What somebody can be in an organisation (protocol.md section 4, `org_role`)."""

ROLES = (OWNER, ADMIN, MEMBER)


@attrs.frozen
class RosterChange:
    """An organisation as it was, and as it is; None where it is not there."""

    org_id: str
    before: OrgRecord | None
    after: OrgRecord | None

    @property
    def users(self) -> frozenset[str]:
        """Everybody who was or is in it."""
        return members_of(self.before) | members_of(self.after)


Listener = Callable[[RosterChange], None]


class Roster:
    """The organisations. `listeners` hear of each change, after it has been made."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.complete = False
        """Whether every organisation has been told of once: what is missing then does not exist."""

        self._orgs: dict[str, OrgRecord] = {}
        self._by_slug: dict[str, str] = {}
        self._by_user: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._orgs)

    def __iter__(self) -> Iterator[OrgRecord]:
        """All of them, by id, so that the same roster always reads the same."""
        return iter([self._orgs[org_id] for org_id in sorted(self._orgs)])

    def get(self, org_id: str) -> OrgRecord | None:
        """An organisation by its id; None when there is none."""
        return self._orgs.get(org_id)

    def role(self, user_id: str, org_id: str) -> str:
        """What a user is in an organisation; empty for nothing."""
        org = self._orgs.get(org_id)
        return org.members.get(user_id, "") if org is not None else ""

    def find(self, slug_or_id: str) -> str | None:
        """The id of an organisation, by its id or its slug. An id has a character that no slug has."""
        return slug_or_id if slug_or_id in self._orgs else self._by_slug.get(slug_or_id)

    def members(self, org_id: str) -> Collection[str]:
        """The users in an organisation."""
        return members_of(self._orgs.get(org_id))

    def of_user(self, user_id: str) -> list[str]:
        """The ids of the organisations that a user is in."""
        return list(self._by_user.get(user_id, ()))

    def put(self, org: OrgRecord) -> frozenset[str]:
        """An organisation is as `org` says. Answers whom that concerns; nobody when nothing is new."""
        return self._settle(org.id, org)

    def drop(self, org_id: str) -> frozenset[str]:
        """An organisation is not there any more. Answers whom that concerns."""
        return self._settle(org_id, None)

    def take(self, orgs: Iterable[OrgRecord], but: Collection[str] = ()) -> None:
        """These are all that there are; nothing is said of those with the ids `but`."""
        said = {org.id: org for org in orgs}
        self.complete = True
        for org_id in [org_id for org_id in self._orgs if org_id not in said and org_id not in but]:
            self.drop(org_id)
        for org_id, org in said.items():
            if org_id not in but:
                self.put(org)

    def _settle(self, org_id: str, after: OrgRecord | None) -> frozenset[str]:
        before = self._orgs.get(org_id)
        if before == after:
            return frozenset()
        if before is not None:
            self._forget(before)
        if after is not None:
            self._orgs[org_id] = after
            self._by_slug[after.slug] = org_id
            for user_id in after.members:
                self._by_user.setdefault(user_id, {})[org_id] = None
        change = RosterChange(org_id, before, after)
        for listener in self.listeners:
            listener(change)
        return change.users

    def _forget(self, org: OrgRecord) -> None:
        del self._orgs[org.id]
        if self._by_slug.get(org.slug) == org.id:
            del self._by_slug[org.slug]
        for user_id in org.members:
            own = self._by_user[user_id]
            del own[org.id]
            if not own:
                del self._by_user[user_id]


def members_of(org: OrgRecord | None) -> frozenset[str]:
    """The users in an organisation that may not be there."""
    return frozenset(org.members) if org is not None else frozenset()
