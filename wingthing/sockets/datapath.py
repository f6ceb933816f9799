"""An open WebSocket as whole text messages, the careful way: all of it is Autobahn's.

`message_received(bytes)` is called for each text message, `send_message(bytes)` writes one. Both are UTF-8
JSON, never decoded here. What is the same for every socket of this program is an attribute of the class, not
of each socket.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats, WebSocketProtocol
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from wingthing.sockets.keepalive import NOWHERE, Keepalive
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import CLOSE_HANDSHAKE_SECONDS, MAX_MESSAGE_BYTES

PIECES_KEPT = 256
"""A message may come in frames of one byte, or of none, without end: so many pieces of it become one."""

HANDSHAKE = (
    "http_headers",
    "http_request_data",
    "http_request_host",
    "http_request_params",
    "http_request_path",
    "http_request_uri",
    "http_response_data",
    "http_status_line",
    "websocket_extensions",
    "websocket_extensions_in_use",
    "websocket_origin",
    "websocket_protocols",
    "_transport_details",
    "_wskey",
    # For observers of messages, of which there are none.
    "_results",
    "_valid_events",
    # Only for writes that Autobahn would cut in pieces.
    "send_queue",
    # Made anew when a frame comes that Autobahn has to look into.
    "utf8validator",
)
"""What Autobahn keeps for as long as the socket lives, and nobody looks at again after the handshake."""

AT_REST = {
    "_perMessageCompress": None,
    "autoPingPending": None,
    "autoPingPendingCall": None,
    "autoPingPendingSent": None,
    "autoPingPendingSeq": 0,
    "autoPingTimeoutCall": None,
    "closeHandshakeTimeoutCall": None,
    "closedByMe": False,
    "droppedByMe": False,
    "failedByMe": False,
    "localCloseCode": None,
    "localCloseReason": None,
    "openHandshakeTimeoutCall": None,
    "remoteCloseCode": None,
    "remoteCloseReason": None,
    "send_state": 0,
    "trackedTimings": None,
    "triggered": False,
    "wasClean": False,
    "wasCloseHandshakeTimeout": False,
    "wasMaxFramePayloadSizeExceeded": False,
    "wasMaxMessagePayloadSizeExceeded": False,
    "wasNotCleanReason": None,
    "wasOpenHandshakeTimeout": False,
    "wasServerConnectionDropTimeout": False,
    "wasServingFlashSocketPolicyFile": False,
    "websocket_protocol_in_use": None,
}
"""What Autobahn sets on every socket, as it is on one that is open: the class says it for all of them."""


class Unheard:
    """In place of the two Deferreds that Autobahn makes for each socket, and nobody here waits for."""

    def callback(self, result: object) -> None:
        """It has happened."""


class PathFactory(WebSocketServerFactory):
    """What the sockets of one node share. `clock` runs what is done later."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()
        self.clock = clock
        self.keepalive = Keepalive(clock)
        self.traffic = TrafficStats()
        """Autobahn's counters, of all sockets together."""


