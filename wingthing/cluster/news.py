"""The events of a fleet that are not about where a wing is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wingthing.wire.gossip import Attention, OrgChanged, Revoked


class News(Protocol):
    """What a node does with events that are not about where a wing is."""

    def attention(self, event: Attention) -> None:
        """A terminal somewhere asks for its user."""

    def revoked(self, events: Iterable[Revoked]) -> None:
        """These do not count any more; they may have been said before."""

    def orgs_changed(self, event: OrgChanged) -> None:
        """An organisation, of which these users were or are members, has changed; or a user's passkeys."""
