"""Signing in in a real browser, at a server that knows the local provider."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_app import WAIT_MS


def sign_in(page: Page, email: str, way: str = "Example") -> None:
    """From the login page to a provider that asks who it is, and back. Does not wait for what comes then."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in", timeout=WAIT_MS)
    page.get_by_role("button", name=f"Continue with {way}").click()
    page.get_by_role("link", name=email).click(timeout=WAIT_MS)
