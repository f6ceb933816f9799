"""Whether a transport is read from, when more than one has a say in it."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

PEER = "peer"
"""Where it is written to does not keep up."""


@implementer(IPushProducer)
class Valve:
    """`transport` is read from while nobody holds it.

    To be registered as the producer of the transport that its bytes are written to.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._held: set[str] = set()

    def hold(self, reason: str) -> None:
        """Read no more until the same reason is let go."""
        if not self._held:
            self._transport.pauseProducing()
        self._held.add(reason)

    def let(self, reason: str) -> None:
        """That reason is gone; read on unless there is another."""
        if reason in self._held:
            self._held.discard(reason)
            if not self._held:
                self._transport.resumeProducing()

    def pauseProducing(self) -> None:
        self.hold(PEER)

    def resumeProducing(self) -> None:
        self.let(PEER)

    def stopProducing(self) -> None:
        """The consumer is gone. Whoever has put the two together hears of that elsewhere."""
