"""One WebSocket of JSON messages, as wings and browsers of a crowd have one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from wingthing.rehearsal.facts import MACHINE_HEADER

OPEN_SECONDS = 15.0
LEAVE_SECONDS = 2.0
ABNORMAL = 1006
"""What a browser sees when no close frame came, or no socket opened."""


class NotOpened(Exception):
    """There is no socket: `status` is the answer, 0 when there was none."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Line:
    """What is said goes out in the order in which it was said, without waiting for anybody."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    @classmethod
    async def open(cls, url: str, headers: dict[str, str]) -> Line:
        """Raises NotOpened."""
        try:
            socket = await connect(
                url,
                additional_headers=headers,
                open_timeout=OPEN_SECONDS,
                close_timeout=LEAVE_SECONDS,
                ping_interval=None,
                compression=None,
                max_size=None,
                max_queue=None,
                proxy=None,
            )
        except InvalidStatus as why:
            raise NotOpened(f"status {why.response.status_code}", why.response.status_code) from why
        except (OSError, TimeoutError, EOFError, WebSocketException) as why:
            raise NotOpened(f"{type(why).__name__}: {why}") from why
        return cls(socket)

    @property
    def machine(self) -> str:
        """Which machine has answered."""
        response = self._socket.response
        return "" if response is None else response.headers.get(MACHINE_HEADER.decode(), "")

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message; nothing happens when the socket is closed."""
        self._waiting.put_nowait(json.dumps({"type": kind, **fields}))

    async def hear(self) -> dict[str, Any] | None:
        """The next message; None when the socket is closed."""
        try:
            message: dict[str, Any] = json.loads(await self._socket.recv())
        except ConnectionClosed:
            return None
        return message

    @property
    def close_code(self) -> int:
        """The code that the other side has closed with."""
        return self._socket.close_code or ABNORMAL

    async def leave(self, code: int = 1000) -> None:
        """Close, and be done."""
        self._writer.cancel()
        with contextlib.suppress(OSError, WebSocketException):
            await self._socket.close(code)

    def cut(self) -> None:
        """Be gone at once, as a closed laptop is."""
        self._writer.cancel()
        self._socket.transport.abort()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._waiting.get())
