"""The pages of a node with accounts, and the files of the browser app."""

from __future__ import annotations

from pathlib import Path

from klein import Klein
from twisted.web.http import Request
from twisted.web.static import File

from wingthing.errors import PeerError
from wingthing.relay.credentials import cookie_of
from wingthing.web.answers import map_errors
from wingthing.web.auth import redirect
from wingthing.web.identity import Authenticator
from wingthing.web.plain_files import STATIC, static_file

APP = STATIC / "app"
IMMUTABLE = "public, max-age=31536000, immutable"


class Pages:
    """Klein app for what is neither API nor socket."""

    app = Klein()
    map_errors(app)

    def __init__(self, authenticator: Authenticator, app_folder: Path = APP) -> None:
        self._authenticator = authenticator
        self._folder = app_folder

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

    async def _logged_in(self, request: Request) -> None:
        await self._authenticator.viewer(cookie=cookie_of(request), token=None)
