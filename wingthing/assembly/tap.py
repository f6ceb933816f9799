"""`twistd wingthing`: the same service with the same options as `wt serve`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.logger import Logger
from twisted.python import usage

from wingthing.assembly.config import ServerOptions, resolve
from wingthing.assembly.open_files import allow_many_files
from wingthing.errors import OperatorError
from wingthing.names import DEFAULT_ADDR

log = Logger()


class Options(usage.Options):
    """The command line of the plugin."""

    synopsis = "[options]"
    optParameters = [
        ["addr", "a", None, f"HOST:PORT, :PORT or a Twisted endpoint string (default: {DEFAULT_ADDR})."],
        ["data-dir", "d", None, "Data directory (default: $WINGTHING_DIR or ~/.wingthing)."],
        ["base-url", "b", None, "Public URL, when it is not the address listened on."],
    ]
    optFlags = [["allow-remote", None, "Without sign-in: listen beyond loopback all the same."]]

    def parseOptions(self, options: Any = None) -> None:
        """Ends the process with a sentence for what is none; twistd would print all its options instead."""
        try:
            super().parseOptions(options)
        except usage.UsageError as why:
            _end(OperatorError(f"{why}: 'twistd wingthing --help' shows the options."))

    def parseArgs(self, *words: str) -> None:
        """There is nothing but options."""
        if words:
            raise usage.UsageError(f"{words[0]!r} is no option")


class _Sentences(MultiService):
    """Ends twistd with a sentence and exit code 2 where it would print a traceback."""

    def __init__(self, way_in: Callable[[], str | None]) -> None:
        super().__init__()
        self._way_in = way_in

    def startService(self) -> None:
        super().startService()
        command = self._way_in()
        if command is not None:
            # Not the link itself: a log is kept, and read by others.
            log.info("run '{command}' for the link that lets a browser in; it works once", command=command)

    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except OperatorError as why:
            _end(why)


def makeService(options: Options) -> IService:
    """The server as one service. Ends the process with a sentence when it cannot be built."""
    # Twisted has installed its reactor by the time it builds services; before, it must not be imported.
    from twisted.internet import reactor

    from wingthing.assembly.service import make_server

    allow_many_files()
    chosen = ServerOptions(
        addr=options["addr"],
        data_dir=options["data-dir"],
        base_url=options["base-url"],
        allow_remote=bool(options["allow-remote"]),
    )
    try:
        server: Any = make_server(reactor, resolve(chosen))
    except OperatorError as why:
        _end(why)
    directory = options["data-dir"]
    command = f"wt url --data-dir {shlex.quote(directory)}" if directory else "wt url"
    service = _Sentences(lambda: None if server.link() is None else command)
    server.setServiceParent(service)
    return service


def _end(why: OperatorError) -> None:
    print(f"wingthing: {why}", file=sys.stderr)
    raise SystemExit(why.exit_code)
