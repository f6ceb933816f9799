"""Runs a server in the foreground, as `wt serve` and `wt roost` do."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from wingthing.assembly.config import Config
from wingthing.assembly.logs import start_logging
from wingthing.assembly.open_files import allow_many_files

if TYPE_CHECKING:
    from wingthing.assembly.node import Node


def run_server(config: Config, say: Callable[[str], Any]) -> None:
    """Serve until SIGINT or SIGTERM. `say` prints a line for the person who started it.

    Raises OperatorError when it cannot start.
    """
    install_reactor()
    from twisted.internet import reactor as installed

    from wingthing.assembly.service import make_server

    # Twisted types the module of that name, not the object that is installed under it.
    reactor: Any = installed
    start_logging()
    if not config.with_wing:
        # The terminals of a wing inside would inherit it, and some programs go through all numbers up to it.
        allow_many_files()
    server = make_server(reactor, config)
    server.privilegedStartService()
    server.startService()
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    for line in welcome(server):
        say(line)
    reactor.callWhenRunning(_stop_at_the_first_signal, reactor)
    reactor.run()


def install_reactor() -> None:
    """Choose the reactor of this process, unless something has chosen one already."""
    if "twisted.internet.reactor" in sys.modules:
        return
    try:
        from wingthing.assembly import reactor
    except ImportError:
        # No epoll(7) on this system: Twisted's own choice will do.
        return
    reactor.install()


def _stop_at_the_first_signal(reactor: Any) -> None:
    """Stop on SIGINT or SIGTERM, once: Twisted's own handlers fail when Ctrl-C is pressed again meanwhile."""

    def handler(number: int, _frame: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        reactor.callFromThread(reactor.stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def own_command() -> str:
    """How `wt` is called on this machine: by its name when that is on PATH, else by where it lies."""
    return "wt" if shutil.which("wt") else str(Path(sys.argv[0]))


def welcome(server: Node) -> Iterator[str]:
    """What the person who started the server reads. In a fleet nobody sits there: the log says it all."""
    link = server.link()
    if server.config.fleet is not None:
        return
    if link is None:
        yield f"wingthing is ready. People sign in at {server.public_url}"
        return
    yield "wingthing is ready. Open this link; it works once:"
    yield ""
    yield f"    {link}"
    yield ""
    yield f"'{own_command()} url' prints the next one. Ctrl-C stops the server; terminals go on."
    if server.config.exposed:
        yield ""
        yield "WARNING: other machines can reach this address. Whoever gets a link gets a shell on this one."
