"""What the tests of the account pages have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS
from tests.integration.program import Server

OTHER_WING = "b0b0b0b0b0b0b0b0b0b0b0b0"
"""A machine that logs in and never connects."""


def account(page: Page, section: str) -> Locator:
    """The page of a section, by way of its address."""
    page.evaluate(f"location.hash = '#account/{section}'")
    shown = page.get_by_test_id("account-page")
    expect(shown).to_have_attribute("data-section", section.partition("/")[0], timeout=WAIT_MS)
    return shown


def saved(page: Page, press: Callable[[], None], folder: Path) -> str:
    """What is in the file that pressing something saves."""
    with page.expect_download() as download:
        press()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_text()


def sure(button: Locator) -> None:
    """Press a button that asks once more."""
    button.click()
    expect(button).to_have_class(re.compile(r"\bdanger\b"))
    button.click()


def another_login(server: Server) -> str:
    """The token of another machine, by the device login."""
    as_json = {"Content-Type": "application/json"}
    asked = json.dumps({"wing_id": OTHER_WING})
    _status, _headers, body = server.request("POST", "/auth/device", asked, as_json)
    code = json.dumps({"device_code": json.loads(body)["device_code"]})
    _status, _headers, body = server.request("POST", "/auth/token", code, as_json)
    token = json.loads(body)["token"]
    assert isinstance(token, str)
    return token


def counts(server: Server, token: str) -> bool:
    status, _headers, _body = server.request("GET", "/auth/check", None, {"Authorization": f"Bearer {token}"})
    return status == 200


def as_if_people_sign_in(context: BrowserContext, **fields: object) -> None:
    """Everything is real but one answer: the app is told that this is a server of many."""

    def answer(route: Route) -> None:
        response = route.fetch()
        if response.ok:
            route.fulfill(response=response, json={**response.json(), "sign_in": True, **fields})
        else:
            route.fulfill(response=response)

    context.route("**/api/app/me", answer)


def opened(roost: Server, pages: Pages, *, phone: bool = False) -> Page:
    page = pages.open(roost.link(), phone=phone)
    page.wait_for_url("**/app/**")
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    return page


def make_org(page: Page, name: str) -> str:
    """A new organisation, not by way of the page; its id."""
    made = page.evaluate(
        "name => fetch('/api/orgs', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({name})}).then(answer => answer.json())",
        name,
    )
    return str(made["id"])
