"""Routes of terminals: which connection controls a terminal session and which ones watch it.

A route is kept under its wing *and* its session id: naming a session of somebody else's wing leads nowhere,
even when the eight hex digits are guessed right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from wingthing.errors import PeerError
from wingthing.relay.peers import Viewer
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER, MAX_SPECTATORS_PER_SESSION

if TYPE_CHECKING:
    from wingthing.relay.wings import Wing


@attrs.define(eq=False)
class Terminal:
    """One terminal session that at least one browser has open."""

    session_id: str
    wing: Wing
    controller: Viewer | None = None
    spectators: dict[str, Viewer] = attrs.field(factory=dict)
    """viewer_id -> connection."""

    def viewers(self) -> Iterator[Viewer]:
        """The controller and all spectators."""
        if self.controller is not None:
            yield self.controller
        yield from self.spectators.values()


def control(wing: Wing, session_id: str, viewer: Viewer) -> Viewer | None:
    """Make `viewer` the controller. Answers the connection that it took the session from, if any.

    Raises PeerError when the connection has too many sessions open.
    """
    terminal = _terminal(wing, session_id, viewer)
    displaced = terminal.controller
    if displaced is viewer:
        displaced = None
    if displaced is not None:
        del displaced.controls[session_id]
        _remember_ended(displaced, session_id)
    _stop_watching(viewer, session_id)
    terminal.controller = viewer
    viewer.controls[session_id] = terminal
    viewer.ended.pop(session_id, None)
    return displaced


def watch(wing: Wing, session_id: str, viewer: Viewer, viewer_id: str) -> str | None:
    """Make `viewer` a spectator under `viewer_id`.

    A connection that controlled the session gives that up. Answers the viewer_id under which this connection
    watched the session until now, if it did.

    Raises PeerError when the connection has too many sessions, or the session too many spectators.
    """
    terminal = _terminal(wing, session_id, viewer)
    if len(terminal.spectators) >= MAX_SPECTATORS_PER_SESSION and session_id not in viewer.watches:
        _drop_if_unused(terminal)
        raise PeerError("this terminal has as many spectators as it may have")
    if viewer.controls.pop(session_id, None) is not None:
        terminal.controller = None
    before = _stop_watching(viewer, session_id)
    terminal.spectators[viewer_id] = viewer
    viewer.watches[session_id] = (terminal, viewer_id)
    return before


def detach(viewer: Viewer, session_id: str) -> tuple[Wing, str | None] | None:
    """Undo `control` or `watch`. Answers the wing and the viewer_id (None for a controller), or None when
    the session was not bound to this connection."""
    terminal = viewer.controls.pop(session_id, None)
    viewer_id = None
    if terminal is not None:
        terminal.controller = None
    elif session_id in viewer.watches:
        terminal, viewer_id = viewer.watches.pop(session_id)
        del terminal.spectators[viewer_id]
    else:
        return None
    _remember_ended(viewer, session_id)
    _drop_if_unused(terminal)
    return terminal.wing, viewer_id


def end(terminal: Terminal) -> list[Viewer]:
    """Take a route away; answers every connection that had it open."""
    viewers = list(terminal.viewers())
    for viewer in viewers:
        viewer.controls.pop(terminal.session_id, None)
        viewer.watches.pop(terminal.session_id, None)
        _remember_ended(viewer, terminal.session_id)
    terminal.controller = None
    terminal.spectators.clear()
    _drop_if_unused(terminal)
    return viewers


def end_spectator(terminal: Terminal, viewer_id: str) -> None:
    """The wing has ended one spectator's view."""
    viewer = terminal.spectators.pop(viewer_id, None)
    if viewer is not None:
        viewer.watches.pop(terminal.session_id, None)
        _remember_ended(viewer, terminal.session_id)
        _drop_if_unused(terminal)


def _terminal(wing: Wing, session_id: str, viewer: Viewer) -> Terminal:
    bound = viewer.controls.get(session_id) or (viewer.watches.get(session_id) or (None,))[0]
    if bound is None:
        if len(viewer.controls) + len(viewer.watches) >= MAX_SESSIONS_PER_VIEWER:
            raise PeerError("too many terminals on this connection: detach from some first")
    elif bound.wing is not wing:
        # The same eight hex digits on two wings: a connection can only tell one of them.
        raise PeerError("this session_id is open on another wing: detach from it first")
    terminal = wing.terminals.get(session_id)
    if terminal is None:
        terminal = wing.terminals[session_id] = Terminal(session_id, wing)
    return terminal


def _stop_watching(viewer: Viewer, session_id: str) -> str | None:
    watched = viewer.watches.pop(session_id, None)
    if watched is None:
        return None
    terminal, viewer_id = watched
    del terminal.spectators[viewer_id]
    return viewer_id


def _drop_if_unused(terminal: Terminal) -> None:
    if terminal.controller is None and not terminal.spectators:
        terminal.wing.terminals.pop(terminal.session_id, None)


def _remember_ended(viewer: Viewer, session_id: str) -> None:
    viewer.ended[session_id] = None
    if len(viewer.ended) > MAX_SESSIONS_PER_VIEWER:
        del viewer.ended[next(iter(viewer.ended))]
