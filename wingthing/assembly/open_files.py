"""How many files, and so how many sockets, this process may have open."""

from __future__ import annotations

import contextlib
import resource

from twisted.logger import Logger

from wingthing.wire.limits import FEW_OPEN_FILES

log = Logger()


def allow_many_files() -> int:
    """Raise the soft limit to the hard one; answers what it is now. Says in the log when that is little.

    Each wing and each browser is one open file, and the usual soft limit, 1024, is made for programs that can
    count no further.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems call the hard limit infinite and take no such value.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if 0 <= soft < FEW_OPEN_FILES:
        log.warn(
            "this process may have only {files} files open: as many wings and browsers, and no more",
            files=soft,
        )
    return soft
