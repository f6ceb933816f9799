"""The wing's WebSocket: Autobahn's client, an outbox, and one report of how it ended."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IPushProducer, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wingthing import __version__
from wingthing.failures import error_words
from wingthing.wing.roost import Roost
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import (
    CLOSE_HANDSHAKE_SECONDS,
    MAX_MESSAGE_BYTES,
    PING_SECONDS,
    PING_TIMEOUT_SECONDS,
)
from wingthing.wire.wing_limits import HANDSHAKE_SECONDS, LINK_PAUSE_BYTES, LINK_RESUME_BYTES


class End(msgspec.Struct, frozen=True):
    """How a socket ended. `status` is the HTTP status of an upgrade that was refused."""

    reason: str
    status: int | None = None
    code: int | None = None


class OpenSocket(Protocol):
    """What the link needs of an open socket."""

    def send(self, message: bytes) -> None:
        """Send or queue one text message."""

    def leave(self, code: int, reason: str) -> None:
        """Close with the WebSocket's closing handshake."""

    def cut(self) -> None:
        """Close the line at once."""

    @property
    def waiting(self) -> int:
        """Bytes that were given to `send` and not yet to the operating system's care."""


class SocketEvents(Protocol):
    """Who is told what happens to a socket."""

    def opened(self, socket: OpenSocket) -> None:
        """The upgrade is done."""

    def received(self, message: bytes) -> None:
        """One text message has come."""

    def congested(self) -> None:
        """More than LINK_PAUSE_BYTES wait for the server to read."""

    def has_room(self) -> None:
        """No more than LINK_RESUME_BYTES wait any longer."""

    def ended(self, end: End) -> None:
        """It is over, or has never begun. Called once, last."""


class Dialer(Protocol):
    """Opens sockets."""

    def __call__(self, roost: Roost, token: str, events: SocketEvents) -> Callable[[], None]:
        """Start to connect; `events` hears how it goes. The result gives the attempt up."""


@implementer(IPushProducer)
class WingSocket(WebSocketClientProtocol):
    """One connection. The transport's own buffer is 64 KiB; what is more waits here, counted."""

    own_log = Logger()
    """Not `log`: that is Autobahn's, which would tell it every frame and, with the request, the token."""

    # Autobahn reads this before it copies its options, so only a class attribute turns Nagle off.
    tcpNoDelay = True

    def __init__(self, events: SocketEvents) -> None:
        super().__init__()
        self._events: SocketEvents | None = events
        self._queue: deque[bytes] = deque()
        self._held = False
        self._congested = False
        self._refused: End | None = None
        self.waiting = 0

    # -- OpenSocket ----------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if self.state != self.STATE_OPEN:
            # The closing handshake has begun: Autobahn would raise.
            return
        if not self._held:
            self.sendMessage(message, isBinary=False)
            return
        self._queue.append(message)
        self.waiting += len(message)
        if self.waiting > LINK_PAUSE_BYTES and not self._congested and self._events is not None:
            self._congested = True
            self._events.congested()

    def leave(self, code: int, reason: str) -> None:
        self._forget()
        # `sendClose` refuses codes below 3000 to applications, RFC 6455's own 1001 among them.
        self.sendCloseFrame(int(code), reason.encode(), isReply=False)

    def cut(self) -> None:
        self.dropConnection(abort=True)

    # -- IPushProducer: the transport asks for more, or for less -------------------------------------------

    def pauseProducing(self) -> None:
        self._held = True

    def resumeProducing(self) -> None:
        self._held = False
        while self._queue and not self._held and self.state == self.STATE_OPEN:
            message = self._queue.popleft()
            self.waiting -= len(message)
            self.sendMessage(message, isBinary=False)
        if self._congested and self.waiting <= LINK_RESUME_BYTES and self._events is not None:
            self._congested = False
            self._events.has_room()

    def stopProducing(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._queue.clear()
        self.waiting = 0

    # -- Autobahn ------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        # The adapter's own method formats a debug line for each chunk, whether or not it is shown.
        self._dataReceived(data)

    def onOpen(self) -> None:
        self.transport.registerProducer(self, True)
        if self._events is not None:
            self._events.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            self.leave(CloseCode.NOT_TEXT, "every message is text")
        elif self._events is not None:
            try:
                self._events.received(payload)
            except Exception:
                # Autobahn would close the connection, and with it every terminal's view.
                self.own_log.failure("a message of the server was not handled")

    def failHandshake(self, reason: str) -> None:
        self._refused = _refusal(reason, self.data)
        super().failHandshake(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._forget()
        events, self._events = self._events, None
        if events is not None:
            events.ended(self._refused or End(reason or "the connection was lost", code=code))


def _refusal(reason: str, answer: bytes) -> End:
    """What an HTTP answer to an upgrade says: its status, and the sentence in its body where one has come."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if status is None:
        return End(reason)
    sentence = re.search(rb'\{[^{}]*"error"[^{}]*\}', body[:4096])
    if sentence is not None:
        try:
            reason = msgspec.json.decode(sentence[0], type=dict[str, str])["error"]
        except (msgspec.DecodeError, KeyError):
            reason = "the server said no"
    return End(reason, status=int(status[1]))


class SocketFactory(WebSocketClientFactory):
    """The options of the wing's one connection at a time."""

    noisy = False

    def __init__(self, reactor: Any, roost: Roost, token: str, events: SocketEvents) -> None:
        super().__init__(
            url=roost.websocket_url,
            headers={"Authorization": f"Bearer {token}"},
            useragent=f"wingthing/{__version__}",
            reactor=reactor,
        )
        self._events = events
        self.setProtocolOptions(
            maxMessagePayloadSize=MAX_MESSAGE_BYTES,
            maxFramePayloadSize=MAX_MESSAGE_BYTES,
            openHandshakeTimeout=HANDSHAKE_SECONDS,
            closeHandshakeTimeout=CLOSE_HANDSHAKE_SECONDS,
            autoPingInterval=PING_SECONDS,
            autoPingTimeout=PING_TIMEOUT_SECONDS,
        )

    def buildProtocol(self, addr: object) -> WingSocket:
        socket = WingSocket(self._events)
        socket.factory = self
        return socket


def dialer(reactor: Any) -> Dialer:
    """The dialer that connects for real, with TLS where the server's URL says https."""

    def dial(roost: Roost, token: str, events: SocketEvents) -> Callable[[], None]:
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            reactor, roost.host, roost.port, timeout=HANDSHAKE_SECONDS
        )
        if roost.secure:
            endpoint = wrapClientTLS(optionsForClientTLS(roost.host), endpoint)
        connecting = endpoint.connect(SocketFactory(reactor, roost, token, events))
        made: list[WingSocket] = []

        def failed(failure: Failure) -> None:
            events.ended(End(error_words(failure.value)))

        connecting.addCallbacks(made.append, failed)

        def give_up() -> None:
            if made:
                made[0].cut()
            else:
                connecting.cancel()

        return give_up

    return dial
