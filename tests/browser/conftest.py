"""A real Chromium for the browser tests, and a real `wt roost` for it to open."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser import chromium
from tests.integration.program import Server, end_eggs

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

EXPECTED_NOISE = (
    "the server responded with a status of 401",
    "WebSocket connection to",
    "ERR_CONNECTION_REFUSED",
    "GPU stall due to ReadPixels",
    "task queue exceeded allotted deadline",
)
"""What Chromium says by itself: of a server that is away or refuses, and of its own drawing; and what the
terminal says on a busy machine."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed: 'make chromium' installs it where it may")
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def roost() -> Iterator[Server]:
    """A server with its wing, a project folder, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        home = Path(folder) / "home"
        project = Path(folder) / "projects" / "paper-boat"
        (project / ".git").mkdir(parents=True)
        home.mkdir()
        (home / "wing.yaml").write_text("audit: true\nspectate: true\n")
        # A shell that looks the same on every machine.
        running = Server(home, "roost", "--paths", str(project.parent), HOME=folder, PS1="$ ")
        try:
            yield running
        finally:
            running.stop()
            end_eggs(home)
            assert "Traceback" not in running.output, running.output


class Pages:
    """Opens pages that note every console error, failed policy and uncaught exception."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        self.expected = list(EXPECTED_NOISE)
        """What the console may say; a test adds what it brings about."""

        self.origins: list[str] = []
        """Further servers that pages may ask, beside the one that they are opened at."""

    def open(self, url: str, *, phone: bool = False, context: BrowserContext | None = None) -> Page:
        """A page in a browser of its own, or in the same one as another page with `context`."""
        if context is None:
            context = self._browser.new_context(
                viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
                has_touch=phone,
                is_mobile=phone,
                permissions=["clipboard-read", "clipboard-write"],
            )
            self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("request", self._asked(url))
        page.goto(url)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(noise in message.text for noise in self.expected):
            self.problems.append(f"{message.type}: {message.text}")

    def _asked(self, url: str) -> Callable[..., None]:
        origin = "/".join(url.split("/")[:3])

        def note(request: object) -> None:
            asked = str(getattr(request, "url", ""))
            if not asked.startswith((origin, "data:", "blob:", *self.origins)):
                self.problems.append(f"a request to another host: {asked}")

        return note

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def pages(browser: Browser) -> Iterator[Pages]:
    opened = Pages(browser)
    yield opened
    opened.close()
    assert not opened.problems, opened.problems
