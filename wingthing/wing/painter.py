"""Sends terminals' output to their viewers: a repaint first, then everything that follows it, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from wingthing.crypto.box import compress
from wingthing.errors import PeerError
from wingthing.wing.replay import pieces
from wingthing.wing.viewing import Audience, Stage, Viewing
from wingthing.wire.limits import MAX_CHUNK_BYTES
from wingthing.wire.messages import Message, PtyOutput
from wingthing.wire.wing_limits import COMPRESS_FROM_BYTES


class Sender(Protocol):
    """What is needed of the link."""

    @property
    def epoch(self) -> int:
        """Counts the registrations."""

    def complain(self, why: str, *, session_id: str | None = None, request_id: str | None = None) -> None:
        """Tell the browser of a session or of a request what was wrong, where the server passes that on."""

    def send(self, message: Message) -> bool:
        """False when the message went nowhere."""

    async def room(self) -> None:
        """Returns when the link is not congested."""


class Painter:
    """`snapshot(session_id)` gives the bytes that repaint a terminal; output told before it has returned is
    in them. `hold(True)` and `hold(False)` bracket a repaint, during which the terminals should wait."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        sender: Sender,
        snapshot: Callable[[str], Awaitable[bytes]],
        hold: Callable[[bool], None],
    ) -> None:
        self._clock = clock
        self._sender = sender
        self._snapshot = snapshot
        self._hold = hold

    def output(self, audience: Audience, data: bytes) -> None:
        """New output, for everybody."""
        live = []
        for viewing in audience.everybody():
            if viewing.stage is Stage.LIVE:
                live.append(viewing)
            elif viewing.stage is Stage.REPLAYED:
                viewing.held.append(data)
        if live:
            self._send(audience, live, data)

    def repaint(self, audience: Audience, viewing: Viewing) -> None:
        """Show the terminal as it is to one viewer, and what follows from then on."""
        viewing.stage = Stage.AWAITED
        viewing.missed = False
        viewing.held.clear()
        audience.awaiting.append(viewing)
        if not audience.painting:
            audience.painting = True
            painting = Deferred.fromCoroutine(self._paint(audience))
            painting.addErrback(lambda failure: self.log.failure("a repaint failed", failure=failure))

    async def _paint(self, audience: Audience) -> None:
        try:
            # Who asks while a snapshot is on its way may have resized the terminal: it gets the next one.
            while audience.awaiting:
                batch, audience.awaiting = audience.awaiting, []
                batch = [viewing for viewing in batch if audience.has(viewing)]
                if batch:
                    try:
                        replay = await self._snapshot(audience.session_id)
                    except PeerError as why:
                        # Its end is told to all viewers as such.
                        self.log.info("no repaint of {id}: {why}", id=audience.session_id, why=why)
                        return
                    await self._replay(audience, batch, replay)
        finally:
            audience.painting = False

    async def _replay(self, audience: Audience, batch: list[Viewing], replay: bytes) -> None:
        for viewing in batch:
            viewing.stage = Stage.REPLAYED
        self._hold(True)
        try:
            epoch = self._sender.epoch
            for number, piece in enumerate(pieces(replay)):
                if number:
                    # Other terminals and the heartbeat get their turn between the pieces.
                    await deferLater(self._clock, 0)
                    await self._sender.room()
                batch = [viewing for viewing in batch if audience.has(viewing)]
                if not batch:
                    return
                if self._sender.epoch != epoch:
                    # The routes of the old connection are gone: the new one begins at the beginning.
                    for viewing in batch:
                        viewing.missed = True
                    break
                self._send(audience, batch, piece, always_compress=True)
        finally:
            self._hold(False)
        for viewing in batch:
            if audience.has(viewing) and viewing.stage is Stage.REPLAYED:
                held, viewing.held = viewing.held, []
                viewing.stage = Stage.LIVE
                for data in held:
                    self._send(audience, [viewing], data)
            if viewing.missed and audience.has(viewing):
                self.repaint(audience, viewing)

    def _send(
        self, audience: Audience, viewers: list[Viewing], data: bytes, *, always_compress: bool = False
    ) -> None:
        if len(data) > MAX_CHUNK_BYTES:
            for piece in pieces(data):
                self._send(audience, viewers, piece, always_compress=always_compress)
            return
        packed = compress(data) if always_compress or len(data) >= COMPRESS_FROM_BYTES else data
        compressed = always_compress or len(packed) < len(data)
        plaintext = packed if compressed else data
        for viewing in viewers:
            message = PtyOutput(
                session_id=audience.session_id,
                data=viewing.box.seal(plaintext),
                compressed=compressed,
                viewer_id=viewing.viewer_id,
            )
            if not self._sender.send(message):
                viewing.missed = True
