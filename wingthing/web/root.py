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
    """First segment of the path -> who serves it.

    `apps` know their addresses without that segment, `whole` with it. What is in neither goes to `pages`, or
    is not found where there are none.
    """

    def __init__(
        self,
        *,
        apps: Mapping[str, Klein | IResource],
        whole: Mapping[str, Klein],
        sockets: Mapping[str, IResource],
        pages: Klein | None = None,
    ) -> None:
        super().__init__()
        for name, app in apps.items():
            self.putChild(name.encode(), app.resource() if isinstance(app, Klein) else app)
        self._whole = {name.encode(): app.resource() for name, app in whole.items()}
        self._pages = pages.resource() if pages is not None else Refusal(NotFound("not found"))
        folder = _Sockets()
        for name, socket in sockets.items():
            folder.putChild(name.encode(), socket)
        self.putChild(b"ws", folder)

    def getChild(self, path: bytes, request: Any) -> IResource:
        # These know the segment as part of their addresses: give it back.
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self._whole.get(path, self._pages)


class _Sockets(Resource):
    """`/ws/`."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusal(NotFound("not found"))

    def render(self, request: Request) -> bytes:
        return Refusal(NotFound("not found")).render(request)
