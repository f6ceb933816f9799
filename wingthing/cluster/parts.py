"""Snapshots in parts: how one is cut by who says it, and put together by who takes it.

A snapshot of a hundred thousand wings has 32 MB. Sent in one piece it would not be across an ocean within the
time of a round, and the node that takes it would relay nothing for half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import attrs

from wingthing.wire.gossip import Snapshot, Taking, WingUp


def cut(entries: Iterable[WingUp], most: int) -> list[list[WingUp]]:
    """The entries in parts of at most `most`; at least one part, if need be an empty one."""
    walking = iter(entries)
    parts = []
    while part := list(islice(walking, most)):
        parts.append(part)
    return parts or [[]]


@attrs.frozen(eq=False)
class Telling:
    """A snapshot that is being said: the state when `seq` was the number of the latest event."""

    seq: int
    parts: Sequence[Snapshot]

    @property
    def whole(self) -> bool:
        """See Snapshot."""
        return self.parts[0].whole


@attrs.define(eq=False)
class Intake:
    """A snapshot that is being taken."""

    boot: str
    """Whose it is."""

    seq: int
    whole: bool = True
    parts: int = 0
    """How many have been taken."""

    named: set[str] = attrs.field(factory=set)
    """The wings in them."""

    @property
    def taking(self) -> Taking:
        """What to say to who says it."""
        return Taking(boot=self.boot, seq=self.seq, whole=self.whole, parts=self.parts)


def taking_of(intake: Intake | None) -> Taking | None:
    """The same, also when nothing is being taken."""
    return None if intake is None else intake.taking
