"""The login page in a real browser: its forms, its policies, and the way to a provider and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESKTOP, PHONE
from tests.integration.mailbox import Mailbox, free_port
from tests.integration.program import Server
from tests.integration.provider import Provider

EXPECTED = ("the server responded with a status of 40",)


@attrs.define
class Place:
    server: Server
    provider: Provider
    mailbox: Mailbox
    browser: Browser
    problems: list[str]

    def open(self, path: str, *, phone: bool = False) -> Page:
        """A page in a browser of its own."""
        viewport = PHONE if phone else DESKTOP
        page = self.browser.new_context(viewport=viewport).new_page()  # type: ignore[arg-type]
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on(
            "console",
            lambda said: (
                self.problems.append(said.text)
                if said.type in ("error", "warning") and not any(words in said.text for words in EXPECTED)
                else None
            ),
        )
        page.goto(f"{self.server.url}{path}")
        return page


@pytest.fixture
def place(browser: Browser) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder, Provider() as provider, Mailbox() as mailbox:
        address = f"127.0.0.1:{free_port()}"
        variables = {**provider.variables(), **mailbox.variables()}
        server = Server(Path(folder), "serve", "--base-url", f"http://{address}", addr=address, **variables)
        found = Place(server, provider, mailbox, browser, [])
        try:
            yield found
        finally:
            for context in browser.contexts:
                context.close()
            server.stop()
            assert "Traceback" not in server.output, server.output
    assert not found.problems, found.problems


def fits(page: Page) -> bool:
    """Nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("phone", [False, True])
def test_to_a_provider_and_back(place: Place, phone: bool) -> None:
    place.provider.knows("ann@example.org", "Ann")
    place.provider.asks = True
    page = place.open("/auth/claim?code=ABCDEF", phone=phone)
    assert page.url == f"{place.server.url}/auth/login?next=%2Fauth%2Fclaim%3Fcode%3DABCDEF"
    assert fits(page)
    for name in ("GitHub", "Google", "Example"):
        button = page.get_by_role("button", name=f"Continue with {name}")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, "a finger finds it"
    page.get_by_role("button", name="Continue with GitHub").click()
    page.get_by_text("ann@example.org").click()
    page.wait_for_url(f"{place.server.url}/auth/claim?code=ABCDEF")
    page.get_by_role("heading", name="Approve a machine").wait_for()
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("wt_session", True, "Lax")


def test_somebody_who_says_no_can_begin_again(place: Place) -> None:
    place.provider.sign_in_as("ann@example.org")
    place.provider.denies = True
    page = place.open("/auth/login?next=/auth/claim", phone=True)
    page.get_by_role("button", name="Continue with Google").click()
    page.get_by_role("alert").get_by_text("not agreed").wait_for()
    place.provider.denies = False
    page.get_by_role("button", name="Continue with Example").click()
    page.wait_for_url(f"{place.server.url}/auth/claim")


def test_by_mail_in_another_browser(place: Place) -> None:
    page = place.open("/auth/login?next=/auth/claim")
    page.get_by_label("E-mail address").fill("ann@example.org")
    page.get_by_label("E-mail address").press("Enter")
    page.get_by_role("heading", name="Look into your mail").wait_for()
    link = place.mailbox.wait().link.removeprefix(place.server.url)
    other = place.open(link, phone=True)
    assert fits(other)
    assert other.context.cookies() == []
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url(f"{place.server.url}/auth/claim")
    again = place.open(link)
    again.get_by_role("alert").get_by_text("has been used").wait_for()
