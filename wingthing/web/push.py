"""Web Push: notifications by the browser's own push service (RFC 8030)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from wingthing.crypto import web_push
from wingthing.crypto.keys import dump_signing_key, load_signing_key, new_signing_key
from wingthing.errors import InvalidMessage, PeerError, TemporarilyUnavailable
from wingthing.store import notifications
from wingthing.store.notifications import Subscription
from wingthing.store.pool import Database
from wingthing.web.courier import Courier
from wingthing.web.notice import Notice
from wingthing.wire.account_limits import MAX_PUSH_ENDPOINT_CHARS, PUSH_TTL_SECONDS, VAPID_TOKEN_SECONDS

UNKNOWN_BROWSER = (404, 410)
"""The subscription is over (RFC 8030 section 7.3)."""


class PushSender:
    """Sends to browsers, and forgets those that are gone.

    `courier` must refuse to reach what no user may have this server reach (public_hosts.py). `plain_too` lets
    endpoints be http, for services on this machine.
    """

    def __init__(
        self,
        courier: Courier,
        database: Database,
        seconds: Callable[[], float],
        base_url: Callable[[], str],
        *,
        plain_too: bool = False,
    ) -> None:
        self._courier = courier
        self._database = database
        self._seconds = seconds
        self._base_url = base_url
        self._plain_too = plain_too
        self._key: ec.EllipticCurvePrivateKey | None = None

    async def application_key(self) -> str:
        """The key with which browsers subscribe."""
        return web_push.application_key(await self._own_key())

    def check_endpoint(self, endpoint: str) -> None:
        """Raises InvalidMessage for what is no endpoint that may be asked."""
        try:
            parts = urlsplit(endpoint)
            _port = parts.port
        except ValueError as why:
            raise InvalidMessage("the endpoint is not a URL") from why
        if len(endpoint) > MAX_PUSH_ENDPOINT_CHARS or not endpoint.isascii() or not endpoint.isprintable():
            raise InvalidMessage("the endpoint is not a URL that can be used")
        schemes = ("https", "http") if self._plain_too else ("https",)
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or " " in endpoint:
            raise InvalidMessage("the endpoint of a push service is an https URL")

    async def send(self, to: Subscription, notice: Notice) -> bool:
        """Send to one browser; False when it is not there any more, and is forgotten.

        Raises PeerError when the service refuses it, TemporarilyUnavailable when it does not answer.
        """
        self.check_endpoint(to.endpoint)
        payload = msgspec.json.encode(
            {"title": notice.title, "body": notice.body, "url": notice.url, "tag": notice.tag}
        )
        parts = urlsplit(to.endpoint)
        base = self._base_url()
        headers = {
            "Authorization": web_push.authorization(
                await self._own_key(),
                origin=f"{parts.scheme}://{parts.netloc}",
                contact=base if base.startswith("https:") else "",
                now=self._seconds(),
                lifetime=VAPID_TOKEN_SECONDS,
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(PUSH_TTL_SECONDS),
            "Urgency": "high" if notice.urgent else "normal",
            # What waits for a browser that is away is replaced by what is said later of the same terminal.
            "Topic": web_push.base64url(hashlib.sha256(notice.tag.encode()).digest()[:24]),
        }
        keys = web_push.browser_keys(to.p256dh, to.auth)
        status = await self._courier.post(to.endpoint, headers, web_push.encrypt(payload, keys))
        if status in UNKNOWN_BROWSER:
            await self._database.write(notifications.gone, to.id, to.endpoint)
            return False
        if status == 429 or status >= 500:
            raise TemporarilyUnavailable(f"the push service answered {status}")
        if not 200 <= status < 300:
            raise PeerError(f"the push service answered {status}", status=502)
        return True

    async def _own_key(self) -> ec.EllipticCurvePrivateKey:
        if self._key is None:
            kept = await self._database.write(
                notifications.push_key, lambda: dump_signing_key(new_signing_key())
            )
            self._key = load_signing_key(kept, source="The key for Web Push in the database")
        return self._key
