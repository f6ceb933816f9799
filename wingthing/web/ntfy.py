"""ntfy: notifications by a topic that an app on the phone has subscribed (docs.ntfy.sh, Publish as JSON)."""

from __future__ import annotations

import msgspec

from wingthing.errors import PeerError, TemporarilyUnavailable
from wingthing.store.notifications import Ntfy
from wingthing.web.courier import Courier
from wingthing.web.notice import Notice

HIGH, USUAL = 4, 3
"""Priorities: the higher one also rings a phone that is set to important things only."""


class NtfySender:
    """Publishes at the server `url`, which the operator has chosen."""

    def __init__(self, courier: Courier, url: str) -> None:
        self.url = url
        self._courier = courier

    async def send(self, to: Ntfy, notice: Notice) -> None:
        """Publish to a topic.

        Raises PeerError when the server refuses it, TemporarilyUnavailable when it does not answer.
        """
        # As JSON: headers take no letters beyond ASCII, and a topic in an address stands in logs.
        headers = {"Content-Type": "application/json"}
        if to.token:
            headers["Authorization"] = f"Bearer {to.token}"
        message = {
            "topic": to.topic,
            "title": notice.title,
            "message": notice.body,
            "click": notice.url,
            "tags": ["bell" if notice.urgent else "checkered_flag"],
            "priority": HIGH if notice.urgent else USUAL,
        }
        status = await self._courier.post(self.url, headers, msgspec.json.encode(message))
        if status in (401, 403):
            raise PeerError("the ntfy server does not let this token write to this topic", status=502)
        if status == 429:
            raise TemporarilyUnavailable("the ntfy server has had too many notifications from here")
        if not 200 <= status < 300:
            raise PeerError(f"the ntfy server answered {status}", status=502)
