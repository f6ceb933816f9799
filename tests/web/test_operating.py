"""What operators and their programs ask, on every node."""

from __future__ import annotations

from tests.web.support import WebCase


class OperatingTests(WebCase):
    not_ready = ""

    async def _ready(self) -> str:
        return self.not_ready

    def test_health_is_open_and_asks_nobody(self) -> None:
        self.direct.close()
        self.not_ready = "the database is away"
        answer = self.get("/health")
        self.assertEqual((answer.status, answer.json), (200, {"ok": True}))
        self.assertEqual(self.ask("HEAD", "/health").body, b"")

    def test_ready_or_why_not(self) -> None:
        answer = self.get("/ready")
        self.assertEqual((answer.status, answer.json), (200, {"ready": True}))
        self.not_ready = "login has not been heard"
        answer = self.get("/ready")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json, {"ready": False, "error": "login has not been heard"})

    def test_figures_are_for_the_private_network(self) -> None:
        answer = self.get("/metrics")
        self.assertEqual((answer.status, answer.body), (200, b"figures 1\n"))
        self.assertTrue((answer.header("content-type") or "").startswith("text/plain; version=0.0.4"))
        for public in ("Fly-Client-IP", "fly-forwarded-port"):
            answer = self.ask("GET", "/metrics", headers={public: ""})
            self.assertEqual(answer.status, 404, public)
            self.assertNotIn(b"figures", answer.body)

    def test_what_lies_below_is_not_found(self) -> None:
        for path in ("/health/x", "/ready/", "/metrics/x"):
            self.assertEqual(self.get(path).status, 404, path)
