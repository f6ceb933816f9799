"""Pages and files; and that nothing is open that need not be."""

from __future__ import annotations

import re

from werkzeug.routing import Rule

from tests.web.support import URL, WING, WebCase, package_file
from wingthing.web.api import AppApi
from wingthing.web.auth import AuthApp
from wingthing.web.operating import Operating
from wingthing.web.pages import Pages
from wingthing.web.plain_files import PlainFiles

OPEN = {
    "/health": "whether the process is there",
    "/ready": "whether it can work",
    "/metrics": "figures, and not through the public proxy",
    "/app": "a redirect",
    "/app/<path:name>": "code that anybody may read",
    "/static/<name>": "what the locked page looks like",
    "/favicon.ico": "an icon",
    "/auth/device": "a wing begins to log in",
    "/auth/token": "asks for the device code that it was given",
    "/auth/refresh": "asks for a token that counts",
}
"""Every address that answers without a login, and why."""


class LockedTests(WebCase):
    def rules(self) -> list[tuple[str, Rule]]:
        open_apps = (("", Operating.app), ("", PlainFiles.app))
        apps = (("/auth", AuthApp.app), ("/api", AppApi.app), *open_apps, ("", Pages.app))
        return [(prefix + rule.rule, rule) for prefix, app in apps for rule in app.url_map.iter_rules()]

    def test_everything_else_asks_for_a_login(self) -> None:
        seen = set()
        for path, rule in self.rules():
            seen.add(path)
            if path in OPEN:
                continue
            concrete = path.replace("<wing_id>", WING).replace("<jti>", "x")
            for method in (rule.methods or set()) - {"HEAD"}:
                body = {"label": "x"} if method == "PUT" else None
                answer = self.ask(method, concrete, body, {"Origin": URL})
                self.assertEqual(answer.status, 401, f"{method} {concrete}")
                if path.startswith("/api/") or path in ("/auth/check", "/auth/logout", "/auth/revoke"):
                    self.assertTrue(answer.error)
                else:
                    self.assertIn("<code>wt url</code>", answer.text, path)
        self.assertLessEqual(set(OPEN), seen)

    def test_nothing_is_written_without_a_login(self) -> None:
        self.ask("DELETE", f"/api/app/wings/{WING}/label", headers={"Origin": URL})
        self.assertEqual(self.direct.connection.execute("SELECT count(*) FROM audit_log").fetchone(), (0,))

    def test_a_wings_token_does_not_open_pages_or_apis(self) -> None:
        token = self.token()
        for path in ("/", "/app/", "/api/app/me", "/api/app/wings"):
            self.assertEqual(self.get(path, Authorization=f"Bearer {token}").status, 401, path)
            self.assertEqual(self.get(f"{path}?token={token}").status, 401, path)


class PageTests(WebCase):
    def test_the_way_to_the_app(self) -> None:
        self.log_in()
        for path in ("/", "/app"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.header("location")), (303, "/app/"))

    def test_the_app(self) -> None:
        self.log_in()
        answer = self.get("/app/")
        self.assertEqual((answer.status, answer.header("cache-control")), (200, "no-cache"))
        self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
        self.assertIn("the app", answer.text)

    def test_an_app_that_has_not_been_built(self) -> None:
        self.log_in()
        (self.app_folder / "index.html").unlink()
        answer = self.get("/app/")
        self.assertEqual(answer.status, 503)
        self.assertIn("make", answer.text)

    def test_unknown_pages(self) -> None:
        self.log_in()
        for path in ("/nothing", "/app/nothing", "/static/nothing.css", "/wp-login.php", "/auth"):
            answer = self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
            self.assertIn("There is nothing here", answer.text)

    def test_wrong_methods(self) -> None:
        self.log_in()
        answer = self.post("/app/")
        self.assertEqual((answer.status, answer.header("allow")), (405, "GET, HEAD"))

    def test_pages_keep_to_their_own_policy(self) -> None:
        for template in package_file("web/templates").glob("*.html"):
            source = template.read_text()
            inline = r"<script(?! src=./static/)|\sstyle=|<style|\son\w+=|https?://"
            self.assertIsNone(re.search(inline, source), template.name)
            self.assertNotIn("|safe", source.replace(" ", ""))
        sheet = package_file("web/static/pages.css").read_text()
        for address in re.findall(r"url\((.*?)\)", sheet):
            self.assertRegex(address, r'\A"/app/assets/[\w.-]+"\Z', "nothing of another host")
        self.assertNotIn("@import", sheet)


class FileTests(WebCase):
    def setUp(self) -> None:
        super().setUp()
        assets = self.app_folder / "assets"
        self.kinds = {
            "a.js": "text/javascript",
            "a.css": "text/css",
            "a.woff2": "font/woff2",
            "a.svg": "image/svg+xml",
            "a.webmanifest": "application/manifest+json",
            "a.wasm": "application/wasm",
            "a.unknown": "application/octet-stream",
        }
        for name in self.kinds:
            (assets / name).write_bytes(name.encode() * 50_000)

    def test_types_and_contents(self) -> None:
        for name, kind in self.kinds.items():
            answer = self.get(f"/app/assets/{name}")
            self.assertEqual((answer.status, answer.header("content-type")), (200, kind))
            self.assertEqual(answer.body, name.encode() * 50_000)

    def test_assets_are_kept_by_browsers_other_files_are_not(self) -> None:
        (self.app_folder / "robots.txt").write_text("x")
        self.assertIn("immutable", self.get("/app/assets/a.js").header("cache-control") or "")
        self.assertEqual(self.get("/app/robots.txt").header("cache-control"), "no-cache")
        self.assertEqual(self.get("/static/pages.css").header("cache-control"), "no-cache")

    def test_an_asset_that_is_missing_is_not_kept(self) -> None:
        answer = self.get("/app/assets/gone.js")
        self.assertEqual((answer.status, answer.header("cache-control")), (404, "no-store"))

    def test_head_and_parts(self) -> None:
        head = self.ask("HEAD", "/app/assets/a.js")
        self.assertEqual((head.status, head.body, head.header("content-length")), (200, b"", "200000"))
        part = self.get("/app/assets/a.js", Range="bytes=0-3")
        self.assertEqual((part.status, part.body), (206, b"a.js"))

    def test_nothing_outside(self) -> None:
        (self.folder / "secret.css").write_text("secret")
        (self.app_folder / "way-out").symlink_to(self.folder.absolute())
        for path in (
            "/app/../secret.css",
            "/app/%2e%2e/secret.css",
            "/app/assets/..%2f..%2fsecret.css",
            "/app/way-out/secret.css",
            "/app/way-out/jwt_key",
            "/app//etc/passwd",
            "/app/%2fetc%2fpasswd",
            "/static/..%2f..%2fpages.py",
            "/static/__init__.py",
            "/static/app/index.html",
            "/static/app%2findex.html",
            "/static/",
            "/app/assets/",
            "/app/assets",
        ):
            answer = self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"secret", answer.body.replace(b"secret.css", b""))

    def test_the_icon_has_two_names(self) -> None:
        for path in ("/favicon.ico", "/static/icon.svg"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.header("content-type")), (200, "image/svg+xml"))
