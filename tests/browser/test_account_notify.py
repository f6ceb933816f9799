"""The page of the notifications in a real Chromium: all but the services that deliver them."""

from __future__ import annotations

import base64
import json
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import expect

from tests.browser.account import account, opened, sure
from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS
from tests.integration.program import Server


def test_ntfy_is_set_and_ended(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    account(page, "notifications")
    expect(page.get_by_test_id("ntfy-test")).to_be_disabled()
    page.get_by_test_id("ntfy-generate").click()
    topic = page.get_by_test_id("ntfy-topic")
    expect(topic).to_have_value(re.compile(r"^wt-\w{16,}$"))
    made = topic.input_value()
    page.get_by_test_id("ntfy-token").fill("tk_secret")
    page.get_by_test_id("ntfy-exit").uncheck()
    page.get_by_test_id("ntfy-save").click()
    expect(page.get_by_test_id("notice")).to_have_text("Saved.")
    expect(page.get_by_test_id("ntfy-test")).to_be_enabled()
    page.reload()
    expect(topic).to_have_value(made, timeout=WAIT_MS)
    expect(page.get_by_test_id("ntfy-attention")).to_be_checked()
    expect(page.get_by_test_id("ntfy-exit")).not_to_be_checked()
    expect(page.get_by_test_id("ntfy-token")).to_have_value("")
    expect(page.get_by_test_id("ntfy-token")).to_have_attribute("placeholder", "one is kept")
    page.get_by_test_id("ntfy-forget-token").check()
    page.get_by_test_id("ntfy-save").click()
    expect(page.get_by_test_id("ntfy-forget-token")).to_have_count(0)
    topic.fill("")
    page.get_by_test_id("ntfy-save").click()
    expect(page.get_by_test_id("ntfy-test")).to_be_disabled()
    page.reload()
    expect(topic).to_have_value("", timeout=WAIT_MS)


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_browser_is_told_while_no_page_is_open(roost: Server, pages: Pages) -> None:
    """All but the push service itself, which is another's server."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    subscription = {
        "endpoint": "https://push.example/browser-1",
        "keys": {"p256dh": coded(point), "auth": coded(b"0123456789abcdef")},
    }
    page = opened(roost, pages)
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        f"""const told = {json.dumps(subscription)};
        let mine = null;
        PushManager.prototype.getSubscription = () => Promise.resolve(mine);
        PushManager.prototype.subscribe = ({{ applicationServerKey }}) => {{
          const end = () => {{ mine = null; return Promise.resolve(true); }};
          mine = {{ ...told, options: {{ applicationServerKey }}, toJSON: () => told, unsubscribe: end }};
          return Promise.resolve(mine);
        }};"""
    )
    page.reload()
    account(page, "notifications")
    here = page.get_by_test_id("push-here")
    expect(here).not_to_be_checked()
    expect(page.get_by_test_id("push-test")).to_have_count(0)
    here.click()
    expect(here).to_be_checked(timeout=WAIT_MS)
    expect(page.get_by_test_id("push-attention")).to_be_checked()
    page.get_by_test_id("push-exit").click()
    expect(page.get_by_test_id("push-exit")).to_be_checked()
    # To another browser it is another one, which it can take away.
    other = opened(roost, pages)
    account(other, "notifications")
    expect(other.get_by_test_id("push-here")).not_to_be_checked()
    expect(other.get_by_test_id("push-exit")).to_be_checked()
    expect(other.get_by_test_id("push-browser")).to_contain_text("on Linux")
    here.click()
    expect(here).not_to_be_checked()
    expect(page.get_by_test_id("push-test")).to_have_count(0)
    here.click()
    expect(here).to_be_checked()
    sure(other.get_by_test_id("remove-push"))
    expect(other.get_by_test_id("push-browser")).to_have_count(0)
    pages.expected.append("the server responded with a status of 404")
    # Logging out ends it, so that nobody who comes after is told.
    here.click()
    expect(here).not_to_be_checked()
    expect(page.get_by_test_id("problem")).to_have_count(0)
    here.click()
    expect(here).to_be_checked()
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("logout").click()
    expect(page.get_by_test_id("get-in")).to_be_visible()
    other.reload()
    expect(other.get_by_test_id("push-here")).not_to_be_checked(timeout=WAIT_MS)
    expect(other.get_by_test_id("push-browser")).to_have_count(0)
