"""Who sees a terminal: one controller and any number of spectators, each with a key of its own."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from wingthing.crypto.box import Box
from wingthing.wing.access import Person
from wingthing.wire.limits import MAX_SPECTATORS_PER_SESSION


class Stage(enum.Enum):
    """How far a viewer's picture is."""

    AWAITED = "its snapshot has been asked for: output is in that snapshot, and is not sent"
    REPLAYED = "the snapshot is on its way: output is held until it is through"
    LIVE = "output is sent as it comes"


@attrs.define(eq=False)
class Viewing:
    """One viewer of one terminal. `viewer_id` is None for the controller."""

    person: Person
    box: Box
    viewer_id: str | None = None
    passkey: str = ""
    """The public key that they have come in by; empty where none was needed."""

    stage: Stage = Stage.LIVE
    held: list[bytes] = attrs.field(factory=list)
    missed: bool = False
    """Output was lost while the wing was offline: the picture must be painted anew."""

    warned: bool = False
    """A message that did not decrypt has been logged."""


@attrs.define(eq=False)
class Audience:
    """Everybody who sees one terminal."""

    session_id: str
    controller: Viewing | None = None
    spectators: dict[str, Viewing] = attrs.field(factory=dict)
    awaiting: list[Viewing] = attrs.field(factory=list)
    """Viewers that want the next snapshot."""

    painting: bool = False
    """A snapshot has been asked for, or is being sent."""

    def everybody(self) -> Iterator[Viewing]:
        """The controller first."""
        if self.controller is not None:
            yield self.controller
        yield from self.spectators.values()

    def add(self, viewing: Viewing) -> None:
        """Let somebody in. A controller replaces the one before, a spectator too many the oldest."""
        if viewing.viewer_id is None:
            self.controller = viewing
            return
        self.spectators.pop(viewing.viewer_id, None)
        if len(self.spectators) >= MAX_SPECTATORS_PER_SESSION:
            del self.spectators[next(iter(self.spectators))]
        self.spectators[viewing.viewer_id] = viewing

    def dismiss(self) -> None:
        """The terminal is over: nobody sees it any more."""
        self.controller = None
        self.spectators.clear()
        self.awaiting.clear()

    def has(self, viewing: Viewing) -> bool:
        """Whether it has not been replaced or sent away: nothing is sent under its key otherwise."""
        if viewing.viewer_id is None:
            return self.controller is viewing
        return self.spectators.get(viewing.viewer_id) is viewing
