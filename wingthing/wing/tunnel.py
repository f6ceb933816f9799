"""Requests through the tunnel: the table of protocol.md section 5, without what each of them does.

The node sees a request id and ciphertext. Who asks is what the node says in `sender_user_id` and
`sender_email`; the key is made from `sender_pub` and the wing's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wingthing.crypto.box import TUNNEL, Box, nonce_of
from wingthing.errors import InvalidMessage, PeerError
from wingthing.wing.access import PASSKEY_REQUIRED, Person
from wingthing.wing.painter import Sender
from wingthing.wire import codec
from wingthing.wire.messages import TunnelReq, TunnelRes, TunnelStream
from wingthing.wire.wing_limits import MAX_TUNNEL_ANSWER_BYTES, MAX_TUNNEL_CHANGES, MAX_TUNNEL_REQUESTS

S = TypeVar("S", bound=msgspec.Struct)


class Request(msgspec.Struct, frozen=True):
    """One request, opened. `fields` is its JSON object."""

    person: Person
    fields: dict[str, Any]
    browser: str = ""
    """The public key (base64) that the request was sealed with, and that the answer is sealed for."""

    def read(self, kind: type[S]) -> S:
        """Its fields as a checked type. Raises InvalidMessage naming the one that is missing or wrong."""
        try:
            return msgspec.convert(self.fields, kind)
        except msgspec.ValidationError as why:
            raise InvalidMessage(f"invalid request: {why}") from why


Answerer = Callable[[Request], Awaitable[Any]]
"""Gives the answer as something to write as JSON. A PeerError becomes `{error}`."""

Streamer = Callable[[Request], AsyncGenerator[Any, None]]
"""Gives the parts of a long answer, of which there is at least the first before anything is sent. A part with
NEXT is the last and goes into the message that ends the stream."""

NEXT = "next"


class Tunnel:
    """Opens requests, finds who answers them, seals the answers.

    `refusal(person, auth_token)` is what a locked wing answers, except to the types in `unlocked`;
    `refused_info()` what goes with `passkey_required`. Requests of the types in `once` are answered once: a
    node, which can read none of them, could send again what it has passed on before.
    """

    log = Logger()

    def __init__(
        self,
        sender: Sender,
        key: X25519PrivateKey,
        answerers: Mapping[str, Answerer],
        streamers: Mapping[str, Streamer],
        *,
        refusal: Callable[[Person, str], str | None],
        refused_info: Callable[[], dict[str, Any]],
        unlocked: frozenset[str] = frozenset(),
        once: frozenset[str] = frozenset(),
    ) -> None:
        self._sender = sender
        self._key = key
        self._answerers = answerers
        self._streamers = streamers
        self._refusal = refusal
        self._refused_info = refused_info
        self._unlocked = unlocked
        self._once = once
        self._done: dict[bytes, None] = {}
        """The nonces of those. A restart forgets them, and with them the tokens that such requests had."""

        self._running = 0
        self._unreadable_logged = False

    def received(self, message: bytes) -> None:
        """One `tunnel.req` of the node."""
        handling = Deferred.fromCoroutine(self._handle(message))
        handling.addErrback(lambda failure: self.log.failure("a request failed", failure=failure))

    async def _handle(self, message: bytes) -> None:
        try:
            asked = codec.read(message, TunnelReq)
            box = Box.between(self._key, asked.sender_pub, TUNNEL)
        except InvalidMessage as why:
            # Without a key there is no way to answer, but for the server's.
            if not self._unreadable_logged:
                self._unreadable_logged = True
                self.log.warn("a tunnel request was ignored: {why}", why=why)
            request_id = codec.read_head(message).request_id
            if request_id:
                self._sender.complain(f"the request was ignored: {why}", request_id=request_id)
            return
        if self._running >= MAX_TUNNEL_REQUESTS:
            self._answer(asked.request_id, box, {"error": "this machine is busy: try again"})
            return
        self._running += 1
        try:
            await self._serve(asked, box)
        except PeerError as why:
            self._answer(asked.request_id, box, {"error": str(why)})
        except Exception:
            self.log.failure("a request failed")
            self._answer(asked.request_id, box, {"error": "internal error of the wing: see its log"})
        finally:
            self._running -= 1

    async def _serve(self, asked: TunnelReq, box: Box) -> None:
        try:
            fields = msgspec.json.decode(box.open(asked.payload), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
            raise InvalidMessage("the request is not one JSON object") from why
        kind = fields.get("type")
        if not isinstance(kind, str):
            raise InvalidMessage("the request has no type")
        person = Person(
            asked.sender_user_id or "", asked.sender_email or "", tuple(asked.sender_passkeys or ())
        )
        request = Request(person, fields, asked.sender_pub)
        token = fields.get("auth_token")
        known = token if isinstance(token, str) else ""
        refusal = None if kind in self._unlocked else self._refusal(person, known)
        if refusal is not None:
            info = self._refused_info() if refusal == PASSKEY_REQUIRED else {}
            self._answer(asked.request_id, box, {"error": refusal, **info})
        elif kind in self._once and not self._is_new(asked.payload):
            raise PeerError("this request has come before")
        elif kind in self._streamers:
            await self._stream(asked.request_id, box, self._streamers[kind](request))
        elif kind in self._answerers:
            self._answer(asked.request_id, box, await self._answerers[kind](request))
        else:
            raise InvalidMessage(f"unknown type: {kind[:64]}")

    def _is_new(self, payload: str) -> bool:
        nonce = nonce_of(payload)
        if nonce in self._done:
            return False
        self._done[nonce] = None
        if len(self._done) > MAX_TUNNEL_CHANGES:
            del self._done[next(iter(self._done))]
        return True

    async def _stream(self, request_id: str, box: Box, parts: AsyncGenerator[Any, None]) -> None:
        try:
            last = await self._send_parts(request_id, box, parts)
            if last is not None:
                payload = box.seal(msgspec.json.encode({"done": True} | last))
                self._sender.send(TunnelStream(request_id=request_id, payload=payload, done=True))
        finally:
            await parts.aclose()

    async def _send_parts(
        self, request_id: str, box: Box, parts: AsyncGenerator[Any, None]
    ) -> dict[str, Any] | None:
        """What the last message says besides `done`; None when the connection was lost meanwhile."""
        epoch = self._sender.epoch
        async for part in parts:
            if NEXT in part:
                return {NEXT: part[NEXT]}
            await self._sender.room()
            payload = box.seal(msgspec.json.encode(part))
            if self._sender.epoch != epoch:
                # The node has forgotten the request with the connection it came over.
                return None
            if not self._sender.send(TunnelStream(request_id=request_id, payload=payload)):
                return None
        return {}

    def _answer(self, request_id: str, box: Box, answer: Any) -> None:
        plaintext = msgspec.json.encode(answer)
        if len(plaintext) > MAX_TUNNEL_ANSWER_BYTES:
            plaintext = msgspec.json.encode({"error": "the answer is too long to be sent"})
        self._sender.send(TunnelRes(request_id=request_id, payload=box.seal(plaintext)))
