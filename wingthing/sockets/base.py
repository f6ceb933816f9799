"""What the three kinds of socket have in common: an outbox, refusals, and an end without surprises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from wingthing.errors import PeerError
from wingthing.relay.router import Router, refusal
from wingthing.sockets.fastpath import STATE_OPEN, FastFactory, FastPath
from wingthing.sockets.outbox import Outbox
from wingthing.sockets.pace import Paces
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import (
    CLOSE_HANDSHAKE_SECONDS,
    OUTBOX_BYTES,
    OUTBOX_RESUME_BYTES,
)


class RelayFactory(FastFactory):
    """What the sockets of a node share."""

    def __init__(self, router: Router, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.router = router
        self.paces = Paces(clock)
        self.cut_off: Counter[str] = Counter()
        """How many sockets of each kind were closed because their peers read too slowly."""


class RelaySocket(FastPath):
    """One WebSocket; a Peer of the relay. Subclasses say what happens when it opens, speaks and ends."""

    own_log = Logger()
    """Not `log`: that is Autobahn's, which would tell it every frame and, with the request, every token."""

    factory: RelayFactory
    kind = "socket"
    """What is at the other end, in a word."""

    _opened = False
    _cut: IDelayedCall | None = None

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(
            self.send_messages,
            limit=OUTBOX_BYTES,
            resume=OUTBOX_RESUME_BYTES,
            on_full=self.outbox_full,
            on_room=self.outbox_has_room,
        )

    # -- for subclasses ------------------------------------------------------------------------------------

    def opened(self) -> None:
        """The handshake is done."""

    def handle(self, message: bytes) -> None:
        """One text message. A PeerError becomes an `error` message to this peer."""

    def handle_run(self, messages: list[bytes], at: int) -> int:
        """Handle messages from number `at` on together, if that is the same as one after the other. Answers
        how many they were."""
        return 0

    def ended(self) -> None:
        """The socket is closed. Called once, and only after `opened`."""

    def outbox_full(self) -> None:
        """This peer does not read what it is sent: cut it off by name, so that nobody else waits."""
        self.cut_off()

    def cut_off(self) -> None:
        """Throw away what waits and close."""
        self.own_log.info("a {kind} at {peer} reads too slowly and is closed", kind=self.kind, peer=self.peer)
        self.factory.cut_off[self.kind] += 1
        self.outbox.close()
        self.send_close(CloseCode.TOO_SLOW, "reads too slowly: connect again and attach")

    def outbox_has_room(self) -> None:
        """An outbox that was full has drained."""

    # -- Peer ------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        return self.outbox.full

    @property
    def waiting(self) -> int:
        return self.outbox.size

    def send(self, message: bytes) -> None:
        self.outbox.send(message)

    def send_all(self, messages: Sequence[bytes], size: int) -> None:
        self.outbox.send_all(messages, size)

    def close(self, code: int, reason: str) -> None:
        self.outbox.finish(lambda: self.send_close(code, reason))

    def pause_reading(self) -> None:
        if self.transport is not None:
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        if self.transport is not None:
            self.transport.resumeProducing()

    # -- Autobahn ------------------------------------------------------------------------------------------

    def onOpen(self) -> None:
        super().onOpen()
        # Klein's site has its HTTP channel registered as the transport's producer until now.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.outbox, True)
        self._opened = True
        self.opened()

    def dropConnection(self, abort: bool = False) -> None:
        if not abort and self._cut is None:
            # Twisted waits for as long as it takes until the peer has read what is still to be sent.
            self._cut = self.factory.clock.callLater(CLOSE_HANDSHAKE_SECONDS, self.transport.abortConnection)
        super().dropConnection(abort)

    def messages_received(self, messages: list[bytes]) -> None:
        at, count = 0, len(messages)
        while at < count and not self.outbox.closed and self.state == STATE_OPEN:
            try:
                taken = self.handle_run(messages, at)
            except Exception:
                taken = 1
                self._failed(messages[at])
            if not taken:
                taken = 1
                self.message_received(messages[at])
            at += taken

    def message_received(self, message: bytes) -> None:
        if self.outbox.closed:
            # The close frame is on its way: what still comes in has nobody to answer it.
            return
        try:
            self.handle(message)
        except PeerError as why:
            self.refuse(message, why)
        except Exception:
            # Autobahn would close the socket without a trace in the log.
            self._failed(message)

    def _failed(self, message: bytes) -> None:
        """A bug of ours has kept a message from being handled."""
        self.own_log.failure("a message was not handled")
        self.refuse(message, PeerError("internal error: try again"))

    def refuse(self, message: bytes, why: PeerError) -> None:
        """Answer a message with `error`."""
        self.send(refusal(message, why))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.outbox.close()
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        if self._opened:
            self._opened = False
            self.ended()
