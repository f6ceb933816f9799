"""The page that approves a machine, in a real browser: what it sends along with a form is its own affair."""

from __future__ import annotations

import json

from tests.browser.conftest import Pages
from tests.integration.program import Server

WING = "a1b2c3d4e5f6a1b2c3d4e5f6"


def test_a_machine_elsewhere_is_approved_on_a_phone(roost: Server, pages: Pages) -> None:
    # Through a proxy, so that nothing is approved without being asked.
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.7"}
    _status, _headers, body = roost.request("POST", "/auth/device", json.dumps({"wing_id": WING}), headers)
    code = json.loads(body)
    page = pages.open(roost.link(), phone=True)
    page.wait_for_url("**/app/**")
    page.goto(code["verification_url"])
    assert WING in page.inner_text("main")
    assert page.input_value("#user_code") == code["user_code"]
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Machine approved").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.fonts.check('16px \"Inter Variable\"')"), "it looks like the app"
    _status, _headers, body = roost.request(
        "POST", "/auth/token", json.dumps({"device_code": code["device_code"]}), headers
    )
    assert json.loads(body)["token"].count(".") == 2


def test_a_wrong_code_is_corrected_on_the_same_page(roost: Server, pages: Pages) -> None:
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.7"}
    _status, _headers, body = roost.request("POST", "/auth/device", json.dumps({"wing_id": WING}), headers)
    code = json.loads(body)["user_code"]
    page = pages.open(roost.link())
    page.wait_for_url("**/app/**")
    page.goto(f"{roost.url}/auth/claim")
    pages.expected.append("the server responded with a status of 404")
    page.fill("#user_code", "WRNG99")
    page.get_by_role("button", name="Approve").click()
    assert "WRNG99" in page.inner_text("[role=alert]")
    page.fill("#user_code", code)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Machine approved").wait_for()
