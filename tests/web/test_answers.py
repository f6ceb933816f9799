"""One mapping from errors to answers."""

from __future__ import annotations

import attrs
import msgspec
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.http import Request

from tests.web.support import Exchange, WebCase
from wingthing.errors import Forbidden, PeerError
from wingthing.web.answers import TITLES, is_for_people, map_errors, templates


@attrs.define
class Asked:
    """A request, as far as its address goes."""

    path: bytes


class Failing:
    """A page for each way to fail."""

    app = Klein()
    map_errors(app)

    @app.route("/forbidden")
    async def forbidden(self, request: Request) -> bytes:
        raise Forbidden("not for <b>you</b>")

    @app.route("/later")
    async def later(self, request: Request) -> bytes:
        raise PeerError("not now", status=503, headers={"Retry-After": "7"})

    @app.route("/bug")
    async def bug(self, request: Request) -> bytes:
        raise ZeroDivisionError("the inside of the program")

    @app.route("/never")
    async def never(self, request: Request) -> bytes:
        await Deferred()
        return b"never"

    @app.route("/sync")
    def sync(self, request: Request) -> bytes:
        raise ZeroDivisionError("the inside of the program")


class AnswersTests(WebCase):
    def setUp(self) -> None:
        super().setUp()
        tree = self.site.resource._tree
        tree._pages = Failing().app.resource()
        tree.putChild(b"api", Failing().app.resource())

    def test_for_programs(self) -> None:
        answer = self.get("/api/forbidden")
        self.assertEqual((answer.status, answer.error), (403, "not for <b>you</b>"))
        later = self.get("/api/later")
        self.assertEqual((later.status, later.header("retry-after")), (503, "7"))

    def test_for_people(self) -> None:
        answer = self.get("/forbidden")
        self.assertEqual(answer.status, 403)
        self.assertIn("Not for &lt;b&gt;you&lt;/b&gt;.", answer.text)
        self.assertEqual(self.get("/later").header("retry-after"), "7")

    def test_bugs(self) -> None:
        for path in ("/bug", "/sync", "/api/bug", "/api/sync"):
            answer = self.get(path)
            self.assertEqual(answer.status, 500)
            self.assertNotIn(b"inside", answer.body)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1, path)
        self.assertEqual(self.get("/api/bug").error, "internal error")
        self.flushLoggedErrors(ZeroDivisionError)

    def test_a_client_that_leaves_is_no_bug(self) -> None:
        exchange = Exchange(self)
        exchange.send(self.raw("GET", "/never"))
        self.assertFalse(exchange.answered)
        exchange.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_templates_escape(self) -> None:
        text = templates.get_template("error.html").render(title="<t>", message="<script>")
        self.assertNotIn("<script>", text)
        self.assertNotIn("<t>", text)

    def test_who_gets_a_page_and_who_gets_json(self) -> None:
        for path in ("/api/x", "/auth/x", "/ws/x", "/internal/x", "/health", "/metrics", "/status.json"):
            self.assertFalse(is_for_people(Asked(path.encode())), path)  # type: ignore[arg-type]
        for path in ("/", "/app/x", "/auth/claim", "/status", "/status.jsonx", "/healthy"):
            self.assertTrue(is_for_people(Asked(path.encode())), path)  # type: ignore[arg-type]

    def test_each_refusal_of_a_proxy_has_a_title(self) -> None:
        for status in (500, 502, 503, 504):
            self.assertIn(status, TITLES)

    def test_answers_are_json_with_the_type_that_says_so(self) -> None:
        answer = self.get("/api/later")
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(msgspec.json.decode(answer.body), {"error": "not now"})
