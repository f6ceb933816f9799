"""`/internal/`: what nodes of a fleet ask of each other. For node tokens only.

Through the public proxy there is nothing here: what carries one of its headers gets 404. The contrary is no
proof of anything, so every request brings a token as well, which counts once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import msgspec
from klein import Klein
from twisted.logger import Logger
from twisted.web.http import Request

from wingthing.cluster import fly
from wingthing.cluster.caches import entitlements_body
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import Forbidden, InvalidMessage, NotAuthenticated, NotFound
from wingthing.relay.credentials import header
from wingthing.web.answers import map_errors
from wingthing.web.site import BoundedRequest
from wingthing.wire.gossip import Answer, Round, WingUp
from wingthing.wire.internal import (
    GOSSIP_PATH,
    NODE_HEADER,
    Entitlements,
    Hello,
    Session,
    SessionQuestion,
    WingPlace,
    WingQuestion,
)
from wingthing.wire.limits import MAX_GOSSIP_BYTES

UNGUARDED = (b"health", b"ready", b"metrics", b"internal")
"""First segments that are asked for by an address of the private network, whatever the host is called."""


class NodeRequest(BoundedRequest):
    """A request of a fleet's site: the rounds between nodes may be long, where they can be such at all."""

    def most_bytes(self) -> int:
        # The channel has the address until the body is there; only then has the request.
        path = self.path or self.channel._path.partition(b"?")[0]
        of_a_node = header(self, NODE_HEADER) is not None and not fly.is_public(
            lambda name: header(self, name)
        )
        return MAX_GOSSIP_BYTES if of_a_node and path == GOSSIP_PATH.encode() else super().most_bytes()


S = TypeVar("S", bound=msgspec.Struct)
Handler = Callable[..., Awaitable[bytes]]
log = Logger()


def for_nodes(handler: Handler) -> Handler:
    """Gives the handler the machine that asks as its second argument, and proves the answer to it."""

    @wraps(handler)
    async def checked(self: Any, request: Request, **arguments: Any) -> bytes:
        if fly.is_public(lambda name: header(request, name)):
            raise NotFound("not found")
        token = header(request, NODE_HEADER)
        if token is None:
            raise NotAuthenticated("only nodes of this fleet may ask")
        claims = self.trust.check_once(token)
        # Before the handler: that there is no such thing is an answer too, and must be proved.
        proof, _jti = self.trust.token(Audience.ANSWER, nonce=claims.jti)
        request.setHeader(NODE_HEADER, proof)
        return await handler(self, request, claims.machine, **arguments)

    return checked


def _read(request: Any, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(request.content.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise InvalidMessage(f"invalid body: {why}") from why


def _json(request: Request, value: object) -> bytes:
    request.setHeader("Content-Type", "application/json")
    return msgspec.json.encode(value)


def hide_the_rest(app: Klein) -> None:
    """Answer 404 to all that no node asks for: not even which methods there are is anybody's business."""

    @app.route("/", methods=METHODS, strict_slashes=False)
    @app.route("/<path:_name>", methods=METHODS)
    def nothing(_self: object, request: Request, _name: str = "") -> bytes:
        raise NotFound("not found")


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class LoginQuestions(Protocol):
    """What login can be asked."""

    def hello(self, machine: str) -> None:
        """An edge has started, or has news."""

    async def session(self, login: str) -> Session | None:
        """Whose login session is it, by the hash of its cookie."""

    def wing(self, wing_id: str) -> WingUp | None:
        """Where is that wing."""

    async def entitlements(self) -> Entitlements:
        """All users and organisations."""


class LoginInternal:
    """Klein app of login."""

    app = Klein()
    map_errors(app)
    hide_the_rest(app)

    def __init__(self, trust: Trust, login: LoginQuestions) -> None:
        self.trust = trust
        self._login = login

    @app.route("/hello", methods=["POST"])
    @for_nodes
    async def hello(self, request: Request, machine: str) -> bytes:
        """An edge is there, or has news."""
        _read(request, Hello)
        self._login.hello(machine)
        return _json(request, {"ok": True})

    @app.route("/session", methods=["POST"])
    @for_nodes
    async def session(self, request: Request, machine: str) -> bytes:
        """Whose login session is it."""
        found = await self._login.session(_read(request, SessionQuestion).login)
        if found is None:
            raise NotFound("there is no such login session")
        return _json(request, found)

    @app.route("/wing", methods=["POST"])
    @for_nodes
    async def wing(self, request: Request, machine: str) -> bytes:
        """Where is that wing."""
        return _json(request, WingPlace(self._login.wing(_read(request, WingQuestion).wing_id)))

    @app.route("/entitlements", methods=["GET"])
    @for_nodes
    async def entitlements(self, request: Request, machine: str) -> bytes:
        """All users and organisations, or 304 when they are those of `If-None-Match`."""
        body, etag = entitlements_body(await self._login.entitlements())
        request.setHeader("ETag", etag)
        if header(request, "if-none-match") == etag:
            request.setResponseCode(304)
            return b""
        request.setHeader("Content-Type", "application/json")
        return body


class EdgeInternal:
    """Klein app of an edge. `receive(round)` takes a round of login and answers it."""

    app = Klein()
    map_errors(app)
    hide_the_rest(app)

    def __init__(self, trust: Trust, receive: Callable[[Round], Answer]) -> None:
        self.trust = trust
        self._receive = receive

    @app.route("/gossip", methods=["POST"])
    @for_nodes
    async def gossip(self, request: Request, machine: str) -> bytes:
        """A round of login."""
        asked = _read(request, Round)
        if asked.machine != machine:
            raise Forbidden("this round is not of the node that brings it")
        return _json(request, self._receive(asked))
