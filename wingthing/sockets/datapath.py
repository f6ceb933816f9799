"""Bytes of an open WebSocket to whole text messages, and back. The one file to replace for speed.

Everything around it speaks to `DataPath` alone: `message_received(bytes)` is called for each text message,
`send_message(bytes)` writes one. Both are UTF-8 JSON, never decoded here.
"""

from __future__ import annotations

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol

from wingthing.wire.closing import CloseCode


class DataPath(WebSocketServerProtocol):
    """Autobahn's server protocol, reduced to text messages."""

    # Autobahn reads this before it copies its options, so only a class attribute turns Nagle off.
    tcpNoDelay = True

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

    def send_message(self, message: bytes) -> None:
        """Write one text message to the transport; nothing once a close frame has gone either way."""
        # A peer's close frame ends the protocol before the line ends and `onClose` is called.
        if self.state == WebSocketProtocol.STATE_OPEN:
            self.sendMessage(message, isBinary=False)

    def send_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, if it has not begun. `reason` has at most 123 bytes (RFC 6455 5.5)."""
        # `sendClose` refuses the codes below 3000 to applications, and an enumeration for a number.
        self.sendCloseFrame(int(code), reason.encode(), isReply=False)

    def message_received(self, message: bytes) -> None:
        """One whole text message has come. For the socket that builds on this."""
        raise TypeError(f"{type(self).__name__} takes no messages")
