"""Who has used up the cap of the free plan, as far as this node knows. State and arithmetic alone.

What a user has been sent this month is what login has written down, by the last poll, and what this node has
sent since; neither is ever more than the truth. Nothing is looked at per message: each connection is told
after how many bytes it has to ring, and who has rung is looked at in the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

import attrs

from wingthing.errors import CapReached
from wingthing.relay.meter import Meter
from wingthing.relay.peers import NEVER, Viewer
from wingthing.wire.limits import CAP_LOOK_BYTES, CAP_STEPS
from wingthing.wire.plans import cap_reached, notice_at


@attrs.define
class Changes:
    """What has come out: users that are to be told that most is used, users that are to be cut off, and
    connections that were cut off and may go on."""

    noticed: list[str] = attrs.field(factory=list)
    cut: list[str] = attrs.field(factory=list)
    freed: list[Viewer] = attrs.field(factory=list)


class Allowance:
    """Until `update` has named a cap, there is none.

    `wake()` is called when there is something for `look` to do; not from within the relay's own work.
    """

    def __init__(self, meter: Meter) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.cap: int | None = None
        self.month = ""
        self._meter = meter
        self._pro: Set[str] = frozenset()
        self._known: dict[str, tuple[int, int]] = {}
        """User -> what they had been sent this month when this node's total was the second number."""

        self._before: dict[str, int] = {}
        """User -> this node's total when the month began."""

        self._noticed: set[str] = set()
        self._over: set[str] = set()
        self._barred: dict[str, set[Viewer]] = {}
        """Connections that were cut off, or refused, and have not been told that they may go on."""

        self._rung: set[str] = set()
        self._heard = False

    @property
    def over(self) -> int:
        """How many users have used up the cap, as far as this node knows."""
        return len(self._over)

    def used(self, user_id: str) -> int:
        """What a user has been sent this month, at least."""
        total = self._meter.usage_bytes(user_id)
        known = self._known.get(user_id)
        return total - self._before.get(user_id, 0) if known is None else known[0] + total - known[1]

    # -- connections -----------------------------------------------------------------------------------------

    def opened(self, viewer: Viewer) -> None:
        """A browser's connection begins to count."""
        viewer.alarm = self._ring
        if self.cap is not None:
            self._arm(viewer.identity.user_id)

    def closed(self, viewer: Viewer) -> None:
        """It has ended."""
        viewer.alarm_at = NEVER
        barred = self._barred.get(viewer.identity.user_id)
        if barred is not None:
            barred.discard(viewer)
            if not barred:
                del self._barred[viewer.identity.user_id]

    def admit(self, viewer: Viewer) -> None:
        """A browser wants to open something. Raises CapReached when its user has used up the cap."""
        if viewer.identity.user_id in self._over:
            self.bar(viewer)
            raise CapReached(self.sentence)

    def bar(self, viewer: Viewer) -> None:
        """Remember that a connection has been cut off."""
        self._barred.setdefault(viewer.identity.user_id, set()).add(viewer)

    @property
    def sentence(self) -> str:
        """What somebody reads who has used up the cap."""
        return cap_reached(self.cap or 0, self.month)

    # -- what is new -----------------------------------------------------------------------------------------

    def update(self, month: str, cap: int | None, pro: Set[str], used: Mapping[str, int]) -> Changes:
        """What login says: the cap in bytes, who is on the pro plan, and what users have been sent in
        `month`, at the least, by now.

        Nobody is told of something that was so when this node began.
        """
        changes = self.begin_month(month)
        first, self._heard = not self._heard, True
        self.cap, self._pro = cap, pro
        if month == self.month:
            for user_id, said in used.items():
                if said > self.used(user_id):
                    self._known[user_id] = (said, self._meter.usage_bytes(user_id))
        for user_id in {*used, *self._over, *self._meter.open_users()}:
            self._review(user_id, changes)
        if first:
            changes.noticed.clear()
        return changes

    def begin_month(self, month: str) -> Changes:
        """Another month: everybody begins anew. Nothing happens when it is not later than the one known."""
        changes = Changes()
        if month <= self.month:
            return changes
        began, self.month = self.month, month
        self._known.clear()
        self._noticed.clear()
        # The totals of a node that has just started are of this month.
        self._before = dict(self._meter.totals()) if began else {}
        for user_id in {*self._over, *self._meter.open_users()}:
            self._review(user_id, changes)
        return changes

    def look(self) -> Changes:
        """Look at everybody who has rung."""
        changes = Changes()
        rung, self._rung = self._rung, set()
        for user_id in rung:
            self._review(user_id, changes)
        return changes

    def _review(self, user_id: str, changes: Changes) -> None:
        cap = self._cap_of(user_id)
        used = self.used(user_id)
        if cap is not None and used >= cap:
            if user_id not in self._over:
                self._over.add(user_id)
                self._noticed.add(user_id)
                changes.cut.append(user_id)
        else:
            if user_id in self._over:
                self._over.discard(user_id)
                changes.freed += self._barred.pop(user_id, ())
            if cap is not None and used >= notice_at(cap) and user_id not in self._noticed:
                self._noticed.add(user_id)
                changes.noticed.append(user_id)
        self._arm(user_id)

    def _cap_of(self, user_id: str) -> int | None:
        return None if user_id in self._pro else self.cap

    # -- alarms ----------------------------------------------------------------------------------------------

    def _arm(self, user_id: str) -> None:
        """Have each connection of a user ring after its share of what is left."""
        viewers = self._meter.viewers(user_id)
        cap = self._cap_of(user_id)
        if cap is None or user_id in self._over:
            for viewer in viewers:
                viewer.alarm_at = NEVER
            return
        if not viewers:
            return
        next_at = cap if user_id in self._noticed else notice_at(cap)
        least = max(1, min(CAP_LOOK_BYTES, cap // CAP_STEPS))
        share = max(least, (next_at - self.used(user_id)) // len(viewers))
        for viewer in viewers:
            viewer.alarm_at = viewer.bytes_sent + share

    def _ring(self, viewer: Viewer) -> None:
        viewer.alarm_at = NEVER
        if not self._rung:
            self.wake()
        self._rung.add(viewer.identity.user_id)
