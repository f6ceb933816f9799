"""The resource tree of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import IResource, Resource

from wingthing.errors import NotFound
from wingthing.web.answers import Refusal


class Tree(Resource):
    """First segment of the path -> the app that serves it; everything else goes to `pages`."""

    def __init__(self, *, auth: Klein, api: Klein, pages: Klein, sockets: Mapping[str, IResource]) -> None:
        super().__init__()
        self.putChild(b"auth", auth.resource())
        self.putChild(b"api", api.resource())
        self._pages = pages.resource()
        folder = _Sockets()
        for name, socket in sockets.items():
            folder.putChild(name.encode(), socket)
        self.putChild(b"ws", folder)

    def getChild(self, path: bytes, request: Any) -> IResource:
        # The pages have no prefix of their own: give the segment back.
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self._pages


class _Sockets(Resource):
    """`/ws/`."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusal(NotFound("not found"))

    def render(self, request: Request) -> bytes:
        return Refusal(NotFound("not found")).render(request)
