"""Ties a node's relay to the fleet: what happens here is told to the others, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.logger import Logger

from wingthing.cluster.directory import Change, Directory
from wingthing.errors import Forbidden
from wingthing.relay.calls import ATTENTION, Call
from wingthing.relay.events import Announcer
from wingthing.relay.orgs import RosterChange
from wingthing.relay.rates import Limiter, Rate
from wingthing.relay.router import Router
from wingthing.wire.account_limits import EXITS_PER_WING
from wingthing.wire.gossip import Attention, OrgChanged, PasskeysChanged, Revoked
from wingthing.wire.node_messages import OrgChanged as OrgChangedEvent
from wingthing.wire.records import WingRecord


class Gossip(Protocol):
    """What is needed of either end of gossip."""

    def local_up(self, record: WingRecord, now: float) -> None: ...

    def local_down(self, wing_id: str, connection_id: str) -> None: ...

    def attention(self, wing_id: str, call: Call) -> None: ...


class FleetNews:
    """Implements News: what others say that is not about where a wing is.

    `fresh(events)` answers those of some revocations that were not known here yet. `org_said(org_id)` hears
    of each organisation that is said to have changed, with an empty id when it is not said how;
    `passkeys_said(event)` of each user who has other passkeys.
    """

    def __init__(
        self,
        directory: Directory,
        router: Router,
        fresh: Callable[[Iterable[Revoked]], Iterable[Revoked]],
        org_said: Callable[[str], None] = lambda org_id: None,
        passkeys_said: Callable[[PasskeysChanged], None] = lambda event: None,
    ) -> None:
        self._directory = directory
        self._router = router
        self._fresh = fresh
        self._org_said = org_said
        self._passkeys_said = passkeys_said
        self._announcer = announcer(directory, router)

    def attention(self, event: Attention) -> None:
        known = self._directory.current(event.wing_id)
        if known is not None:
            call = Call(event.session_id, event.kind, event.agent, event.cwd, event.nonce, event.controller)
            self._announcer.attention(known.record, call)
            self._router.heard(known.record, call)

    def revoked(self, events: Iterable[Revoked]) -> None:
        for event in self._fresh(events):
            self._router.revoke(event)

    def orgs_changed(self, event: OrgChanged) -> None:
        if event.passkeys is not None:
            self._passkeys_said(event.passkeys)
            self._router.passkeys_changed(event.passkeys)
            return
        roster = self._router.roster
        self._org_said(event.org_id)
        heard: frozenset[str] = frozenset()
        if event.org_id:
            heard = roster.put(event.org) if event.org is not None else roster.drop(event.org_id)
        self._router.dashboards.publish(
            [user_id for user_id in event.user_ids if user_id not in heard], OrgChangedEvent()
        )


class Membership:
    """Implements WingEvents for a node of a fleet, and follows the directory.

    Dashboards hear of a wing when the directory changes, wherever that wing is: once, on every node.
    """

    log = Logger()

    def __init__(
        self,
        machine: str,
        directory: Directory,
        gossip: Gossip,
        router: Router,
        seconds: Callable[[], float],
    ) -> None:
        self._machine = machine
        self._directory = directory
        self._gossip = gossip
        self._router = router
        self._seconds = seconds
        self._exits = Limiter(seconds, Rate(EXITS_PER_WING, 60.0))
        self._announcer = announcer(directory, router)
        directory.listeners.append(self._changed)
        router.events = self

    # -- WingEvents ------------------------------------------------------------------------------------------

    def admit(self, record: WingRecord) -> None:
        known = self._directory.current(record.wing_id)
        if known is not None and known.record.user_id != record.user_id:
            raise Forbidden("this wing_id is connected under another account")

    def online(self, record: WingRecord, before: WingRecord | None = None) -> None:
        self._gossip.local_up(record, self._seconds())

    def configured(self, record: WingRecord) -> None:
        self._gossip.local_up(record, self._seconds())

    def offline(self, record: WingRecord) -> None:
        self._gossip.local_down(record.wing_id, record.connection_id)

    def attention(self, record: WingRecord, call: Call) -> None:
        self._announcer.attention(record, call)
        if call.kind == ATTENTION or self._exits.take(record.wing_id):
            self._gossip.attention(record.wing_id, call)

    def org_changed(self, change: RosterChange) -> None:
        self._announcer.org_changed(change)

    # -- the directory ---------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        before, after = change.before, change.after
        if after is not None and after.machine == self._machine:
            if before is not None and before.machine != self._machine:
                self.log.info(
                    "wing {wing_id} has moved here from {before}",
                    wing_id=change.wing_id,
                    before=before.machine,
                )
            self._router.moved_back(change.wing_id)
        elif after is not None:
            self._router.moved_away(change.wing_id)
        if after is None:
            if before is not None:
                self._announcer.offline(before.record)
        elif before is not None and before.record.connection_id == after.record.connection_id:
            self._announcer.configured(after.record)
        else:
            self._announcer.online(after.record, before.record if before is not None else None)


def announcer(directory: Directory, router: Router) -> Announcer:
    """Tells the dashboards here what happens to wings anywhere."""
    return Announcer(
        router.dashboards,
        router.roster,
        lambda org_id: [entry.record for entry in directory.of_org(org_id)],
    )