class DataPath(WebSocketServerProtocol):
    """Autobahn's server protocol, reduced to text messages."""

    factory: PathFactory

    # -- Autobahn's options ----------------------------------------------------------------------------------

    CONFIG_ATTRS: Sequence[str] = ()
    """Nothing is copied from the factory: Autobahn would put thirty attributes on every socket, and format
    them all for a debug line, which is two thirds of the time that a handshake takes. A test holds what
    follows against the options that Autobahn has."""

    logOctets = False
    logFrames = False
    trackTimings = False
    utf8validateIncoming = True
    applyMask = True
    maxFramePayloadSize = MAX_MESSAGE_BYTES
    maxMessagePayloadSize = MAX_MESSAGE_BYTES
    autoFragmentSize = 0
    failByDrop = False
    """A peer that breaks a rule is told so with a close code instead of a cut line."""

    echoCloseCodeReason = False
    openHandshakeTimeout = 0
    """The request has come as a whole: the handshake is over before this could begin."""

    closeHandshakeTimeout = CLOSE_HANDSHAKE_SECONDS
    tcpNoDelay = True
    """Autobahn reads this before it copies its options: only a class attribute has ever turned Nagle off."""

    autoPingInterval = 0
    """`Keepalive` pings."""

    autoPingTimeout = 0
    autoPingSize = 12
    autoPingRestartOnAnyTraffic = True
    versions = WebSocketProtocol.SUPPORTED_PROTOCOL_VERSIONS
    webStatus = True
    requireMaskedClientFrames = True
    maskServerFrames = False
    perMessageCompressionAccept = staticmethod(lambda offers: None)
    serveFlashSocketPolicy = False
    flashSocketPolicy = ""
    allowedOrigins: Sequence[str] = ("*",)
    """The Origin has been checked against what this server serves before the upgrade."""

    allowedOriginsPatterns: Sequence[re.Pattern[str]] = (re.compile(".*"),)
    allowNullOrigin = True
    maxConnections = 0
    trustXForwardedFor = 0

    # -- the life of a socket --------------------------------------------------------------------------------

    is_open = is_closed = Unheard()
    slot = NOWHERE
    pinged = b""
    message_data: list[bytes]
    frame_data: list[bytes]

    def __init__(self) -> None:
        super().__init__()
        del self.is_open, self.is_closed

    @cached_property
    def utf8validator(self) -> Utf8Validator:
        """What checks the text of a message that Autobahn puts together."""
        return Utf8Validator()

    def _connectionMade(self) -> None:
        super()._connectionMade()
        self.trafficStats = self.factory.traffic

    def onOpen(self) -> None:
        kept = {
            name: value
            for name, value in vars(self).items()
            if name not in HANDSHAKE and not (name in AT_REST and value == AT_REST[name])
        }
        # In its own time a dict only grows.
        self.__dict__ = kept
        self.factory.keepalive.opened(self)

    def _connectionLost(self, reason: Failure) -> None:
        self.factory.keepalive.closed(self)
        super()._connectionLost(reason)

    def dropConnection(self, abort: bool = False) -> None:
        self.factory.keepalive.closed(self)
        super().dropConnection(abort)

    # -- what comes in ---------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        # The adapter's own method formats a debug line for each chunk, whether or not it is shown.
        self._dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state != self.STATE_OPEN:
            # Autobahn still hands over what follows a frame that it has closed the socket for.
            return
        if isBinary:
            self.send_close(CloseCode.NOT_TEXT, "every message is text: send JSON in a text frame")
        else:
            self.message_received(payload)

    def message_received(self, message: bytes) -> None:
        """One whole text message has come. For the socket that builds on this."""
        raise TypeError(f"{type(self).__name__} takes no messages")

    def _onMessageFrameBegin(self, length: int) -> None:
        super()._onMessageFrameBegin(length)
        if len(self.message_data) > PIECES_KEPT:
            self.message_data = [b"".join(self.message_data)]

    def _onMessageFrameData(self, payload: bytes) -> None:
        super()._onMessageFrameData(payload)
        if len(self.frame_data) > PIECES_KEPT:
            self.frame_data = [b"".join(self.frame_data)]

    # -- life ------------------------------------------------------------------------------------------------

    def _onMessageFrameEnd(self) -> None:
        super()._onMessageFrameEnd()
        if self.pinged:
            # A peer that is busy sending may be late with its answer.
            self.factory.keepalive.heard(self)

    def onPong(self, payload: bytes) -> None:
        if self.pinged and payload == self.pinged:
            self.factory.keepalive.heard(self)

    def ping(self, payload: bytes) -> None:
        """Send a ping, while the socket is open."""
        self.sendPing(payload)

    def lost(self) -> None:
        """The peer has not answered a ping in time."""
        self.onAutoPingTimeout()

    # -- what goes out ---------------------------------------------------------------------------------------

    def send_message(self, message: bytes) -> None:
        """Write one text message to the transport; nothing once a close frame has gone either way."""
        # A peer's close frame ends the protocol before the line ends and `onClose` is called.
        if self.state == WebSocketProtocol.STATE_OPEN:
            self.sendMessage(message, isBinary=False)

    def send_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, if it has not begun. `reason` has at most 123 bytes (RFC 6455 5.5)."""
        # `sendClose` refuses the codes below 3000 to applications, and an enumeration for a number.
        self.sendCloseFrame(int(code), reason.encode(), isReply=False)


for _name, _value in AT_REST.items():
    setattr(DataPath, _name, _value)
