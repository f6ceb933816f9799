"""What a terminal calls its users for: that it asks for them, and that it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from wingthing.wire.records import WingRecord

MAX_PROGRAM_CHARS: Final = 64
MAX_FOLDER_CHARS: Final = 64
MAX_NONCE_CHARS: Final = 128

ATTENTION: Final = "attention"
EXIT: Final = "exit"

EVENTS: Final = (ATTENTION, EXIT)
"""The kinds, of which a user chooses what to be notified of (protocol.md section 2)."""


def last_of(path: str) -> str:
    """The last part of a path, of either kind of slash, at no great length."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2][:MAX_FOLDER_CHARS]


def program_of(said: str) -> str:
    """A program's name, at no great length."""
    return said[:MAX_PROGRAM_CHARS]


def _nonce(said: str) -> str:
    return said[:MAX_NONCE_CHARS]


@attrs.frozen
class Call:
    """One of them. What is not known is empty."""

    session_id: str
    kind: str = ATTENTION
    agent: str = attrs.field(default="", converter=program_of)
    folder: str = attrs.field(default="", converter=last_of)
    """The last part of the path: more of it is nobody's business but the machine's."""

    nonce: str = attrs.field(default="", converter=_nonce)
    """The same nonce is the same episode."""

    controller: str = ""
    """The user who has the terminal open, if that is known."""


Hearer = Callable[[WingRecord, Call], None]
"""Is told of the calls of all wings that this node hears of. It must neither wait nor raise."""
