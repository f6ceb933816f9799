"""A minimal relay on `aiohttp`: no accounts, no limits but the message size, one dict of routes."""

from __future__ import annotations

import asyncio
import json
import secrets

from aiohttp import WSMsgType, web

from bench.peers.arguments import HOST, MAX_SIZE, announce

wings: dict[str, web.WebSocketResponse] = {}
sessions: dict[str, tuple[web.WebSocketResponse, web.WebSocketResponse]] = {}
"""session_id -> (wing, browser)."""


async def upgrade(request: web.Request) -> web.WebSocketResponse:
    # aiohttp refuses a message of exactly max_msg_size.
    socket = web.WebSocketResponse(max_msg_size=MAX_SIZE + 1, compress=False)
    await socket.prepare(request)
    return socket


async def wing(request: web.Request) -> web.WebSocketResponse:
    socket = await upgrade(request)
    registration = await socket.receive_json()
    wings[registration["wing_id"]] = socket
    await socket.send_json({"type": "registered", "wing_id": secrets.token_hex(16)})
    async for received in socket:
        if received.type is not WSMsgType.TEXT:
            break
        route = sessions.get(json.loads(received.data).get("session_id"))
        if route is not None:
            await route[1].send_str(received.data)
    return socket


async def browser(request: web.Request) -> web.WebSocketResponse:
    socket = await upgrade(request)
    wing_id = request.query["wing_id"]
    async for received in socket:
        if received.type is not WSMsgType.TEXT:
            break
        message = json.loads(received.data)
        if message["type"] == "pty.start":
            message["session_id"] = secrets.token_hex(4)
            sessions[message["session_id"]] = (wings[wing_id], socket)
            await wings[wing_id].send_json(message)
        else:
            route = sessions.get(message.get("session_id"))
            if route is not None:
                await route[0].send_str(received.data)
    return socket


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/ws/wing", wing), web.get("/ws/pty", browser)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, backlog=1024).start()
    announce(runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
