"""`/ws/app`: events to a logged-in browser."""

from __future__ import annotations

from wingthing.relay.peers import Identity
from wingthing.sockets.base import RelaySocket


class DashboardSocket(RelaySocket):
    """Only sends. What the browser says is not read (protocol.md section 2)."""

    kind = "dashboard"

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity

    def opened(self) -> None:
        self.factory.router.dashboard_connected(self.identity, self)

    def ended(self) -> None:
        self.factory.router.dashboard_gone(self.identity, self)
