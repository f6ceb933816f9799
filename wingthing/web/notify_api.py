"""`/api/app/ntfy` and `/api/app/push`: what a user is notified of, and where (protocol.md section 2).

Nobody is notified of anything before they have asked for it here. Secrets come in and never go out again.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from typing import Final

import msgspec
from klein import Klein
from msgspec import UNSET, UnsetType
from twisted.web.http import Request

from wingthing.crypto.web_push import browser_keys
from wingthing.errors import InvalidMessage, PeerError
from wingthing.relay import limiting
from wingthing.relay.calls import ATTENTION, EVENTS
from wingthing.relay.credentials import header
from wingthing.relay.peers import Identity
from wingthing.store import audit, notifications
from wingthing.store.pool import Database
from wingthing.web.answers import body, json, map_errors
from wingthing.web.api import logged_in
from wingthing.web.client_address import client_address
from wingthing.web.identity import Authenticator
from wingthing.web.notice import trial_notice
from wingthing.web.ntfy import NtfySender
from wingthing.web.push import PushSender
from wingthing.web.visits import short_agent

PARTS: Final = ("app/ntfy", "app/push")
"""What the addresses begin with, below `/api/`."""

TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
TOKEN: Final = re.compile(r"[!-~]{1,256}")
TOPIC_BYTES: Final = 15
"""Who knows a topic can read along, so that it must not be guessed: 120 bits."""


class NtfyBody(msgspec.Struct):
    """`POST /api/app/ntfy`. Without a topic, or with an empty one, there is an end to it.

    An empty token, as `GET` gives it, leaves the one that is there; null takes it away.
    """

    topic: str = ""
    token: str | None = ""
    events: str | list[str] | None = None


class PushKeys(msgspec.Struct):
    """`keys` of a browser's PushSubscription, base64url."""

    p256dh: str
    auth: str


class PushBody(msgspec.Struct):
    """`POST /api/app/push`."""

    endpoint: str
    keys: PushKeys
    events: str | list[str] | UnsetType | None = UNSET


class PushEvents(msgspec.Struct):
    """`PUT /api/app/push`."""

    events: str | list[str]


