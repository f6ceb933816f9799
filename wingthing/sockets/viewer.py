"""`/ws/pty` and `/ws/relay`: the socket of a browser."""

from __future__ import annotations

from wingthing.relay import viewer_side
from wingthing.relay.peers import Identity, Viewer
from wingthing.sockets.base import RelaySocket
from wingthing.sockets.pace import Lanes


class ViewerSocket(RelaySocket):
    """Starts, attaches to and watches terminals, and sends requests through the tunnel."""

    kind = "browser"

    def __init__(self, identity: Identity, wing_id: str, features: frozenset[str]) -> None:
        super().__init__()
        self.viewer = Viewer(identity, self, wing_id, features)
        self._lanes: Lanes | None = None
        self._too_fast = False
        """It has sent more than the rate allows, and waits for its lane to be read again."""

        self._held = False
        """The relay wants it not to be read."""

    def opened(self) -> None:
        self.factory.router.viewer_connected(self.viewer)
        self.factory.paces.opened(self.viewer.identity.user_id, self)

    def handle(self, message: bytes) -> None:
        if self._lanes is not None and not self._lanes.back.charge(len(message)):
            self._slow_down(self._lanes, len(message))
        viewer_side.receive(self.factory.router, self.viewer, message)

    def handle_run(self, messages: list[bytes], at: int) -> int:
        taken = viewer_side.pass_on(self.factory.router, self.viewer, messages, at)
        if self._lanes is not None:
            for message in messages[at : at + taken]:
                if not self._lanes.back.charge(len(message)):
                    self._slow_down(self._lanes, len(message))
        return taken

    def ended(self) -> None:
        self.set_lanes(None)
        self.factory.paces.closed(self.viewer.identity.user_id, self)
        self.factory.router.viewer_gone(self.viewer)

    # -- the rate --------------------------------------------------------------------------------------------

    def set_lanes(self, lanes: Lanes | None) -> None:
        """Keep to these from now on; None: at full speed."""
        if self._lanes is not None:
            self._lanes.back.leave(self)
        self._lanes = lanes
        self.outbox.set_lanes(lanes)
        self.go_on()

    def go_on(self) -> None:
        """The lane has something left again."""
        if self._too_fast:
            self._too_fast = False
            if not self._held:
                super().resume_reading()

    def _slow_down(self, lanes: Lanes, size: int) -> None:
        lanes.delayed.from_browser += size
        if not self._too_fast:
            self._too_fast = True
            lanes.back.wait(self)
            super().pause_reading()

    def pause_reading(self) -> None:
        self._held = True
        super().pause_reading()

    def resume_reading(self) -> None:
        self._held = False
        if not self._too_fast:
            super().resume_reading()
