"""Twisted's epoll reactor without what it does for each event beside the event.

Twisted puts the name of a connection into its logging context around every event, which builds two dicts and
takes longer than reading the message does; nothing in this program logs by it. And it asks the kernel for as
many events as there are connections, so that each poll makes room for all of them first: with ten thousand,
120 KB.

`wt serve` and `wt roost` run on it by themselves, `twistd` with `--reactor wingthing`.
"""

from __future__ import annotations

import errno
from select import EPOLLIN
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

MOST_EVENTS: Final = 1024
"""Of one poll. What is left is first in the next."""


class QuickReactor(EPollReactor):
    """The same reactor with a shorter way from the kernel to `doRead`."""

    log = Logger()

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events at most `timeout` seconds (None: for ever), and handle them."""
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, MOST_EVENTS)
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        selectables: dict[int, Any] = self._selectables
        for descriptor, event in events:
            selectable = selectables.get(descriptor)
            if selectable is None:
                # Something that was handled just now has closed it.
                continue
            try:
                if event == EPOLLIN:
                    why = selectable.doRead()
                    if why:
                        self._disconnectSelectable(selectable, why, True)
                else:
                    self._doReadOrWrite(selectable, descriptor, event)
            except BaseException as error:
                # As ever in Twisted: whatever fails, fails this connection alone.
                self.log.failure("an event was not handled")
                if event == EPOLLIN:
                    self._disconnectSelectable(selectable, error, False)

    doIteration = doPoll


def install() -> None:
    """Make it the reactor of this process. Raises ReactorAlreadyInstalledError."""
    installReactor(QuickReactor())
