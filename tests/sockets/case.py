"""A site with the four WebSocket addresses, on a clock that the test turns and lines that it holds."""

from __future__ import annotations

import base64
from typing import Any

import txaio
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from wingthing.crypto import keys, tokens
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated
from wingthing.relay.peers import Identity
from wingthing.sockets.base import RelayFactory
from wingthing.sockets.upgrade import DashboardUpgrade, UpgradeResource, ViewerUpgrade, WingUpgrade
from wingthing.testing import PUBLIC_KEY, WING_ID, FrameClient, identity, new_router

ORIGIN = "http://localhost:8080"
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The answer to the key that FrameClient sends: the example of RFC 6455 section 1.3."""


class FakeAuthenticator:
    """Knows tokens signed with its key, and the cookies in `cookies`. `wait`: answer when that fires."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.key = keys.new_signing_key()
        self.cookies = {"cookie-of-ann": identity("ann"), "cookie-of-eve": identity("eve")}
        self.wait: Deferred[None] | None = None
        self.failure: Exception | None = None

    def token(self, user_id: str = "ann", **claims: Any) -> str:
        return tokens.mint(self.key, user_id=user_id, now=self.clock.seconds(), jti="j", **claims)[0]

    async def _ready(self) -> None:
        if self.wait is not None:
            await self.wait
        if self.failure is not None:
            raise self.failure

    async def wing(self, token: str) -> tuple[WingToken, Identity]:
        await self._ready()
        claims = tokens.check(token, [self.key.public_key()], now=self.clock.seconds())
        return claims, identity(claims.user_id)

    async def viewer(self, *, cookie: str | None, token: str | None) -> Identity:
        await self._ready()
        if cookie in self.cookies:
            return self.cookies[cookie]
        if token is not None:
            return (await self.wing(token))[1]
        raise NotAuthenticated("log in first")


class SocketTestCase(TestCase):
    """A node as far as its sockets go."""

    def setUp(self) -> None:
        self.clock = Clock()
        # Autobahn's timers ask txaio for their clock, whatever the factory was given.
        before = txaio.config.loop
        txaio.config.loop = self.clock
        self.addCleanup(setattr, txaio.config, "loop", before)
        self.router = new_router()
        self.factory = RelayFactory(self.router, self.clock)
        self.authenticator = FakeAuthenticator(self.clock)
        self.upgrades: list[UpgradeResource] = []
        root, ws = Resource(), Resource()
        root.putChild(b"ws", ws)
        for path, kind in (
            (b"wing", WingUpgrade),
            (b"pty", ViewerUpgrade),
            (b"relay", ViewerUpgrade),
            (b"app", DashboardUpgrade),
        ):
            upgrade = kind(self.factory, self.authenticator, lambda origin, host: origin == f"http://{host}")
            ws.putChild(path, upgrade)
            self.upgrades.append(upgrade)
        self.site = Site(root, reactor=self.clock)

    def client(self) -> FrameClient:
        return FrameClient(self.site)

    def open(self, target: str, headers: dict[str, str]) -> FrameClient:
        """An open WebSocket."""
        client = self.client()
        client.upgrade(target, headers)
        status, answer, rest = client.response()
        self.assertEqual((status, answer.get("sec-websocket-accept"), rest), (101, ACCEPT, b""))
        return client

    def wing(self, wing_id: str = WING_ID, user_id: str = "ann", *, register: bool = True) -> FrameClient:
        client = self.open("/ws/wing", {"Authorization": f"Bearer {self.authenticator.token(user_id)}"})
        if register:
            client.say("wing.register", wing_id=wing_id, locked=False)
            self.assertEqual([message["type"] for message in client.messages()], ["registered"])
        return client

    def browser(self, user_id: str = "ann", path: str = "/ws/pty") -> FrameClient:
        return self.open(path, {"Cookie": f"wt_session=cookie-of-{user_id}", "Origin": ORIGIN})

    def terminal(self, browser: FrameClient, wing: FrameClient) -> str:
        """Start a terminal; its session id."""
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key=PUBLIC_KEY, wing_id=WING_ID)
        session_id: str = wing.messages()[-1]["session_id"]
        return session_id


def output(session_id: str, size: int = 10) -> dict[str, Any]:
    """The fields of a `pty.output` with `size` characters of data."""
    return {"session_id": session_id, "data": base64.b64encode(bytes(size * 3 // 4)).decode()}
