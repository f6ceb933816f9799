"""wing id -> where it is connected: the whole of it on login, a copy on each edge.

A wing may have connections on two nodes for a moment: it has moved, and the node that it left has not
noticed yet. Neither is forgotten while it lasts, so that the end of the newer one leaves the older. Nothing
here does I/O, and no clock is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

import attrs

from wingthing.relay.access import may_reach
from wingthing.relay.orgs import Roster
from wingthing.wire.gossip import WingUp
from wingthing.wire.records import WingRecord


@attrs.frozen
class Change:
    """What `current` answered for a wing, and what it answers now; None for offline."""

    wing_id: str
    before: WingUp | None
    after: WingUp | None


Listener = Callable[[Change], None]


class Directory:
    """The current place of each wing, with indexes by owner and by organisation. `listeners` hear of each
    change."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._current: dict[str, WingUp] = {}
        self._by_user: dict[str, dict[str, None]] = {}
        self._by_org: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[WingUp]:
        return iter(self._current.values())

    def current(self, wing_id: str) -> WingUp | None:
        """Where the wing is; None when it is nowhere."""
        return self._current.get(wing_id)

    def of_user(self, user_id: str) -> list[WingUp]:
        """The wings of an owner."""
        return [self._current[wing_id] for wing_id in self._by_user.get(user_id, ())]

    def of_org(self, org_id: str) -> list[WingUp]:
        """The wings that have registered for an organisation, whether or not their owner is in it."""
        return [self._current[wing_id] for wing_id in self._by_org.get(org_id, ())]

    def reachable(self, roster: Roster, user_id: str) -> list[WingUp]:
        """The wings that a user may reach: their own, and those of their organisations."""
        others = [entry for org_id in roster.of_user(user_id) for entry in self.of_org(org_id)]
        shared = (
            entry
            for entry in others
            if entry.record.user_id != user_id and may_reach(roster, user_id, entry.record)
        )
        return [*self.of_user(user_id), *shared]

    def next_version(self, wing_id: str) -> int:
        """The version of a connection that is made now."""
        known = self._current.get(wing_id)
        return 1 if known is None else known.version + 1

    def _settle(self, wing_id: str, after: WingUp | None) -> None:
        before = self._current.get(wing_id)
        if before == after:
            return
        if before is not None:
            _unlist(self._by_user, before.record.user_id, wing_id)
            if before.record.org_id:
                _unlist(self._by_org, before.record.org_id, wing_id)
        if after is None:
            del self._current[wing_id]
        else:
            self._current[wing_id] = after
            self._by_user.setdefault(after.record.user_id, {})[wing_id] = None
            if after.record.org_id:
                self._by_org.setdefault(after.record.org_id, {})[wing_id] = None
        change = Change(wing_id, before, after)
        for listener in self.listeners:
            listener(change)


def _unlist(index: dict[str, dict[str, None]], key: str, wing_id: str) -> None:
    listed = index[key]
    del listed[wing_id]
    if not listed:
        del index[key]


class LoginDirectory(Directory):
    """Login's: every connection on every machine, one per wing and machine."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, dict[str, WingUp]] = {}
        self._by_machine: dict[str, set[str]] = {}

    def at(self, machine: str, wing_id: str) -> WingUp | None:
        """The wing's connection on that machine, superseded or not."""
        return self._places.get(wing_id, {}).get(machine)

    def machine_wings(self, machine: str) -> int:
        """How many wings are connected there, superseded ones included."""
        return len(self._by_machine.get(machine, ()))

    def up(self, entry: WingUp) -> None:
        """A wing is connected to a machine; it replaces what that machine had said of this wing."""
        wing_id = entry.record.wing_id
        places = self._places.setdefault(wing_id, {})
        known = places.get(entry.machine)
        if known is not None and known.record.connection_id == entry.record.connection_id:
            # When it was made is an estimate that differs from round to round; the first is kept.
            entry = WingUp(
                record=entry.record, machine=entry.machine, version=entry.version, since=known.since
            )
        places[entry.machine] = entry
        self._by_machine.setdefault(entry.machine, set()).add(wing_id)
        self._settle(wing_id, newest(places.values()))

    def down(self, machine: str, wing_id: str, connection_id: str) -> None:
        """A machine says that a connection has ended; it can only say so of its own."""
        known = self._places.get(wing_id, {}).get(machine)
        if known is not None and known.record.connection_id == connection_id:
            self._forget(machine, wing_id)

    def keep(self, machine: str, wing_ids: Set[str]) -> None:
        """Of the connections of a machine there are those of these wings, and no others any more."""
        for wing_id in self._by_machine.get(machine, set()) - wing_ids:
            self._forget(machine, wing_id)

    def drop_machine(self, machine: str) -> None:
        """Nothing of that machine is there any more."""
        self.keep(machine, frozenset())

    def _forget(self, machine: str, wing_id: str) -> None:
        places = self._places[wing_id]
        del places[machine]
        wings = self._by_machine[machine]
        wings.discard(wing_id)
        if not wings:
            del self._by_machine[machine]
        if not places:
            del self._places[wing_id]
        self._settle(wing_id, newest(places.values()))


