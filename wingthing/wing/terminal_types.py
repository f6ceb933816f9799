"""What the link and the terminals say to each other: the types of both sides, and nothing that runs."""

from __future__ import annotations

from typing import Protocol

import msgspec


class TerminalSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal to be started.

    `session_id` is 8 hex characters and names a directory, so it is checked. `cwd` None is the first
    allowed path. `user_id` and `email` are whose terminal it is; empty for the wing's owner.
    """

    session_id: str
    agent: str
    cols: int
    rows: int
    cwd: str | None = None
    user_id: str = ""
    email: str = ""


class TerminalInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal that runs. Times are Unix seconds, sizes are cells; `title` is what its program set."""

    session_id: str
    agent: str
    cwd: str
    user_id: str
    email: str
    cols: int
    rows: int
    created_at: float
    title: str = ""
    needs_attention: bool = False
    audit: bool = False
    recording_error: str | None = None
    """Why the recording stopped before the terminal did (a full disk, the size limit)."""


class TerminalEvents(Protocol):
    """Who is told what happens in the terminals. Nothing is told of a terminal before
    `Terminals.start_terminal` has returned, nor after `exited`."""

    def output(self, session_id: str, data: bytes) -> None:
        """At most `MAX_OUTPUT_FRAME_BYTES` of output, never a part of a UTF-8 character."""

    def exited(self, session_id: str, exit_code: int, error: str | None) -> None:
        """The program is over (a signal N is 128 + N), or the terminal was lost: then `error` says how."""

    def attention(self, session_id: str, nonce: str) -> None:
        """The program rings for its user; the same nonce is the same episode."""

    def paused(self) -> bool:
        """Whether the link is congested, asked when a terminal is connected."""