class NotifyApi:
    """Klein app of both."""

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        ntfy: NtfySender,
        push: PushSender,
        seconds: Callable[[], float],
        base_url: Callable[[], str],
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._ntfy = ntfy
        self._push = push
        self._seconds = seconds
        self._base_url = base_url

    # -- ntfy ------------------------------------------------------------------------------------------------

    @app.route("/app/ntfy", methods=["GET"])
    @logged_in
    async def ntfy(self, request: Request, identity: Identity) -> bytes:
        """The topic. `token` is always empty; `has_token` and `enabled` are extensions, as is `server`."""
        found = await self._database.read(notifications.ntfy_of, identity.user_id)
        return json(
            request,
            {
                "topic": found.topic if found else "",
                "token": "",
                "has_token": bool(found and found.token),
                "events": ",".join(found.events if found else ()),
                "enabled": bool(found and found.events),
                "server": self._ntfy.url,
            },
        )

    @app.route("/app/ntfy", methods=["POST"])
    @logged_in
    async def put_ntfy(self, request: Request, identity: Identity) -> bytes:
        """Set it."""
        given = body(request, NtfyBody)
        topic = given.topic.strip()
        if not topic:
            await self._database.write(notifications.delete_ntfy, identity.user_id)
            await self._note(request, identity, "ntfy off")
            return json(request, {"ok": True})
        if not TOPIC.fullmatch(topic):
            raise InvalidMessage("a topic has 1 to 64 letters, digits, dashes and underscores")
        token = given.token.strip() if given.token is not None else None
        if token and not TOKEN.fullmatch(token):
            raise InvalidMessage("an access token has at most 256 characters, and no spaces")
        await self._database.write(
            notifications.put_ntfy,
            identity.user_id,
            topic=topic,
            token=None if token == "" else token or "",
            events=EVENTS if given.events is None else _events(given.events),
        )
        await self._note(request, identity, "ntfy on")
        return json(request, {"ok": True})

    @app.route("/app/ntfy/test", methods=["POST"])
    @logged_in
    async def test_ntfy(self, request: Request, identity: Identity) -> bytes:
        """Send something to it."""
        limiting.check_account(request, "test-notification", identity.user_id)
        found = await self._database.read(notifications.ntfy_of, identity.user_id)
        if found is None:
            raise PeerError("no topic is set yet", status=409)
        await self._ntfy.send(found, trial_notice(self._base_url()))
        return json(request, {"ok": True})

    @app.route("/app/ntfy/generate", methods=["POST"])
    @logged_in
    async def generate(self, request: Request, identity: Identity) -> bytes:
        """A topic that nobody guesses. It is not set by this."""
        random = base64.b32encode(os.urandom(TOPIC_BYTES)).decode().lower()
        return json(request, {"topic": f"wt-{random}"})

    # -- Web Push --------------------------------------------------------------------------------------------

    @app.route("/app/push", methods=["GET"])
    @logged_in
    async def push(self, request: Request, identity: Identity) -> bytes:
        """The browsers that are notified, the events, and the key to subscribe with."""
        events = await self._database.read(notifications.push_events, identity.user_id)
        found = await self._database.read(notifications.subscriptions, identity.user_id, now=self._seconds())
        return json(
            request,
            {
                "key": await self._push.application_key(),
                "events": ",".join(events),
                "subscriptions": [
                    {"id": each.id, "agent": each.agent, "created_at": each.created_at} for each in found
                ],
            },
        )

    @app.route("/app/push", methods=["POST"])
    @logged_in
    async def subscribe(self, request: Request, identity: Identity) -> bytes:
        """Add this browser."""
        given = body(request, PushBody)
        self._push.check_endpoint(given.endpoint)
        browser_keys(given.keys.p256dh, given.keys.auth)
        subscription_id = await self._database.write(
            notifications.subscribe,
            identity.user_id,
            session=identity.login,
            endpoint=given.endpoint,
            p256dh=given.keys.p256dh,
            auth=given.keys.auth,
            agent=short_agent(header(request, "user-agent") or ""),
            now=self._seconds(),
        )
        events = await self._database.read(notifications.push_events, identity.user_id)
        if given.events is not UNSET and given.events is not None:
            events = _events(given.events)
        await self._database.write(notifications.put_push_events, identity.user_id, events or (ATTENTION,))
        await self._note(request, identity, "push on", subscription_id)
        return json(request, {"ok": True, "id": subscription_id})

    @app.route("/app/push", methods=["PUT"])
    @logged_in
    async def put_events(self, request: Request, identity: Identity) -> bytes:
        """Choose of what all browsers are notified."""
        events = _events(body(request, PushEvents).events)
        await self._database.write(notifications.put_push_events, identity.user_id, events)
        return json(request, {"ok": True, "events": ",".join(events)})

    @app.route("/app/push/test", methods=["POST"])
    @logged_in
    async def test_push(self, request: Request, identity: Identity) -> bytes:
        """Send something to every browser. Answers how many services have taken it."""
        limiting.check_account(request, "test-notification", identity.user_id)
        browsers = await self._database.read(
            notifications.subscriptions, identity.user_id, now=self._seconds()
        )
        if not browsers:
            raise PeerError("no browser gets notifications yet", status=409)
        sent, why = 0, PeerError("this browser is not subscribed any more", status=502)
        for browser in browsers:
            try:
                sent += await self._push.send(browser, trial_notice(self._base_url()))
            except PeerError as refused:
                why = refused
        if not sent:
            raise why
        return json(request, {"ok": True, "sent": sent})

    @app.route("/app/push/<subscription_id>", methods=["DELETE"])
    @logged_in
    async def unsubscribe(self, request: Request, identity: Identity, subscription_id: str) -> bytes:
        """Remove one browser."""
        await self._database.write(notifications.unsubscribe, identity.user_id, subscription_id)
        await self._note(request, identity, "push off", subscription_id)
        request.setResponseCode(204)
        return b""

    async def _note(self, request: Request, identity: Identity, action: str, subject: str = "") -> None:
        await self._database.write(
            audit.note,
            at=self._seconds(),
            user_id=identity.user_id,
            action=action,
            subject=subject,
            address=client_address(request),
        )


def _events(given: str | list[str]) -> tuple[str, ...]:
    """The events of a comma list or a list, in our order. Raises InvalidMessage for what is none."""
    named = [name.strip() for name in (given.split(",") if isinstance(given, str) else given)]
    unknown = [name for name in named if name and name not in EVENTS]
    if unknown:
        raise InvalidMessage(f"there is no event {unknown[0][:32]!r}: there are {' and '.join(EVENTS)}")
    return tuple(event for event in EVENTS if event in named)
