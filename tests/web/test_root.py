"""Which part of the tree gets a request."""

from __future__ import annotations

from collections.abc import Mapping

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import IResource, Resource

from tests.web.support import WebCase


class Part:
    app = Klein()

    def __init__(self, name: bytes) -> None:
        self._name = name

    @app.route("/app/wings/extra/<_rest>")
    @app.route("/orgs")
    @app.route("/orgs/<_rest>")
    def named(self, request: Request, _rest: str = "") -> bytes:
        return self._name


class Named(Resource):
    isLeaf = True

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self._name = name

    def render_GET(self, request: Request) -> bytes:
        return self._name


class TreeTests(WebCase):
    def sockets(self) -> Mapping[str, IResource]:
        return {"wing": Named(b"the wing's"), "pty": Named(b"a browser's")}

    def parts(self) -> Mapping[str, Klein]:
        return {"orgs": Part(b"orgs").app, "app/wings/extra": Part(b"extra").app}

    def test_parts_of_the_api_by_what_they_begin_with(self) -> None:
        self.assertEqual(self.get("/api/orgs").body, b"orgs")
        self.assertEqual(self.get("/api/orgs/7").body, b"orgs")
        self.assertEqual(self.get("/api/app/wings/extra/7").body, b"extra")
        self.assertEqual(self.get("/api/organs").status, 404)
        self.assertEqual(self.get("/api/app/wings").status, 401)

    def test_sockets_by_name(self) -> None:
        self.assertEqual(self.get("/ws/wing").body, b"the wing's")
        self.assertEqual(self.get("/ws/pty?wing_id=x").body, b"a browser's")

    def test_other_sockets_are_not_found(self) -> None:
        for path in ("/ws", "/ws/", "/ws/nothing", "/ws/nothing/below"):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.get("/ws/nothing").error, "not found")

    def test_sockets_are_behind_the_guard(self) -> None:
        self.assertEqual(self.get("/ws/wing", Host="evil.example").status, 421)

    def test_the_rest_goes_to_the_pages(self) -> None:
        self.assertEqual(self.get("/health").status, 200)
        self.assertEqual(self.get("/apis").status, 404)
        self.assertEqual(self.get("/authentic/device").status, 404)
