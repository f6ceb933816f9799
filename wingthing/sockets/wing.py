"""`/ws/wing`: the socket of a wing."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall

from wingthing.crypto.tokens import WingToken
from wingthing.errors import InvalidMessage, PeerError, TemporarilyUnavailable
from wingthing.relay import wing_side
from wingthing.relay.peers import Identity, WingLink
from wingthing.sockets.base import RelaySocket
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import REGISTER_TIMEOUT_SECONDS, WING_OUTBOX_BYTES


class WingSocket(RelaySocket):
    """Registers first, then speaks for its wing."""

    kind = "wing"

    _deadline: IDelayedCall | None = None

    def __init__(self, identity: Identity, token: WingToken) -> None:
        super().__init__()
        self.link = WingLink(identity, self, token_pub=token.pub, token_wing=token.wing)

    def opened(self) -> None:
        self.factory.router.wing_connected(self.link)
        self._deadline = self.factory.clock.callLater(REGISTER_TIMEOUT_SECONDS, self._too_late)

    def handle(self, message: bytes) -> None:
        router = self.factory.router
        if self.link.wing is not None:
            wing_side.receive(router, self.link, message)
            return
        try:
            wing_side.register(router, self.link, message)
        except TemporarilyUnavailable as why:
            # Without an `error`: after one, wings do not come back.
            self._end_deadline()
            self.close(CloseCode.GOING_AWAY, str(why))
        except PeerError as why:
            self._end_deadline()
            self.refuse(message, why)
            code = CloseCode.NOT_REGISTERED if isinstance(why, InvalidMessage) else CloseCode.POLICY
            self.close(code, "the registration was refused")
        else:
            self._end_deadline()
            self.own_log.info(
                "wing {wing_id} registered", wing_id=self.link.wing and self.link.wing.record.wing_id
            )

    def handle_run(self, messages: list[bytes], at: int) -> int:
        return wing_side.pass_on(self.link, messages, at)

    def send(self, message: bytes) -> None:
        super().send(message)
        self._check_bound()

    def send_all(self, messages: Sequence[bytes], size: int) -> None:
        super().send_all(messages, size)
        self._check_bound()

    def _check_bound(self) -> None:
        if self.outbox.size > WING_OUTBOX_BYTES:
            # Browsers that come, add a message before they are held, and leave again have no other bound.
            self.cut_off()

    def outbox_full(self) -> None:
        """Nothing is thrown away: the router stops reading the browsers that write to this wing."""

    def outbox_has_room(self) -> None:
        self.factory.router.wing_has_room(self.link)

    def ended(self) -> None:
        self._end_deadline()
        self.factory.router.wing_gone(self.link)
        if self.link.wing is not None:
            self.own_log.info("wing {wing_id} disconnected", wing_id=self.link.wing.record.wing_id)

    def _too_late(self) -> None:
        self._deadline = None
        why = PeerError(f"no wing.register within {REGISTER_TIMEOUT_SECONDS:g} seconds")
        self.refuse(b"", why)
        self.close(CloseCode.NOT_REGISTERED, str(why))

    def _end_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()
