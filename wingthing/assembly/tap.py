"""`twistd wingthing`: the same service with the same options as `wt serve`."""

from __future__ import annotations

import sys
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.python import usage

from wingthing.assembly.config import ServerOptions, resolve
from wingthing.errors import OperatorError
from wingthing.names import DEFAULT_ADDR


class Options(usage.Options):
    """The command line of the plugin."""

    synopsis = "[options]"
    optParameters = [
        ["addr", "a", DEFAULT_ADDR, "HOST:PORT, :PORT or a Twisted endpoint string."],
        ["data-dir", "d", None, "Data directory (default: $WINGTHING_DIR or ~/.wingthing)."],
        ["base-url", "b", None, "Public URL, when it is not the address listened on."],
    ]
    optFlags = [["allow-remote", None, "Without sign-in: listen beyond loopback all the same."]]


class _Sentences(MultiService):
    """Ends twistd with a sentence and exit code 2 where it would print a traceback."""

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

    service = _Sentences()
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
    server.setServiceParent(service)
    return service


def _end(why: OperatorError) -> None:
    print(f"wingthing: {why}", file=sys.stderr)
    raise SystemExit(why.exit_code)
