"""The account of somebody who signs in, in a real Chromium: the ways in, the other browsers, and the end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Page, expect

from tests.browser.account import account, saved, sure
from tests.browser.conftest import Pages
from tests.browser.sign_in import sign_in
from tests.browser.test_app import WAIT_MS
from tests.integration.mailbox import Mailbox, free_port
from tests.integration.program import Server
from tests.integration.provider import Provider
from tests.integration.visitor import Visitor

ANN, HOME = "ann@example.org", "ann@home.example"


@attrs.define
class Place:
    server: Server
    mailbox: Mailbox
    pages: Pages

    def open(self, path: str = "/app/", *, phone: bool = False) -> Page:
        """A page in a browser of its own."""
        return self.pages.open(f"{self.server.url}{path}", phone=phone)

    def enter(self, email: str = ANN, way: str = "GitHub", *, phone: bool = False) -> Page:
        """The app in a browser that has signed in."""
        page = self.open(phone=phone)
        sign_in(page, email, way)
        expect(page.get_by_test_id("no-wings")).to_be_visible(timeout=WAIT_MS)
        return page


@pytest.fixture
def place(pages: Pages) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder, Provider() as provider, Mailbox() as mailbox:
        provider.asks = True
        provider.knows(ANN, "Ann")
        provider.knows(HOME, "Ann at home")
        pages.origins.append(provider.url)
        address = f"127.0.0.1:{free_port()}"
        variables = {**provider.variables(), **mailbox.variables()}
        server = Server(Path(folder), "serve", "--base-url", f"http://{address}", addr=address, **variables)
        try:
            yield Place(server, mailbox, pages)
        finally:
            server.stop()
            assert "Traceback" not in server.output, server.output


def me(page: Page) -> str:
    """The id of whoever is logged in."""
    return str(page.evaluate("fetch('/api/app/me').then(answer => answer.json()).then(me => me.id)"))


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_ways_in_are_linked_and_unlinked(place: Place, phone: bool) -> None:
    page = place.enter(phone=phone)
    ann = me(page)
    account(page, "sign-in")
    methods = page.get_by_test_id("method")
    expect(methods).to_have_count(1, timeout=WAIT_MS)
    expect(page.get_by_test_id("last-method")).to_be_visible()
    page.get_by_test_id("link-google").click()
    page.get_by_role("link", name=HOME).click(timeout=WAIT_MS)
    expect(methods).to_have_count(2, timeout=WAIT_MS)
    assert page.url.endswith("/app/#account/sign-in")
    github = page.locator("[data-testid=method][data-id=github]")
    expect(github).to_contain_text(ANN)
    expect(page.locator("[data-testid=method][data-id=google]")).to_contain_text(HOME)
    sure(github.get_by_test_id("unlink"))
    expect(methods).to_have_count(1, timeout=WAIT_MS)
    expect(page.get_by_test_id("last-method")).to_be_visible()
    other = place.enter(HOME, "Google")
    assert me(other) == ann
    stranger = place.enter(ANN, "GitHub")
    assert me(stranger) != ann, "what was unlinked opens the account no more"


def test_a_link_by_mail_that_a_scanner_cannot_spend(place: Place) -> None:
    page = place.open()
    page.get_by_label("E-mail address").fill(ANN)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail", timeout=WAIT_MS)
    link = place.mailbox.wait().link
    scanner = Visitor(place.server.url)
    for _ in range(2):
        assert scanner.get(link).status == 200
    assert not scanner.logged_in
    phone = place.open(link.removeprefix(place.server.url), phone=True)
    expect(phone.get_by_role("main")).to_contain_text(ANN)
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_test_id("no-wings")).to_be_visible(timeout=WAIT_MS)

    # One more address, for the same account: the browser that has asked opens the link.
    account(phone, "sign-in")
    expect(phone.locator("[data-testid=method][data-id=email]")).to_contain_text(ANN, timeout=WAIT_MS)
    phone.get_by_test_id("link-email-input").fill(HOME)
    phone.get_by_test_id("link-email").click()
    expect(phone.get_by_test_id("link-email-sent")).to_contain_text(HOME, timeout=WAIT_MS)
    phone.goto(place.mailbox.wait(2).link)
    phone.get_by_role("button", name="Add it").click()
    expect(phone.get_by_test_id("method")).to_have_count(2, timeout=WAIT_MS)
    assert me(place.enter(HOME, "Example")) == me(phone), "the same address is the same account"


def test_a_browser_elsewhere_is_signed_out(place: Place) -> None:
    page = place.enter()
    other = place.enter(phone=True)
    account(other, "usage")
    account(page, "sessions")
    expect(page.get_by_test_id("login-session")).to_have_count(2, timeout=WAIT_MS)
    sure(page.get_by_test_id("revoke-session"))
    expect(page.get_by_test_id("login-session")).to_have_count(1, timeout=WAIT_MS)
    # The other page has asked nothing: it is told.
    expect(other.get_by_test_id("get-in")).to_be_visible(timeout=WAIT_MS)
    other.get_by_test_id("sign-in").click()
    sign_in(other, ANN)
    expect(other.get_by_test_id("usage")).to_be_visible(timeout=WAIT_MS)


def test_an_account_is_taken_along_and_deleted(place: Place, tmp_path: Path) -> None:
    page, other = place.enter(), place.enter(phone=True)
    ann = me(page)
    account(page, "orgs")
    page.get_by_test_id("org-name").fill("Paper Boats")
    page.get_by_test_id("create-org").click()
    expect(page.get_by_test_id("org-page")).to_be_visible(timeout=WAIT_MS)
    account(page, "data")
    kept = json.loads(saved(page, page.get_by_test_id("export-link").click, tmp_path))
    assert (kept["profile"]["id"], kept["profile"]["email"]) == (ann, ANN)
    assert "Paper Boats" in json.dumps(kept)
    cookies = {str(cookie.get("value")) for cookie in page.context.cookies()}
    assert not any(value in json.dumps(kept) for value in cookies)
    expect(page.get_by_test_id("deletion-list")).to_contain_text("Paper Boats", timeout=WAIT_MS)
    page.get_by_test_id("delete-account-button").click()
    page.get_by_test_id("confirm-input").fill("ann")
    expect(page.get_by_test_id("confirm")).to_be_disabled()
    page.get_by_test_id("confirm-input").fill(ANN)
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("account-deleted")).to_be_visible(timeout=WAIT_MS)
    expect(other.get_by_test_id("get-in")).to_be_visible(timeout=WAIT_MS)
    page.get_by_test_id("sign-in").click()
    sign_in(page, ANN, "GitHub")
    expect(page.get_by_test_id("home")).to_be_visible(timeout=WAIT_MS)
    assert me(page) != ann, "a new account"
    account(page, "orgs")
    expect(page.get_by_test_id("orgs")).to_contain_text("You are in none yet.", timeout=WAIT_MS)
