"""Ties a node's relay to the fleet: what happens here is told to the others, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.logger import Logger

from wingthing.cluster.directory import Change, Directory
from wingthing.errors import Forbidden
from wingthing.relay.events import Announcer
from wingthing.relay.router import Router
from wingthing.wire.gossip import Attention, OrgChanged, Revoked
from wingthing.wire.messages import OrgChanged as OrgChangedEvent
from wingthing.wire.records import WingRecord


class Gossip(Protocol):
    """What is needed of either end of gossip."""

    def local_up(self, record: WingRecord, now: float) -> None: ...

    def local_down(self, wing_id: str, connection_id: str) -> None: ...

    def attention(self, wing_id: str, session_id: str) -> None: ...


class FleetNews:
    """Implements News: what others say that is not about where a wing is.

    `fresh(events)` answers those of some revocations that were not known here yet.
    """

    def __init__(
        self,
        directory: Directory,
        router: Router,
        fresh: Callable[[Iterable[Revoked]], Iterable[Revoked]],
    ) -> None:
        self._directory = directory
        self._router = router
        self._fresh = fresh
        self._announcer = Announcer(router.dashboards)

    def attention(self, event: Attention) -> None:
        known = self._directory.current(event.wing_id)
        if known is not None:
            self._announcer.attention(known.record, event.session_id)

    def revoked(self, events: Iterable[Revoked]) -> None:
        for event in self._fresh(events):
            self._router.revoke(event)

    def orgs_changed(self, event: OrgChanged) -> None:
        self._router.dashboards.publish(event.user_ids, OrgChangedEvent())


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
        self._announcer = Announcer(router.dashboards)
        directory.listeners.append(self._changed)
        router.events = self

    # -- WingEvents ------------------------------------------------------------------------------------------

    def admit(self, record: WingRecord) -> None:
        known = self._directory.current(record.wing_id)
        if known is not None and known.record.user_id != record.user_id:
            raise Forbidden("this wing_id is connected under another account")

    def online(self, record: WingRecord) -> None:
        self._gossip.local_up(record, self._seconds())

    def configured(self, record: WingRecord) -> None:
        self._gossip.local_up(record, self._seconds())

    def offline(self, record: WingRecord) -> None:
        self._gossip.local_down(record.wing_id, record.connection_id)

    def attention(self, record: WingRecord, session_id: str) -> None:
        self._announcer.attention(record, session_id)
        self._gossip.attention(record.wing_id, session_id)

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
        if before is not None and (after is None or after.record.user_id != before.record.user_id):
            self._announcer.offline(before.record)
        if after is None:
            return
        if before is not None and before.record.connection_id == after.record.connection_id:
            self._announcer.configured(after.record)
        else:
            self._announcer.online(after.record)
