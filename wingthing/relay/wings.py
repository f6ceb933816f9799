"""The wings of this node: one entry a machine id, with the connection that speaks for it now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from wingthing.errors import Forbidden
from wingthing.relay.access import as_it_is, may_reach
from wingthing.relay.calls import last_of, program_of
from wingthing.relay.orgs import Roster
from wingthing.relay.peers import Viewer, WingLink
from wingthing.relay.routes import Terminal
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER
from wingthing.wire.records import WingRecord


@attrs.define(eq=False)
class Wing:
    """A machine, its connection if it has one, and what browsers have open on it."""

    record: WingRecord
    link: WingLink | None
    terminals: dict[str, Terminal] = attrs.field(factory=dict)
    """session_id -> route. A route outlives a lost connection: the terminal itself goes on."""

    pending: dict[str, Viewer] = attrs.field(factory=dict)
    """request_id -> the browser that waits for the answer."""

    held: set[Viewer] = attrs.field(factory=set)
    """Browsers that are not read until this wing's outbox has room again."""

    programs: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    """session_id -> program and folder, as far as they have passed here: for what is said of its end."""

    episodes: dict[str, str] = attrs.field(factory=dict)
    """session_id -> nonce of the last attention that was announced; oldest first."""

    def started(self, session_id: str, agent: str, cwd: str) -> None:
        """A terminal is begun, or says what it is."""
        self.programs[session_id] = (program_of(agent), last_of(cwd))
        if len(self.programs) > MAX_SESSIONS_PER_VIEWER:
            del self.programs[next(iter(self.programs))]


class Wings:
    """The registry. All methods are synchronous and none sends anything."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._by_id: dict[str, Wing] = {}
        self._superseded: set[str] = set()
        """Wings that are connected to a newer place elsewhere; they cannot be reached here."""

    def __len__(self) -> int:
        return sum(1 for _ in self.online())

    def online(self) -> Iterator[Wing]:
        """The wings that are connected here now, and nowhere newer."""
        return (
            wing
            for wing_id, wing in self._by_id.items()
            if wing.link is not None and wing_id not in self._superseded
        )

    def supersede(self, wing_id: str) -> None:
        """The wing's connection here, if there is one, is the wing no longer."""
        wing = self._by_id.get(wing_id)
        if wing is not None and wing.link is not None:
            self._superseded.add(wing_id)

    def restore(self, wing_id: str) -> None:
        """It is the wing again."""
        self._superseded.discard(wing_id)

    def reachable(self, user_id: str) -> list[WingRecord]:
        """The records of the online wings that a user may reach."""
        found = (wing.record for wing in self.online() if may_reach(self._roster, user_id, wing.record))
        return [as_it_is(self._roster, record) for record in found]

    def of_org(self, org_id: str) -> list[WingRecord]:
        """The records of the online wings that have registered for an organisation."""
        return [wing.record for wing in self.online() if wing.record.org_id == org_id]

    def current(self, wing_id: str) -> WingRecord | None:
        """The record of a wing that is online here, whoever may reach it."""
        wing = self._by_id.get(wing_id)
        online = wing is not None and wing.link is not None and wing_id not in self._superseded
        return wing.record if wing is not None and online else None

    def machine_of(self, wing_id: str) -> str:
        """Empty: this node knows of no other machine."""
        return ""

    def find(self, wing_id: str, user_id: str) -> Wing | None:
        """The online wing of that id if the user may reach it."""
        wing = self._by_id.get(wing_id)
        if wing is None or wing.link is None or wing_id in self._superseded:
            return None
        return wing if may_reach(self._roster, user_id, wing.record) else None

    def only(self, user_id: str) -> Wing | None:
        """The online wing that a user may reach, if it is exactly one."""
        found = [wing for wing in self.online() if may_reach(self._roster, user_id, wing.record)]
        return found[0] if len(found) == 1 else None

    def with_terminal(self, session_id: str, user_id: str) -> Wing | None:
        """The online wing on which a browser has that terminal open, if the user may reach it."""
        for wing in self.online():
            if session_id in wing.terminals and may_reach(self._roster, user_id, wing.record):
                return wing
        return None

    def register(
        self, link: WingLink, record: WingRecord, abandon: Callable[[Wing], None]
    ) -> tuple[Wing, WingLink | None]:
        """Make `link` the connection of its wing.

        Answers the wing and the connection that spoke for it until now, if any. Routes carry over from one
        connection of the same owner to the next; an offline entry of another owner is `abandon`ed.

        Raises Forbidden when the id is connected under another account: whoever learns a machine id must
        not be able to take its place.
        """
        wing = self._by_id.get(record.wing_id)
        if wing is not None and wing.record.user_id != record.user_id:
            if wing.link is not None:
                raise Forbidden("this wing_id is connected under another account")
            abandon(wing)
            wing = None
        if wing is None:
            wing = self._by_id[record.wing_id] = Wing(record, None)
        self._superseded.discard(record.wing_id)
        replaced, wing.link, wing.record = wing.link, link, record
        link.wing = wing
        return wing, replaced

    def release(self, link: WingLink) -> Wing | None:
        """Forget a connection that has ended. Answers the wing if that took it offline."""
        wing = link.wing
        if wing is None or wing.link is not link:
            return None
        wing.link = None
        self._superseded.discard(wing.record.wing_id)
        return wing

    def forget_if_idle(self, wing: Wing) -> None:
        """Drop the entry of an offline wing on which nobody has anything open."""
        if wing.link is None and not wing.terminals and self._by_id.get(wing.record.wing_id) is wing:
            del self._by_id[wing.record.wing_id]
