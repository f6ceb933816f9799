"""What the plain pages need: style sheets, small scripts, the icon.

On every node: an edge that says that login is away must be able to say it in style.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from klein import Klein
from twisted.web.http import Request
from twisted.web.static import File

from wingthing.errors import NotFound
from wingthing.web.answers import map_errors

STATIC = Path(__file__).resolve().parent / "static"
PLAIN = (".css", ".js", ".svg")
SEGMENTS = ("static", "favicon.ico")

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


class PlainFiles:
    """Klein app of `/static/` and `/favicon.ico`."""

    app = Klein()
    map_errors(app)

    @app.route("/static/<name>", methods=["GET"])
    def static(self, request: Request, name: str) -> File:
        """One file."""
        if not name.endswith(PLAIN):
            raise NotFound("not found")
        file = static_file(STATIC, name)
        request.setHeader("Cache-Control", "no-cache")
        return file

    @app.route("/favicon.ico", methods=["GET"])
    def favicon(self, request: Request) -> File:
        """The icon, for browsers that ask for it by this name."""
        return static_file(STATIC, "icon.svg")


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
