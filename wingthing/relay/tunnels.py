"""Requests through the tunnel: which browser waits for which answer."""

from __future__ import annotations

from wingthing.errors import PeerError
from wingthing.relay.peers import Viewer
from wingthing.relay.wings import Wing
from wingthing.wire.limits import MAX_PENDING_REQUESTS_PER_VIEWER


def expect(wing: Wing, request_id: str, viewer: Viewer) -> None:
    """Remember that `viewer` waits for the answer of `wing`.

    A connection that already waits for as many answers as it may gives up its oldest one: a wing that never
    answers must not fill the tables. Raises PeerError when another connection uses the same id.
    """
    waiting = wing.pending.get(request_id)
    if (waiting is not None and waiting is not viewer) or viewer.pending.get(request_id, wing) is not wing:
        raise PeerError("this request_id is in use: give every request an id of its own")
    if len(viewer.pending) >= MAX_PENDING_REQUESTS_PER_VIEWER and request_id not in viewer.pending:
        settle(viewer.pending[oldest := next(iter(viewer.pending))], oldest)
    wing.pending[request_id] = viewer
    viewer.pending[request_id] = wing


def settle(wing: Wing, request_id: str) -> None:
    """The answer is complete."""
    viewer = wing.pending.pop(request_id, None)
    if viewer is not None:
        viewer.pending.pop(request_id, None)


def abandon_viewer(viewer: Viewer) -> None:
    """The browser is gone: nobody waits for its answers any more."""
    for request_id, wing in viewer.pending.items():
        wing.pending.pop(request_id, None)
    viewer.pending.clear()


def abandon_wing(wing: Wing) -> list[tuple[str, Viewer]]:
    """The wing is gone. Answers the requests that nobody will answer now, with who asked."""
    lost = list(wing.pending.items())
    for request_id, _viewer in lost:
        settle(wing, request_id)
    return lost
