"""The HTTP server: bodies of bounded size, one log line per request, and the guard before everything else."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger
from twisted.web.http import Request
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request as ServerRequest
from twisted.web.server import Site

from wingthing.errors import Forbidden, PeerError
from wingthing.names import SESSION_COOKIE
from wingthing.relay.credentials import header
from wingthing.web.answers import Refusal
from wingthing.web.guard import SECURITY_HEADERS, Guard
from wingthing.wire.limits import MAX_BODY_BYTES


class _Nothing(io.BytesIO):
    """Takes a body that is too large without keeping it."""

    def write(self, data: Any) -> int:
        return len(data)


class BoundedRequest(ServerRequest):
    """A request whose body, declared or chunked, is dropped as soon as it is larger than it may be."""

    too_large = False
    content: Any

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > MAX_BODY_BYTES:
            self._drop_body()

    def handleContentChunk(self, data: bytes) -> None:
        if not self.too_large and self.content.tell() + len(data) > MAX_BODY_BYTES:
            self._drop_body()
        super().handleContentChunk(data)

    def _drop_body(self) -> None:
        self.too_large = True
        self.content.close()
        self.content = _Nothing()


class Guarded(Resource):
    """The root of the tree: refuses what the guard refuses, whatever address is asked for."""

    def __init__(self, guard: Guard, tree: IResource) -> None:
        super().__init__()
        self._guard = guard
        self._tree = tree

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        for name, value in SECURITY_HEADERS.items():
            request.setHeader(name, value)
        refusal = self._refusal(request)
        if refusal is not None:
            return Refusal(refusal)
        child: IResource = self._tree.getChildWithDefault(path, request)
        return child

    def _refusal(self, request: Request) -> PeerError | None:
        try:
            unquote_to_bytes(request.path).decode()
        except UnicodeDecodeError:
            return PeerError("the address is not UTF-8")
        host = header(request, "host") or ""
        if not self._guard.host_allowed(host):
            return PeerError(
                "this server does not serve that host name: open it by the address that it printed",
                status=421,
            )
        if self._guard.write_refused(
            method=request.method.decode("ascii", "replace"),
            origin=header(request, "origin"),
            host=host,
            has_cookie=request.getCookie(SESSION_COOKIE.encode()) is not None,
        ):
            return Forbidden("this request did not come from a page of this server")
        if getattr(request, "too_large", False):
            return PeerError(f"the body has more than {MAX_BODY_BYTES} bytes", status=413)
        return None


class QuietSite(Site):
    """A site that logs a request without its query, its cookies and its headers."""

    log_lines = Logger()
    noisy = False
    requestFactory = BoundedRequest

    def __init__(self, guard: Guard, tree: IResource, *, reactor: Any) -> None:
        super().__init__(Guarded(guard, tree), reactor=reactor)

    def log(self, request: Request) -> None:
        self.log_lines.debug(
            "{method} {path} {status} {size}",
            method=request.method.decode("ascii", "replace"),
            path=request.path.decode("ascii", "replace"),
            status=request.code,
            size=request.sentLength,
        )
