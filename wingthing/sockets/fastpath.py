"""An open WebSocket as whole text messages, the quick way.

Autobahn takes a dozen calls, an object and several copies for each frame, and its validator alone takes
longer than everything else for a long message. Nearly all that a node relays are whole, masked text frames,
and those are taken off here, all of a chunk in one loop. All else is Autobahn's: the handshake, pings and
pongs, fragments, closing, and whatever breaks a rule.

It gets such a frame as the bytes that came, and no byte of the next one. So at every boundary of a frame it
is at rest, and the next frame may be taken off here; a peer that pings in the middle of a flood slows down
that one frame. A frame that is not quite usual (text that is no UTF-8, a length that is written too long)
is handed over in the same way, so what is wrong with it is judged, and told to the peer, in one place. A
usual frame that is not whole yet waits here. The only difference that a peer can see is that text which is
no UTF-8 is refused when its frame is whole, where Autobahn alone would do so at the byte.

What the sockets of a node send during one chunk is written once for each of them, when the chunk is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet import tcp
from twisted.internet.interfaces import IReactorTime

from wingthing.sockets.datapath import DataPath, PathFactory
from wingthing.sockets.frames import HEADERS, MOST_HEADER_BYTES, frame_bytes, peel
from wingthing.wire.limits import WRITE_BYTES

STATE_OPEN = WebSocketProtocol.STATE_OPEN
STATE_CLOSED = WebSocketProtocol.STATE_CLOSED


class FastFactory(PathFactory):
    """What quick sockets share."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.turn: list[FastPath] | None = None
        """The sockets that have something to write when the chunk is done; None between chunks."""


class FastPath(DataPath):
    """A `DataPath` that takes the usual frames off by itself, and writes its own."""

    factory: FastFactory

    _begun: bytes | bytearray = b""
    """The begin of a usual frame."""

    _wanted = 0
    """With so many bytes in `_begun`, another look is worth it."""

    _out: list[bytes] | None = None
    """Headers and messages that are to be written when the chunk is done."""

    _out_bytes = 0
    _direct = False
    """Whether the transport is a plain TCP connection."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self._direct = type(self.transport) is tcp.Server

    # -- what comes in ---------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        begun = self._begun
        if begun:
            if len(begun) + len(data) < self._wanted and self.state == STATE_OPEN:
                if isinstance(begun, bytes):
                    begun = self._begun = bytearray(begun)
                begun += data
                return
            data = b"".join((begun, data))
            self._begun = b""
        at, end = 0, len(data)
        while at < end:
            if self.state != STATE_OPEN:
                self._dataReceived(data[at:])
                return
            owed = 0 if self.current_frame is None and not self.data else self._owed(data, at)
            if not owed and not self.inside_message:
                messages: list[bytes] = []
                begin = at
                at, wanted = peel(data, at, messages)
                if messages:
                    self._take(messages, at - begin)
                if wanted and self.state == STATE_OPEN:
                    self._begun = data[at:]
                    self._wanted = wanted
                    return
                if at == end or messages:
                    # What was said may have closed the socket.
                    continue
            stop = at + (owed or frame_bytes(data, at))
            self._dataReceived(data[at:stop])
            at = stop

    def _owed(self, data: bytes, at: int) -> int:
        """How many bytes from `at` on belong to the frame that Autobahn is in."""
        frame = self.current_frame
        if frame is not None:
            rest: int = frame.length - self.current_frame_masker.pointer()
            return rest
        begin: bytes = self.data
        return frame_bytes(begin + data[at : at + MOST_HEADER_BYTES], 0) - len(begin)

    def _take(self, messages: list[bytes], size: int) -> None:
        """Messages have come in `size` bytes of frames: hear them, and write what comes of it."""
        count = len(messages)
        payload = len(messages[0]) if count == 1 else sum(map(len, messages))
        traffic = self.trafficStats
        traffic.incomingOctetsWireLevel += size
        traffic.incomingOctetsWebSocketLevel += payload
        traffic.incomingOctetsAppLevel += payload
        traffic.incomingWebSocketFrames += count
        traffic.incomingWebSocketMessages += count
        if self.pinged:
            self.factory.keepalive.heard(self)
        factory = self.factory
        if factory.turn is not None:
            self.messages_received(messages)
            return
        turn = factory.turn = []
        try:
            self.messages_received(messages)
        finally:
            factory.turn = None
            for socket in turn:
                socket.flush()

    def messages_received(self, messages: list[bytes]) -> None:
        """Whole text messages have come, one after the other. For the socket that builds on this."""
        for message in messages:
            if self.state != STATE_OPEN:
                return
            self.message_received(message)

    # -- what goes out ---------------------------------------------------------------------------------------

    def send_message(self, message: bytes) -> None:
        self.send_messages((message,), len(message))

    def send_messages(self, messages: Sequence[bytes], size: int) -> None:
        """Write text messages of `size` bytes together; nothing once a close frame has gone either way."""
        if self.state != STATE_OPEN:
            return
        turn = self.factory.turn
        out = self._out
        if out is None:
            out = self._out = []
            self._out_bytes = 0
            if turn is not None:
                turn.append(self)
        for message in messages:
            out.append(HEADERS[len(message)])
            out.append(message)
        self._out_bytes += size
        if turn is None or self._out_bytes > WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is to be written."""
        out, self._out = self._out, None
        if out is None or self.state == STATE_CLOSED:
            return
        data = b"".join(out)
        count = len(out) // 2
        traffic = self.trafficStats
        traffic.outgoingOctetsWireLevel += len(data)
        traffic.outgoingOctetsWebSocketLevel += self._out_bytes
        traffic.outgoingOctetsAppLevel += self._out_bytes
        traffic.outgoingWebSocketFrames += count
        traffic.outgoingWebSocketMessages += count
        self._write(data)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        # Autobahn writes here all that it says itself.
        if self._out is not None:
            self.flush()
        traffic = self.trafficStats
        if self.state == STATE_OPEN:
            traffic.outgoingOctetsWireLevel += len(data)
        elif self.state == WebSocketProtocol.STATE_CONNECTING:
            traffic.preopenOutgoingOctetsWireLevel += len(data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        """Give it to the kernel at once when nothing waits before it, and what the kernel does not take to
        the transport, which would first have the reactor ask whether it may write at all."""
        transport: Any = self.transport
        if self._direct and transport.connected and not (transport.dataBuffer or transport._tempDataBuffer):
            try:
                sent = transport.socket.send(data)
            except OSError:
                # Nothing was taken. Should the line be broken, the transport finds out as ever.
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)
