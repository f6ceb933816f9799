"""A browser without a screen: it keeps cookies, follows redirects, and fills in the login page's forms."""

from __future__ import annotations

import html
import http.client
import json
import re
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import attrs

from tests.integration.program import DEADLINE_SECONDS

REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
MOST_REDIRECTS = 10


@attrs.frozen
class Page:
    """What has come back in the end: `url` is where from."""

    url: str
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Visitor:
    """One browser at one server. `cookies` are those for the server, by name; they do not know of ports, so
    that all regions of a rehearsal have the same."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies: dict[str, str] = {}

    def get(self, path: str, *, follow: bool = True) -> Page:
        """Open a page of the server, or with a whole URL one of another's."""
        return self._ask("GET", urljoin(self.base_url, path), None, {}, follow)

    def post(self, path: str, *, follow: bool = True, **fields: str) -> Page:
        """Send a form of a page of the server."""
        headers = {"Origin": self.base_url, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", urljoin(self.base_url, path), urlencode(fields), headers, follow)

    def api(self, method: str, path: str, body: object = None) -> Page:
        """What a page's script does."""
        headers = {"Origin": self.base_url, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        return self._ask(method, urljoin(self.base_url, path), data, headers, follow=False)

    def start(self, kind: str, next_path: str = "/app/") -> str:
        """Press the button of a provider: where the browser is sent."""
        return self.onward(self.post(f"/auth/{kind}/start", next=next_path))

    def sign_in(self, kind: str, next_path: str = "/app/") -> Page:
        """The whole way to a provider and back: the page at the end of it."""
        return self.get(self.start(kind, next_path))

    def onward(self, page: Page) -> str:
        """Where a page that sends the browser on sends it."""
        found = REFRESH.search(page.text)
        assert found is not None, (page.status, page.text)
        return html.unescape(found[1])

    @property
    def me(self) -> Any:
        """Who is logged in: `/api/app/me`."""
        page = self.api("GET", "/api/app/me")
        assert page.status == 200, page
        return page.json

    def upgrade(self, path: str) -> int:
        """Ask for a WebSocket: the status."""
        headers = {
            "Origin": self.base_url,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    @property
    def logged_in(self) -> bool:
        return self.api("GET", "/api/app/me").status == 200

    def _ask(self, method: str, url: str, data: str | None, headers: dict[str, str], follow: bool) -> Page:
        for _ in range(MOST_REDIRECTS):
            page = self._once(method, url, data, headers)
            if not follow or page.status not in (302, 303):
                return page
            url, method, data, headers = urljoin(url, page.headers["location"]), "GET", None, {}
        raise AssertionError(f"it goes round and round: {url}")

    def _once(self, method: str, url: str, data: str | None, headers: dict[str, str]) -> Page:
        parts = urlsplit(url)
        own = parts.hostname == urlsplit(self.base_url).hostname
        if own and self.cookies:
            headers = {**headers, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        connection = http.client.HTTPConnection(parts.netloc, timeout=DEADLINE_SECONDS)
        try:
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request(method, target, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            if own:
                for value in answer.msg.get_all("Set-Cookie") or ():
                    name, _, rest = value.partition("=")
                    self.cookies[name] = rest.partition(";")[0]
                    if not self.cookies[name]:
                        del self.cookies[name]
            return Page(url, answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        finally:
            connection.close()
