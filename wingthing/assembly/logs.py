"""Where log events go: standard error, one line each, readable on a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

QUIET_SYSTEMS = {
    # A line for each connection and each factory says nothing that our own lines do not.
    "twisted.internet": LogLevel.warn,
    "twisted.web": LogLevel.warn,
    "autobahn": LogLevel.warn,
    "twisted.application": LogLevel.warn,
    "log_legacy": LogLevel.warn,
    "stdlib": LogLevel.warn,
}


def start_logging(stream: TextIO | None = None) -> None:
    """Send the program's log events to `stream` (standard error when none is given)."""
    predicate = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
    for namespace, level in QUIET_SYSTEMS.items():
        predicate.setLogLevelForNamespace(namespace, level)
    observer: ILogObserver = FilteringLogObserver(textFileLogObserver(stream or sys.stderr), [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
