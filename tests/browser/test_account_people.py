"""What the account pages have only where people sign in, as far as one person can try it: the server is of
one person alone, and the app is told that it is of many."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.account import account, as_if_people_sign_in, make_org, opened, sure
from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS, open_terminal
from tests.integration.program import Server


def test_an_organisation_from_its_name_to_its_end(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    as_if_people_sign_in(page.context)
    page.reload()
    account(page, "orgs")
    page.get_by_test_id("org-name").fill("Paper Boats")
    page.get_by_test_id("create-org").click()
    expect(page.get_by_test_id("org-page")).to_have_attribute("data-role", "owner", timeout=WAIT_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paper Boats")
    expect(page.get_by_test_id("org-command")).to_have_text("wt start --org paper-boats")
    expect(page.get_by_test_id("member")).to_have_count(1)
    expect(page.get_by_test_id("leave-org")).to_have_count(0)

    emails = page.get_by_test_id("invite-emails")
    emails.fill("ada@example.org, nobody")
    page.get_by_test_id("send-invites").click()
    expect(page.get_by_test_id("org-invites").get_by_test_id("problem")).to_contain_text(
        "Not an e-mail address: nobody"
    )
    emails.fill("ada@example.org\ngrace@example.org")
    page.get_by_test_id("invite-role").select_option("admin")
    page.get_by_test_id("send-invites").click()
    expect(page.get_by_test_id("invite-link")).to_have_count(2)
    link = page.get_by_test_id("invite-link").first.input_value()
    assert link.startswith(f"{roost.url}/invite/")
    page.get_by_test_id("copy-link").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == link
    expect(page.get_by_test_id("invite")).to_have_count(2)
    ada = page.locator("[data-testid=invite][data-id='ada@example.org']")
    expect(ada).to_contain_text("as admin")
    sure(ada.get_by_test_id("revoke-invite"))
    expect(page.get_by_test_id("invite")).to_have_count(1)
    expect(page.get_by_test_id("invite-link")).to_have_count(1)

    page.get_by_test_id("seats").fill("3")
    page.get_by_test_id("upgrade-org").click()
    expect(page.get_by_test_id("org-seats")).to_contain_text("1 of 3 seats")
    sure(page.get_by_test_id("cancel-plan"))
    expect(page.get_by_test_id("org-plan-name")).to_have_text("Free")

    page.get_by_test_id("org-rename-input").fill("Paper Ships")
    page.get_by_test_id("rename-org").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Paper Ships")
    page.reload()
    expect(page.get_by_test_id("log-entry").first).to_contain_text("organisation renamed", timeout=WAIT_MS)

    page.get_by_test_id("delete-org").click()
    expect(page.get_by_test_id("confirm")).to_be_disabled()
    page.get_by_test_id("confirm-input").fill("Paper Boats")
    expect(page.get_by_test_id("confirm")).to_be_disabled()
    page.get_by_test_id("confirm-input").fill("Paper Ships")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("account-page")).to_contain_text("You are in none yet.")


def test_what_changes_elsewhere_is_seen_at_once(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    other = opened(roost, pages)
    as_if_people_sign_in(page.context)
    page.reload()
    account(page, "orgs")
    expect(page.get_by_test_id("orgs")).to_contain_text("You are in none yet.")
    org = make_org(other, "Paper Boats")
    expect(page.get_by_test_id("org")).to_contain_text("Paper Boats", timeout=WAIT_MS)
    page.get_by_test_id("org").click()
    expect(page.get_by_test_id("org-page")).to_have_attribute("data-id", org)
    pages.expected.append("the server responded with a status of 404")
    other.evaluate(f"fetch('/api/orgs/{org}', {{method: 'DELETE'}})")
    expect(page.get_by_test_id("org-gone")).to_be_visible(timeout=WAIT_MS)


def test_whoever_is_in_an_organisation_no_more_is_told(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    pages.expected.append("the server responded with a status of 404")
    as_if_people_sign_in(page.context)
    page.reload()
    account(page, "orgs/nothing-here")
    expect(page.get_by_test_id("org-gone")).to_be_visible(timeout=WAIT_MS)


def test_what_a_server_refuses_is_told_in_its_words(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    for status in (402, 409, 429):
        pages.expected.append(f"the server responded with a status of {status}")
    as_if_people_sign_in(page.context)
    usage = {"tier": "free", "usage_bytes": 900, "cap_bytes": 1000, "month": "2026-11", "notice": True}
    page.route("**/api/app/usage", lambda route: route.fulfill(json=usage))
    pay = {"error": "this plan has to be paid first", "checkout_url": "https://pay.example/x"}
    page.route("**/api/app/upgrade", lambda route: route.fulfill(status=402, json=pay))
    page.reload()
    account(page, "usage")
    expect(page.get_by_test_id("usage-meter")).to_have_attribute("aria-label", "90 % of the month's limit")
    expect(page.get_by_test_id("usage-notice")).to_be_visible()
    page.get_by_test_id("upgrade").click()
    expect(page.get_by_test_id("problem")).to_contain_text("This plan has to be paid first.")
    expect(page.get_by_test_id("checkout")).to_have_attribute("href", "https://pay.example/x")

    slowly = {"error": "too many changes from this account"}
    page.route(
        "**/api/app/profile",
        lambda route: (
            route.continue_()
            if route.request.method == "GET"
            else route.fulfill(status=429, json=slowly, headers={"Retry-After": "3"})
        ),
    )
    account(page, "profile")
    page.get_by_test_id("display-name").fill("Somebody else")
    page.get_by_test_id("save-profile").click()
    problem = page.get_by_test_id("problem")
    expect(problem).to_contain_text("Too many changes from this account. Try again in")
    expect(problem).to_contain_text("You can try again now.", timeout=WAIT_MS)


def test_a_name_is_changed_everywhere(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    as_if_people_sign_in(page.context)
    page.reload()
    account(page, "profile")
    page.get_by_test_id("display-name").fill("Ada Lovelace")
    page.get_by_test_id("save-profile").click()
    expect(page.get_by_test_id("save-profile")).to_be_disabled()
    page.get_by_test_id("account-menu").click()
    expect(page.get_by_role("menu")).to_contain_text("Ada Lovelace")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_test_id("display-name")).to_have_value("Ada Lovelace", timeout=WAIT_MS)


def test_who_is_logged_out_signs_in_and_comes_back(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    as_if_people_sign_in(page.context)
    page.reload()
    account(page, "usage")
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("logout").click()
    link = page.get_by_test_id("sign-in")
    expect(link).to_have_attribute("href", "/auth/login?next=%2Fapp%2F%23account%2Fusage", timeout=WAIT_MS)
    expect(page.get_by_test_id("get-in")).not_to_contain_text("wt url")


def test_the_months_limit_is_said_on_every_page(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    said = "you have used the 1.0 GiB of November; it starts anew on December 1"

    def limited(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(socket.send)
        socket.send(json.dumps({"type": "bandwidth.exceeded", "message": said}))

    page.route_web_socket(re.compile("/ws/app"), limited)
    page.reload()
    banner = page.get_by_test_id("bandwidth-exceeded")
    expect(banner).to_contain_text("You have used the 1.0 GiB of November", timeout=WAIT_MS)
    open_terminal(page)
    expect(banner).to_be_visible()
    banner.get_by_test_id("show-usage").click()
    expect(page.get_by_test_id("account-page")).to_have_attribute("data-section", "usage")
    expect(banner).to_be_visible()


def test_the_wing_says_whose_and_in_what_it_is_shared(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    as_if_people_sign_in(page.context)
    org = make_org(page, "Paper Boats")

    def answer(route: Route) -> None:
        response = route.fetch()
        wings = [{**wing, "org_id": org, "owner": "Grace"} for wing in response.json()]
        route.fulfill(response=response, json=wings)

    page.route("**/api/app/wings", answer)
    page.reload()
    expect(page.get_by_test_id("wing-card")).to_contain_text(
        "of Grace · shared in Paper Boats", timeout=WAIT_MS
    )
