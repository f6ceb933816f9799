"""`/api/`: which Klein app serves which part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import IResource, Resource

from wingthing.errors import NotFound
from wingthing.web.answers import Refusal


class ApiTree(Resource):
    """Chooses by the first segments below `/api/`: of the prefixes in `parts` that an address begins with the
    longest wins (`app/passkey` for `/api/app/passkey/3`), `rest` gets what none fits.

    Every app knows its addresses without `/api`.
    """

    def __init__(self, parts: Mapping[str, Klein], rest: Klein) -> None:
        super().__init__()
        self._parts = sorted(
            ((tuple(prefix.encode().split(b"/")), app.resource()) for prefix, app in parts.items()),
            key=lambda part: -len(part[0]),
        )
        self._rest = rest.resource()

    def getChild(self, path: bytes, request: Any) -> IResource:
        request.prepath.pop()
        request.postpath.insert(0, path)
        asked = tuple(request.postpath)
        for prefix, resource in self._parts:
            if asked[: len(prefix)] == prefix:
                return resource
        return self._rest

    def render(self, request: Request) -> bytes:
        return Refusal(NotFound("not found")).render(request)
