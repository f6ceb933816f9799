"""Files of the plain pages: what is there, and nothing from anywhere else."""

from __future__ import annotations

from tests.web.support import WebCase


class PlainFileTests(WebCase):
    def test_what_the_pages_name_is_there(self) -> None:
        for path, kind in (
            ("/static/pages.css", "text/css"),
            ("/static/status.js", "text/javascript"),
            ("/favicon.ico", "image/svg+xml"),
        ):
            answer = self.ask("GET", path)
            self.assertEqual((answer.status, answer.header("content-type")), (200, kind), path)

    def test_nothing_else_is(self) -> None:
        names = ("", "nothing.css", "../pages.py", "%2e%2e%2fpages.py", "app", "__init__.py", "%00.css")
        for path in (f"/static/{name}" for name in (*names, "a" * 5000 + ".css")):
            self.assertEqual(self.ask("GET", path).status, 404, path)