class EdgeDirectory(Directory):
    """An edge's: its own connections, which it knows best, and login's word on everything else."""

    def __init__(self, machine: str) -> None:
        super().__init__()
        self.machine = machine
        self._local: dict[str, WingUp] = {}
        self._remote: dict[str, WingUp] = {}

    def local(self) -> list[WingUp]:
        """The connections of this machine."""
        return list(self._local.values())

    def local_up(self, record: WingRecord, now: float) -> WingUp:
        """A wing has registered here, or its record has changed. Answers the entry to tell login."""
        known = self._local.get(record.wing_id)
        same = known is not None and known.record.connection_id == record.connection_id
        entry = WingUp(
            record=record,
            machine=self.machine,
            version=known.version if same and known else self.next_version(record.wing_id),
            since=known.since if same and known else now,
        )
        self._local[record.wing_id] = entry
        self._resolve(record.wing_id)
        return entry

    def local_down(self, wing_id: str, connection_id: str) -> bool:
        """A connection of this machine has ended; whether it was the wing's latest here."""
        known = self._local.get(wing_id)
        if known is None or known.record.connection_id != connection_id:
            return False
        del self._local[wing_id]
        self._resolve(wing_id)
        return True

    def remote_up(self, entry: WingUp) -> None:
        """Login says where a wing is. Its word that the wing is here ends what it said before."""
        wing_id = entry.record.wing_id
        if entry.machine == self.machine:
            self._remote.pop(wing_id, None)
        else:
            self._remote[wing_id] = entry
        self._resolve(wing_id)

    def remote_down(self, wing_id: str, connection_id: str) -> None:
        """Login says that a connection has ended."""
        known = self._remote.get(wing_id)
        if known is not None and known.record.connection_id == connection_id:
            del self._remote[wing_id]
            self._resolve(wing_id)

    def keep_remote(self, wing_ids: Set[str]) -> None:
        """Login knows these wings, and no others any more."""
        for wing_id in self._remote.keys() - wing_ids:
            del self._remote[wing_id]
            self._resolve(wing_id)

    def _resolve(self, wing_id: str) -> None:
        local, remote = self._local.get(wing_id), self._remote.get(wing_id)
        if local is not None and remote is not None:
            # Of equal versions, and of two owners, neither node knew of the other: login, which knows both,
            # decides.
            newer = local.version > remote.version and local.record.user_id == remote.record.user_id
            self._settle(wing_id, local if newer else remote)
        else:
            self._settle(wing_id, local or remote)


def newest(places: Iterable[WingUp]) -> WingUp | None:
    """Which of a wing's connections is the wing. None of none.

    The newest, among those of one owner: who connects under another's wing id while that one is there does
    not take its place.
    """
    found = list(places)
    if len(found) < 2:
        return found[0] if found else None
    owner = min(found, key=lambda entry: entry.since).record.user_id
    own = (entry for entry in found if entry.record.user_id == owner)
    return max(own, key=lambda entry: (entry.version, entry.since, entry.record.connection_id))
