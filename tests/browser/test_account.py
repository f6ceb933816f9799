"""The account pages in a real Chromium, on a real server of one person."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.account import (
    OTHER_WING,
    account,
    another_login,
    as_if_people_sign_in,
    counts,
    opened,
    saved,
    sure,
)
from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS, open_terminal, run, shows
from tests.integration.program import Server, eventually

LOCAL = ["devices", "sessions", "passkeys", "usage", "notifications", "log", "data"]
EVERYWHERE = ["profile", "sign-in", *LOCAL[:3], "orgs", *LOCAL[3:]]


def by_name(link: str) -> str:
    """A link to the same server by a name: passkeys are for names."""
    return link.replace("127.0.0.1", "localhost")


def test_the_menu_leads_to_what_this_server_has(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    page.get_by_test_id("account-menu").click()
    expect(page.get_by_test_id("menu-account")).to_be_focused()
    expect(page.get_by_test_id("menu-orgs")).to_have_count(0)
    page.keyboard.press("Enter")
    shown = page.get_by_test_id("account-page")
    expect(shown).to_have_attribute("data-section", "devices")
    names = shown.get_by_role("navigation").get_by_role("link")
    eventually(lambda: names.count() == len(LOCAL), "each part has its link")
    for section in LOCAL:
        page.get_by_test_id(f"account-{section}").click()
        expect(shown).to_have_attribute("data-section", section)
        expect(shown.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_test_id("problem")).to_have_count(0)
    expect(page).to_have_title("My data · wingthing")
    expect(page.get_by_test_id("delete-account")).to_have_count(0)
    page.evaluate("location.hash = '#account/orgs'")
    expect(shown).to_have_attribute("data-section", "devices")
    page.get_by_test_id("home").click()
    expect(page.get_by_test_id("wing-card")).to_be_visible()


def test_a_machine_is_logged_out(roost: Server, pages: Pages) -> None:
    token = another_login(roost)
    page = opened(roost, pages)
    account(page, "devices")
    row = page.locator(f"[data-testid=device][data-id='{OTHER_WING}']")
    expect(row).to_contain_text(f"machine {OTHER_WING[:8]}")
    expect(page.get_by_test_id("device")).to_have_count(2)
    button = row.get_by_test_id("revoke-device")
    button.click()
    page.keyboard.press("Escape")
    expect(button).to_have_text("End login")
    assert counts(roost, token)
    sure(button)
    expect(row).to_have_count(0)
    assert not counts(roost, token)
    account(page, "log")
    entry = page.get_by_test_id("log-entry").first
    expect(entry).to_contain_text("device revoked")
    expect(entry).to_contain_text("127.0.0.1")


def test_another_browser_is_logged_out(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    other = opened(roost, pages, phone=True)
    account(page, "sessions")
    expect(page.get_by_test_id("login-session")).to_have_count(2)
    mine = page.get_by_test_id("login-session").filter(has=page.get_by_test_id("current-session"))
    expect(mine).to_have_count(1)
    expect(mine.get_by_test_id("revoke-session")).to_have_count(0)
    sure(page.get_by_test_id("revoke-session"))
    expect(page.get_by_test_id("login-session")).to_have_count(1)
    expect(other.get_by_test_id("get-in")).to_contain_text("wt url", timeout=WAIT_MS)
    opened(roost, pages)
    opened(roost, pages)
    page.reload()
    expect(page.get_by_test_id("login-session")).to_have_count(3)
    sure(page.get_by_test_id("revoke-other-sessions"))
    expect(page.get_by_test_id("login-session")).to_have_count(1)


def with_authenticator(page: Page) -> None:
    """A security key that says yes (WebAuthn's virtual authenticator)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_made_renamed_and_deleted(roost: Server, pages: Pages) -> None:
    # Wings check ES256 and nothing else.
    pages.expected.append("publicKey.pubKeyCredParams is missing")
    page = pages.open(by_name(roost.link()))
    page.wait_for_url("**/app/**")
    with_authenticator(page)
    account(page, "passkeys")
    page.get_by_test_id("register-passkey").click()
    row = page.get_by_test_id("passkey")
    expect(row).to_have_count(1, timeout=WAIT_MS)
    expect(row).to_contain_text("on Linux")
    # The same device again: it has one already, and the page says so in words.
    page.get_by_test_id("register-passkey").click()
    expect(page.get_by_test_id("problem")).to_contain_text("has a passkey for this account already")
    row.get_by_test_id("rename-passkey").click()
    page.get_by_test_id("passkey-label").fill("The blue one")
    page.get_by_test_id("save-passkey").click()
    expect(row).to_contain_text("The blue one")
    page.reload()
    expect(row).to_contain_text("The blue one", timeout=WAIT_MS)
    sure(row.get_by_test_id("delete-passkey"))
    expect(row).to_have_count(0)
    expect(page.get_by_test_id("passkeys")).to_contain_text("no passkey yet")


def test_a_passkey_that_is_refused_is_told_of(roost: Server, pages: Pages) -> None:
    pages.expected.append("the server responded with a status of 400")
    page = opened(roost, pages)
    account(page, "passkeys")
    page.get_by_test_id("register-passkey").click()
    expect(page.get_by_test_id("problem")).to_contain_text("localhost")
    named = pages.open(by_name(roost.link()))
    named.wait_for_url("**/app/**")
    named.evaluate(
        "() => { navigator.credentials.create = () =>"
        " Promise.reject(new DOMException('x', 'NotAllowedError')); }"
    )
    account(named, "passkeys")
    named.get_by_test_id("register-passkey").click()
    expect(named.get_by_test_id("problem")).to_contain_text("No passkey was made")


def test_what_was_relayed_is_drawn_day_by_day(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    open_terminal(page)
    run(page, "seq 1 9000; echo relayed-$((6*7))")
    shows(page, "relayed-42")

    def relayed() -> bool:
        account(page, "log")
        account(page, "usage")
        return "iB" in page.get_by_test_id("usage-bytes").inner_text()

    eventually(relayed, "the bytes of the terminal are counted")
    expect(page.get_by_test_id("usage-chart").locator("rect.bar:not(.none)")).to_have_count(1)
    page.get_by_test_id("usage-chart").locator("summary").click()
    expect(page.get_by_test_id("usage-table").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_test_id("usage")).to_contain_text("There is no limit.")
    expect(page.get_by_test_id("usage-meter")).to_have_count(0)
    expect(page.get_by_test_id("plan")).to_have_count(0)


def test_log_and_data_are_taken_along(roost: Server, pages: Pages, tmp_path: Path) -> None:
    page = opened(roost, pages)
    account(page, "log")
    expect(page.get_by_test_id("log-entry").first).to_contain_text("login")
    table = saved(page, page.get_by_test_id("log-csv").click, tmp_path)
    assert table.splitlines()[0] == (
        '"time","who","action","subject","account_name","address","actor","account"'
    )
    assert '"login"' in table
    account(page, "data")
    kept = json.loads(saved(page, page.get_by_test_id("export-link").click, tmp_path))
    assert kept["profile"]["id"] == "local"
    assert [entry["action"] for entry in kept["audit_log"]].count("login") >= 1
    assert roost.link().rpartition("=")[2] not in json.dumps(kept)


def test_a_long_log_comes_page_by_page(roost: Server, pages: Pages) -> None:
    page = opened(roost, pages)
    entries = [{"id": n, "at": 1_790_000_000 + n, "action": f"step-{n}"} for n in range(300, 0, -1)]

    def answer(route: Route) -> None:
        before = re.search(r"before=(\d+)", route.request.url)
        older = [e for e in entries if before is None or int(str(e["id"])) < int(before[1])]
        route.fulfill(json=older[:200])

    page.route(re.compile(r"/api/app/audit(\?.*)?$"), answer)
    account(page, "log")
    rows = page.get_by_test_id("log-entry")
    expect(rows).to_have_count(40)
    more = page.get_by_test_id("log-more")
    for shown in (80, 120, 160, 200, 240, 280, 300):
        more.click()
        expect(rows).to_have_count(shown)
    expect(more).to_have_count(0)
    expect(rows.nth(299)).to_contain_text(re.compile(r"step-1\b"))


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_a_log_says_who_did_what_to_whom(roost: Server, pages: Pages, phone: bool) -> None:
    page = opened(roost, pages, phone=phone)
    entry = {"id": 2, "at": 1_790_000_000, "action": "removed from organisation", "subject": "Paper Boats"}
    removed = {**entry, "who": "Bob", "actor": "bob", "account": "cat", "account_name": "Cat"}
    login = {**entry, "id": 1, "action": "login", "subject": "", "who": "Bob", "actor": "bob"}
    answer = [removed, {**login, "account": "bob", "account_name": "Bob"}]
    page.route(re.compile(r"/api/app/audit$"), lambda route: route.fulfill(json=answer))
    account(page, "log")
    rows = page.get_by_test_id("log-entry")
    expect(rows).to_have_count(2)
    first, second = rows.all()
    expect(first.locator("td")).to_have_text(
        [re.compile("2026"), "removed from organisation Paper Boats", "Cat", "Bob"]
    )
    expect(second.locator("td").nth(2)).to_have_text("")
    expect(second.locator(".log-by")).to_be_visible()


@pytest.mark.parametrize("many", [False, True], ids=["local", "sign-in"])
def test_every_page_fits_a_phone(roost: Server, pages: Pages, many: bool) -> None:
    another_login(roost)
    page = opened(roost, pages, phone=True)
    if many:
        as_if_people_sign_in(page.context)
        page.reload()
    sections = EVERYWHERE if many else LOCAL
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("menu-account").click()
    expect(page.get_by_test_id("account-devices")).to_be_visible()
    for section in sections:
        page.get_by_test_id(f"account-{section}").click()
        expect(page.get_by_test_id("account-page")).to_have_attribute("data-section", section)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('main')].map(e => e.scrollWidth)"
        )
        assert max(wide) <= 360, f"{section} is {wide} px wide on a screen of 360"
        small = page.evaluate(
            "[...document.querySelectorAll('main :is(input:not([type=checkbox]), select, textarea)')]"
            ".filter(e => parseFloat(getComputedStyle(e).fontSize) < 16).length"
        )
        assert small == 0, f"{section}: a phone would zoom into a field"
        page.get_by_role("link", name="Back to the account").click()
    page.get_by_role("link", name="Back to the wings").click()
    expect(page.get_by_test_id("wing-card")).to_be_visible()
