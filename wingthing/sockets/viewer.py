"""`/ws/pty` and `/ws/relay`: the socket of a browser."""

from __future__ import annotations

from wingthing.relay import viewer_side
from wingthing.relay.peers import Identity, Viewer
from wingthing.sockets.base import RelaySocket


class ViewerSocket(RelaySocket):
    """Starts, attaches to and watches terminals, and sends requests through the tunnel."""

    kind = "browser"

    def __init__(self, identity: Identity, wing_id: str, features: frozenset[str]) -> None:
        super().__init__()
        self.viewer = Viewer(identity, self, wing_id, features)

    def opened(self) -> None:
        self.factory.router.viewer_connected(self.viewer)

    def handle(self, message: bytes) -> None:
        viewer_side.receive(self.factory.router, self.viewer, message)

    def ended(self) -> None:
        self.factory.router.viewer_gone(self.viewer)
