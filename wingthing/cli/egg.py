"""`python -m wingthing.cli.egg DIRECTORY`: the process of one terminal, started by a wing.

The wing hands over two open files: READY_FD, to which a line is written once the socket listens, and
LOCK_FD, whose lock says for as long as this process lives that it does.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from wingthing.names import EGG_SOCKET_FILE, FILE_MODE
from wingthing.wing.egg import Egg
from wingthing.wing.egg_home import read_meta
from wingthing.wing.egg_process import LOCK_FD, READY, READY_FD


def main(reactor: Any, directory: Path) -> None:
    """Run the terminal of `directory` until its program has ended and the wing knows of it."""
    os.set_inheritable(LOCK_FD, False)
    # Neither a hang-up nor an interrupt that is meant for the wing's terminal is meant for this one.
    with suppress(PermissionError):
        os.setsid()
    # The socket is named from within its directory: a path has room for 107 bytes.
    os.chdir(directory)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    here = Path()
    egg = Egg(reactor, here, read_meta(here), dict(os.environ), reactor.stop)
    reactor.addSystemEventTrigger("before", "shutdown", egg.close)
    reactor.listenUNIX(EGG_SOCKET_FILE, egg.door, mode=FILE_MODE)
    try:
        os.write(READY_FD, READY)
    except BrokenPipeError:
        Logger().warn("the wing that started this terminal is gone; waiting for the next")
    os.close(READY_FD)
    reactor.run()


if __name__ == "__main__":
    # A terminal speaks no TLS. Without OpenSSL its process is 12 MB smaller and starts 60 ms sooner.
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]
    from twisted.internet import reactor

    main(reactor, Path(sys.argv[1]))
