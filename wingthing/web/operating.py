"""For operators and their programs, on every node: whether it lives, whether it is ready, and its figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from klein import Klein
from twisted.web.http import Request

from wingthing.errors import NotFound
from wingthing.relay.credentials import header
from wingthing.web.answers import json, map_errors

PUBLIC_HEADERS = ("fly-client-ip", "fly-forwarded-port", "x-forwarded-for", "forwarded")
"""What shows that a request came through Fly's proxy, or another one; figures are for who is on this side."""

Readiness = Callable[[], Awaitable[str]]
"""Answers why a node is not ready, in a sentence; empty when it is. May raise nothing."""

SEGMENTS = ("health", "ready", "metrics")


class Operating:
    """Klein app of `/health`, `/ready` and `/metrics`. `figures()` is the text for Prometheus."""

    app = Klein()
    map_errors(app)

    def __init__(self, ready: Readiness, figures: Callable[[], bytes]) -> None:
        self._ready = ready
        self._figures = figures

    @app.route("/health", methods=["GET"])
    async def health(self, request: Request) -> bytes:
        """Whether this process answers at all; open, and without a look at anything else."""
        return json(request, {"ok": True})

    @app.route("/ready", methods=["GET"])
    async def ready(self, request: Request) -> bytes:
        """Whether it can do its work: 200, or 503 and why not."""
        reason = await self._ready()
        return json(request, {"ready": True} if not reason else {"ready": False, "error": reason},
                    503 if reason else 200)  # fmt: skip

    @app.route("/metrics", methods=["GET"])
    async def metrics(self, request: Request) -> bytes:
        """Figures in Prometheus' text format; 404 through a proxy."""
        if any(header(request, name) is not None for name in PUBLIC_HEADERS):
            raise NotFound("not found")
        request.setHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        return self._figures()
