"""Where log events go: standard error, one line each. On Fly as JSON, elsewhere readable on a terminal.

What is logged has no secrets in it. Should one get into a text after all, inside the error of some library,
it is taken out on the way (`without_secrets`).
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatEvent,
    formatEventAsClassicLogText,
    globalLogBeginner,
)

from wingthing.names import ENV_FLY_MACHINE_ID, ENV_FLY_REGION, SESSION_COOKIE, SIGN_IN_COOKIE

QUIET_SYSTEMS = {
    # A line for each connection and each factory says nothing that our own lines do not.
    "twisted.internet": LogLevel.warn,
    "twisted.web": LogLevel.warn,
    "autobahn": LogLevel.warn,
    "twisted.application": LogLevel.warn,
    "log_legacy": LogLevel.warn,
    "stdlib": LogLevel.warn,
}

HIDDEN: Final = "(hidden)"

_SECRETS = re.compile(
    # In the query of an address; in headers; the link of an invite, which is a path; and tokens wherever they
    # stand (JWT, RFC 7519).
    r"(?<=[?&;])(?P<name>[a-z_]*(?:token|key|code|secret|state))=[^\s&;\"'<>]+"
    rf"|(?P<cookie>{re.escape(SESSION_COOKIE)}|{re.escape(SIGN_IN_COOKIE)})=[^\s;,\"'<>]+"
    r"|(?P<scheme>\bbearer) +[^\s,\"'<>]+"
    r"|(?:(?<=invite/)|(?<=invites/)|(?<=invite%2F))[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    re.IGNORECASE,
)


def start_logging(stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Send the program's log events to `stream` (standard error when none is given)."""
    predicate = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
    for namespace, level in QUIET_SYSTEMS.items():
        predicate.setLogLevelForNamespace(namespace, level)
    observer: ILogObserver = FilteringLogObserver(
        log_observer(stream or sys.stderr, environment), [predicate]
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def log_observer(stream: TextIO, environment: Mapping[str, str]) -> FileLogObserver:
    """Writes each event as a line: JSON on a machine of Fly."""
    machine = environment.get(ENV_FLY_MACHINE_ID)
    if not machine:
        return FileLogObserver(stream, as_text)
    about = {"machine": machine, "region": environment.get(ENV_FLY_REGION, "")}
    return FileLogObserver(stream, lambda event: as_json(event, about))


def as_text(event: LogEvent) -> str | None:
    """An event for people; None when there is nothing to say. A traceback has lines of its own."""
    text = formatEventAsClassicLogText(event)
    return without_secrets(text) if text is not None else None


def as_json(event: LogEvent, about: Mapping[str, str]) -> str | None:
    """An event as one line of JSON; None when there is nothing to say. `about` says which node it is of.

    The event's own fields stand beside the ones that each line has, where they are text, numbers, yes or no,
    and do not have the name of one of those.
    """
    message = formatEvent(event)
    traceback = eventAsText(event, includeTimestamp=False, includeSystem=False).removeprefix(message).strip()
    if not message and not traceback:
        return None
    level = event.get("log_level")
    line: dict[str, Any] = {
        "time": _time(event.get("log_time")),
        "level": level.name if level is not None else "info",
        "system": event.get("log_namespace") or event.get("log_system") or "",
        "message": without_secrets(message),
        **about,
    }
    if traceback:
        line["traceback"] = without_secrets(traceback)
    for name, value in event.items():
        if not name.startswith("log_") and name not in line and _is_plain(value):
            line[name] = without_secrets(value) if isinstance(value, str) else value
    return json.dumps(line, separators=(",", ":")) + "\n"


def without_secrets(text: str) -> str:
    """The text without what looks like a token, a key or a login cookie."""
    return _SECRETS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if name := found["name"] or found["cookie"]:
        return f"{name}={HIDDEN}"
    return f"{found['scheme']} {HIDDEN}" if found["scheme"] else HIDDEN


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        # JSON has no infinity.
        return abs(value) != float("inf") and value == value
    return isinstance(value, str | int | bool | None)


def _time(seconds: object) -> str:
    """UTC, to the millisecond."""
    moment = datetime.datetime.fromtimestamp(seconds if isinstance(seconds, int | float) else 0, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
