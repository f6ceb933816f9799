"""What an edge asks of login, wherever login is at the moment."""

from __future__ import annotations

from wingthing.cluster.client import NodeClient, Reply, decode
from wingthing.cluster.discovery import LoginAddress
from wingthing.wire.gossip import WingUp
from wingthing.wire.internal import (
    SESSION_PATH,
    WING_PATH,
    Session,
    SessionQuestion,
    WingPlace,
    WingQuestion,
)
from wingthing.wire.limits import INTERNAL_TIMEOUT_SECONDS


class LoginClient:
    """Every method raises TemporarilyUnavailable when login is away or does not answer as it should."""

    def __init__(self, client: NodeClient, address: LoginAddress) -> None:
        self._client = client
        self._address = address

    async def post(self, path: str, body: object, *, seconds: float) -> Reply:
        """Ask with a JSON body. Raises NotFound too."""
        return await self._client.post(await self._address.get(), path, body, seconds=seconds)

    async def get(self, path: str, *, etag: str = "", seconds: float) -> Reply:
        """Ask for what may have changed since `etag`. Raises NotFound too."""
        return await self._client.get(await self._address.get(), path, etag=etag, seconds=seconds)

    async def session(self, login: str) -> Session:
        """Whose login session is it, by the hash of its cookie. Raises NotFound when it is nobody's."""
        question = SessionQuestion(login)
        return decode(await self.post(SESSION_PATH, question, seconds=INTERNAL_TIMEOUT_SECONDS), Session)

    async def wing(self, wing_id: str) -> WingUp | None:
        """Where is that wing; None when login does not know either."""
        question = WingQuestion(wing_id)
        reply = await self.post(WING_PATH, question, seconds=INTERNAL_TIMEOUT_SECONDS)
        return decode(reply, WingPlace).wing
