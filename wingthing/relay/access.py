"""Who may reach a wing. Asked when a browser starts, attaches or sends a request, never per keystroke."""

from __future__ import annotations

from wingthing.wire.records import WingRecord


def may_reach(user_id: str, record: WingRecord) -> bool:
    """Whether a user may open terminals on a wing: its owner may."""
    return user_id == record.user_id


def audience(record: WingRecord) -> tuple[str, ...]:
    """The users who hear of what happens to a wing (protocol.md section 4, `/ws/app` events)."""
    return (record.user_id,)
