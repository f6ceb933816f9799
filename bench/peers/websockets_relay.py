"""A minimal relay on `websockets`: no accounts, no limits but the message size, one dict of routes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import urllib.parse

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.peers.arguments import HOST, MAX_SIZE, announce

wings: dict[str, ServerConnection] = {}
sessions: dict[str, tuple[ServerConnection, ServerConnection]] = {}
"""session_id -> (wing, browser)."""


async def wing(socket: ServerConnection) -> None:
    registration = json.loads(await socket.recv())
    wings[registration["wing_id"]] = socket
    await socket.send(json.dumps({"type": "registered", "wing_id": secrets.token_hex(16)}))
    async for text in socket:
        route = sessions.get(json.loads(text).get("session_id"))
        if route is not None:
            await route[1].send(text)


async def browser(socket: ServerConnection, wing_id: str) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "pty.start":
            message["session_id"] = secrets.token_hex(4)
            sessions[message["session_id"]] = (wings[wing_id], socket)
            await wings[wing_id].send(json.dumps(message))
        else:
            route = sessions.get(message.get("session_id"))
            if route is not None:
                await route[0].send(text)


async def connected(socket: ServerConnection) -> None:
    assert socket.request is not None
    url = urllib.parse.urlsplit(socket.request.path)
    # The load generator cuts its lines without a closing handshake.
    with contextlib.suppress(ConnectionClosed):
        if url.path == "/ws/wing":
            await wing(socket)
        else:
            await browser(socket, urllib.parse.parse_qs(url.query)["wing_id"][0])


async def main() -> None:
    async with serve(
        connected, HOST, 0, max_size=MAX_SIZE, compression=None, ping_interval=None, backlog=1024
    ) as server:
        announce(next(iter(server.sockets)).getsockname()[1])
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
