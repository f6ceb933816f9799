"""Web Push as the browser sees it: the service worker, its address and its headers, and what a push shows.

No push service is reachable from a test; Chromium's own tools deliver what one would.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.browser.conftest import Pages
from tests.integration.program import Server, eventually

SESSION = "0a1b2c3d"

REGISTER = """async () => {
  const registration = await navigator.serviceWorker.register("/app/service-worker.js");
  await navigator.serviceWorker.ready;
  return registration.scope;
}"""

SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""


class Worker:
    """The worker of a page, by Chromium's tools."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._registrations: list[dict[str, Any]] = []
        self._session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: self._registrations.extend(event["registrations"]),
        )
        self._session.send("ServiceWorker.enable")

    def push(self, origin: str, data: str) -> None:
        def known() -> str:
            self._page.wait_for_timeout(50)
            return next((each["registrationId"] for each in self._registrations), "")

        registration = eventually(known, "the worker is registered")
        self._session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": origin, "registrationId": registration, "data": data},
        )


def shown(page: Page, number: int) -> list[dict[str, Any]]:
    """The notifications that are there, once there are so many."""

    def found() -> list[dict[str, Any]]:
        page.wait_for_timeout(50)
        now: list[dict[str, Any]] = page.evaluate(SHOWN)
        return now if len(now) >= number else []

    return eventually(found, f"{number} notifications")


def test_a_push_is_shown_and_names_its_terminal(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    page.wait_for_url("**/app/**")
    page.context.grant_permissions(["notifications"], origin=roost.url)
    worker = Worker(page)
    assert page.evaluate(REGISTER) == f"{roost.url}/app/", "all of the app, and nothing else"
    told = {
        "title": "claude wants your attention",
        "body": "paper-boat",
        "url": f"{roost.url}/app/#s/{SESSION}",
        "tag": f"#s/{SESSION}",
    }
    worker.push(roost.url, json.dumps(told))
    assert shown(page, 1) == [
        {"title": told["title"], "body": "paper-boat", "tag": told["tag"], "data": {"hash": told["tag"]}}
    ]
    # Of the same terminal, the newest alone; of none, something all the same.
    worker.push(roost.url, json.dumps({**told, "title": "claude has ended"}))
    eventually(lambda: "claude has ended" in [each["title"] for each in shown(page, 1)], "the newest")
    assert len(shown(page, 1)) == 1
    worker.push(roost.url, "not JSON")
    assert {each["title"] for each in shown(page, 2)} == {
        "claude has ended",
        "A terminal wants your attention",
    }


def test_the_worker_is_served_to_be_looked_at_anew(roost: Server) -> None:
    """It is asked for without a cookie, and no cache keeps an old one."""
    status, headers, body = roost.request("GET", "/app/service-worker.js")
    assert status == 200
    assert headers["content-type"].partition(";")[0] == "text/javascript"
    assert headers["cache-control"] == "no-cache"
    assert "worker-src 'self'" in headers["content-security-policy"]
    assert b'addEventListener("push"' in body
