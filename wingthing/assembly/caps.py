"""The cap and the rate at work on one node: what login says of them, what has rung, and the calendar."""

from __future__ import annotations

from collections.abc import Mapping, Set

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from wingthing.relay import caps
from wingthing.relay.allowance import Changes
from wingthing.relay.router import Router
from wingthing.sockets.pace import Paces
from wingthing.wire.internal import Entitlements, Terms, Tier
from wingthing.wire.plans import month_end, month_of


class CapWatch(Service):
    """Until it has heard of any, there is no cap and no rate."""

    log = Logger()

    def __init__(self, clock: IReactorTime, router: Router, paces: Paces) -> None:
        self._clock = clock
        self._router = router
        self._paces = paces
        self._look: IDelayedCall | None = None
        self._midnight: IDelayedCall | None = None
        router.allowance.wake = self._look_soon

    def startService(self) -> None:
        super().startService()
        self._begin_month()

    def stopService(self) -> None:
        super().stopService()
        for due in (self._look, self._midnight):
            if due is not None and due.active():
                due.cancel()

    def heard(self, told: Entitlements) -> None:
        """A poll of login has brought something new."""
        pro = {user.user_id for user in told.users if user.tier is Tier.PRO}
        used = {user.user_id: user.used_bytes for user in told.users if user.used_bytes}
        self.update(told.terms, told.month, pro, used)

    def update(self, terms: Terms, month: str, pro: Set[str], used: Mapping[str, int]) -> None:
        """What holds, who is on the pro plan, and what the others have been sent in `month` at the least."""
        self._paces.set_rate(terms.rate_bits)
        allowance = self._router.allowance
        self._apply(allowance.update(month or allowance.month, terms.cap_bytes, pro, used))

    def _look_soon(self) -> None:
        # The relay is in the midst of handing out messages: routes must not change under it.
        if self.running and self._look is None:
            self._look = self._clock.callLater(0, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        self._apply(self._router.allowance.look())

    def _begin_month(self) -> None:
        now = self._clock.seconds()
        month = month_of(now)
        self._midnight = self._clock.callLater(max(0.0, month_end(month) - now), self._begin_month)
        self._apply(self._router.allowance.begin_month(month))

    def _apply(self, changes: Changes) -> None:
        for user_id in changes.cut:
            self.log.info("{user} has used up the cap of the free plan", user=user_id)
        caps.apply(self._router, changes)
