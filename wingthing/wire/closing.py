"""The close codes that a node uses on its WebSockets, each with a name and what the peer should do.

1000-1015 are those of RFC 6455 section 7.4.1; 4000-4999 are free for applications (section 7.4.2).
"""

from __future__ import annotations

import enum


class CloseCode(enum.IntEnum):
    """Why a node closed a WebSocket."""

    NORMAL = 1000
    """The connection has done its work."""
    GOING_AWAY = 1001
    """The node is shutting down: connect again."""
    NOT_TEXT = 1003
    """A binary message came: every message is text."""
    NOT_UTF8 = 1007
    """A text message is not UTF-8."""
    POLICY = 1008
    """The registration was refused; the `error` message before it says why."""
    TOO_BIG = 1009
    """A message of more than MAX_MESSAGE_BYTES."""
    INTERNAL = 1011
    """A fault of the node, logged there: connect again."""
    LOGIN_ENDED = 4001
    """The login session or token that opened this socket is no longer valid: log in again."""
    NOT_REGISTERED = 4002
    """A wing's first message was not `wing.register`, or did not come in time."""
    MOVED = 4003
    """The wing is connected to another node of the fleet now: connect again."""
    PLAN_CHANGED = 4007
    """The user had used up the traffic of a plan, and there is some again: connect again."""
    TOO_SLOW = 4008
    """The peer reads more slowly than it is sent to and its outbox is full: connect again and attach."""
