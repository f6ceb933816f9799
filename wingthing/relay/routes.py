"""Routes of terminals: which connection controls a terminal session and which ones watch it.

A route is kept under its wing *and* its session id: naming a session of somebody else's wing leads nowhere,
even when the eight hex digits are guessed right.

Who attaches to a session that another browser controls does not control it yet: the wing decides, and answers
in the order in which it was asked. Until its `pty.started` the controller stays who it is, and a refusal
concerns nobody else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from wingthing.errors import PeerError
from wingthing.relay.peers import Viewer
from wingthing.wire.limits import MAX_HELD_BYTES, MAX_SESSIONS_PER_VIEWER, MAX_SPECTATORS_PER_SESSION

if TYPE_CHECKING:
    from wingthing.relay.wings import Wing


@attrs.define(eq=False)
class Attaching:
    """A `pty.attach` that the wing has not answered."""

    viewer: Viewer | None
    """None: it has left meanwhile, and the answer will come all the same."""

    held: list[bytes] = attrs.field(factory=list)
    """What it has said to the terminal since."""

    size: int = 0
    early: bool = False
    """It is the controller already: there was none to take the session from."""


@attrs.define(eq=False)
class Terminal:
    """One terminal session that at least one browser has open."""

    session_id: str
    wing: Wing
    controller: Viewer | None = None
    spectators: dict[str, Viewer] = attrs.field(factory=dict)
    """viewer_id -> connection."""

    attaching: deque[Attaching] = attrs.field(factory=deque)
    """Whom the wing has yet to answer, in the order in which it will."""

    def viewers(self) -> Iterator[Viewer]:
        """The controller, all spectators, and who wants to be the controller."""
        if self.controller is not None:
            yield self.controller
        yield from self.spectators.values()
        yield from (entry.viewer for entry in self.attaching if entry.viewer is not None)


def control(wing: Wing, session_id: str, viewer: Viewer) -> None:
    """Make `viewer` the controller of a session that begins.

    Raises PeerError when the connection has too many sessions open.
    """
    _promote(_terminal(wing, session_id, viewer), viewer)


def ask_for_control(wing: Wing, session_id: str, viewer: Viewer) -> None:
    """`viewer` wants to be the controller, and the wing is asked. Where nobody is, it is at once.

    Raises PeerError when the connection has too many sessions open.
    """
    terminal = _terminal(wing, session_id, viewer)
    free = terminal.controller is None
    terminal.attaching.append(Attaching(viewer, early=free))
    viewer.attaching[session_id] = terminal
    if free:
        _promote(terminal, viewer)


def hold(terminal: Terminal, viewer: Viewer, message: bytes) -> None:
    """Keep what a connection says until the wing has let it in; over MAX_HELD_BYTES it is lost."""
    entry = next(entry for entry in reversed(terminal.attaching) if entry.viewer is viewer)
    if entry.size + len(message) <= MAX_HELD_BYTES:
        entry.held.append(message)
        entry.size += len(message)


def let_in(terminal: Terminal) -> tuple[Viewer | None, Viewer | None, list[bytes]]:
    """The wing has let in who asked first. Answers that connection (None: it has left), the one that it took
    the session from, and what it has said meanwhile."""
    entry = _take(terminal)
    displaced = terminal.controller
    if displaced is entry.viewer:
        displaced = None
    if entry.viewer is not None:
        _promote(terminal, entry.viewer)
    else:
        terminal.controller = None
    if displaced is not None:
        displaced.controls.pop(terminal.session_id, None)
        _remember_ended(displaced, terminal.session_id)
    _drop_if_unused(terminal)
    return entry.viewer, displaced, entry.held


def turn_away(terminal: Terminal) -> Viewer | None:
    """The wing has refused who asked first; answers that connection (None: it has left)."""
    entry = _take(terminal)
    if entry.viewer is not None:
        if entry.early and terminal.controller is entry.viewer:
            terminal.controller = None
            del entry.viewer.controls[terminal.session_id]
        _remember_ended(entry.viewer, terminal.session_id)
    _drop_if_unused(terminal)
    return entry.viewer


def forget_attaching(wing: Wing) -> list[Viewer]:
    """The wing will not answer any more: its connection has gone. Answers who has waited."""
    waiting = []
    for terminal in list(wing.terminals.values()):
        while terminal.attaching:
            if (viewer := _take(terminal).viewer) is not None:
                waiting.append(viewer)
        _drop_if_unused(terminal)
    return waiting


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
    attaching = viewer.attaching.pop(session_id, None)
    for entry in attaching.attaching if attaching is not None else ():
        if entry.viewer is viewer:
            entry.viewer = None
    terminal = viewer.controls.pop(session_id, None)
    viewer_id = None
    if terminal is not None:
        terminal.controller = None
    elif session_id in viewer.watches:
        terminal, viewer_id = viewer.watches.pop(session_id)
        del terminal.spectators[viewer_id]
    elif attaching is not None:
        terminal = attaching
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
        viewer.attaching.pop(terminal.session_id, None)
        _remember_ended(viewer, terminal.session_id)
    terminal.controller = None
    terminal.attaching.clear()
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
    bound = viewer.bound_to(session_id)
    if bound is None:
        if len(viewer.controls) + len(viewer.watches) + len(viewer.attaching) >= MAX_SESSIONS_PER_VIEWER:
            raise PeerError("too many terminals on this connection: detach from some first")
    elif bound.wing is not wing:
        # The same eight hex digits on two wings: a connection can only tell one of them.
        raise PeerError("this session_id is open on another wing: detach from it first")
    terminal = wing.terminals.get(session_id)
    if terminal is None:
        terminal = wing.terminals[session_id] = Terminal(session_id, wing)
    return terminal


def _promote(terminal: Terminal, viewer: Viewer) -> None:
    _stop_watching(viewer, terminal.session_id)
    terminal.controller = viewer
    viewer.controls[terminal.session_id] = terminal
    viewer.ended.pop(terminal.session_id, None)


def _take(terminal: Terminal) -> Attaching:
    """The first that waits, out of the queue."""
    entry = terminal.attaching.popleft()
    viewer = entry.viewer
    if viewer is not None and all(other.viewer is not viewer for other in terminal.attaching):
        viewer.attaching.pop(terminal.session_id, None)
    return entry


def _stop_watching(viewer: Viewer, session_id: str) -> str | None:
    watched = viewer.watches.pop(session_id, None)
    if watched is None:
        return None
    terminal, viewer_id = watched
    del terminal.spectators[viewer_id]
    return viewer_id


def _drop_if_unused(terminal: Terminal) -> None:
    if next(terminal.viewers(), None) is None:
        terminal.wing.terminals.pop(terminal.session_id, None)


def _remember_ended(viewer: Viewer, session_id: str) -> None:
    viewer.ended[session_id] = None
    if len(viewer.ended) > MAX_SESSIONS_PER_VIEWER:
        del viewer.ended[next(iter(viewer.ended))]
