"""Pages, static files and `/health`."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from klein import Klein
from twisted.web.http import Request
from twisted.web.static import File

from wingthing.errors import NotFound, PeerError
from wingthing.relay.credentials import cookie_of
from wingthing.web.answers import json, map_errors
from wingthing.web.auth import redirect
from wingthing.web.identity import Authenticator

STATIC = Path(__file__).resolve().parent / "static"
APP = STATIC / "app"
PLAIN = (".css", ".svg")
IMMUTABLE = "public, max-age=31536000, immutable"

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


class Pages:
    """Klein app for what is neither API nor socket."""

    app = Klein()
    map_errors(app)

    def __init__(self, authenticator: Authenticator, app_folder: Path = APP) -> None:
        self._authenticator = authenticator
        self._folder = app_folder

    @app.route("/health", methods=["GET"])
    async def health(self, request: Request) -> bytes:
        """Whether this process answers at all; open, and without a look into the database."""
        return json(request, {"ok": True})

    @app.route("/", methods=["GET"])
    async def home(self, request: Request) -> bytes:
        """The way to the app."""
        await self._logged_in(request)
        return redirect(request, "/app/")

    @app.route("/app", methods=["GET"])
    async def app_without_slash(self, request: Request) -> bytes:
        """The same."""
        return redirect(request, "/app/")

    @app.route("/app/", methods=["GET"])
    async def browser_app(self, request: Request) -> bytes:
        """The browser app."""
        await self._logged_in(request)
        try:
            content = (self._folder / "index.html").read_bytes()
        except FileNotFoundError:
            raise PeerError("the browser app has not been built: run 'make run'", status=503) from None
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("Cache-Control", "no-cache")
        return content

    @app.route("/app/<path:name>", methods=["GET"])
    def app_file(self, request: Request, name: str) -> File:
        """A file of the browser app: public code, named by its content where it is an asset."""
        file = static_file(self._folder, name)
        request.setHeader("Cache-Control", IMMUTABLE if name.startswith("assets/") else "no-cache")
        return file

    @app.route("/static/<name>", methods=["GET"])
    def static(self, request: Request, name: str) -> File:
        """What the plain pages need."""
        if not name.endswith(PLAIN):
            raise NotFound("not found")
        file = static_file(STATIC, name)
        request.setHeader("Cache-Control", "no-cache")
        return file

    @app.route("/favicon.ico", methods=["GET"])
    def favicon(self, request: Request) -> File:
        """The icon, for browsers that ask for it by this name."""
        return static_file(STATIC, "icon.svg")

    async def _logged_in(self, request: Request) -> None:
        await self._authenticator.viewer(cookie=cookie_of(request), token=None)


def static_file(folder: Path, name: str) -> File:
    """A file below `folder`. Raises NotFound for anything that is none, or lies outside."""
    try:
        path = (folder / name).resolve()
        served_from_here = path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, ValueError):
        # A name that no file can have: too long, or with a NUL.
        served_from_here = False
    if not served_from_here:
        raise NotFound("not found")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    served = File(str(path), defaultType=kind)
    served.type, served.encoding = kind, None
    served.isLeaf = True
    return served
