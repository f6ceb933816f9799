"""A locked wing in a real Chromium, whose virtual authenticator stands in for a phone or a security key.

WebAuthn knows names and safe pages only, so the server is opened as http://localhost:PORT, not by its number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS, live, open_terminal, pane, run, screen, session_of, shows
from tests.integration.program import Server, eventually, wt

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
NOISE = (
    "publicKey.pubKeyCredParams is missing",  # Wings check ES256 alone.
)


class Device:
    """An authenticator of a page, which says yes by itself."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self._id = made["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        told = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        found: list[dict[str, Any]] = told["credentials"]
        return found

    def forget(self) -> None:
        """It holds no passkey any more."""
        self._session.send("WebAuthn.clearCredentials", {"authenticatorId": self._id})

    def insert(self, credential: dict[str, Any]) -> None:
        """It holds this passkey (again)."""
        told = {name: value for name, value in credential.items() if value is not None}
        self._session.send("WebAuthn.addCredential", {"authenticatorId": self._id, "credential": told})

    def uses(self) -> int:
        """How often its passkeys have signed since they were made, which counts as well."""
        return sum(credential["signCount"] - 1 for credential in self.credentials())


@pytest.fixture
def locally(roost: Server, pages: Pages) -> Callable[..., Page]:
    """Opens the app under the name of this machine."""
    pages.expected.extend(NOISE)

    def opened(**options: Any) -> Page:
        return pages.open(roost.link().replace("127.0.0.1", "localhost"), **options)

    return opened


def passkeys(page: Page) -> list[dict[str, str]]:
    """What the server knows of them, the oldest first."""
    found: list[dict[str, str]] = page.evaluate("async () => await (await fetch('/api/app/passkey')).json()")
    return found


def register(page: Page) -> dict[str, str]:
    """A new passkey, made on the page of the account."""
    before = len(passkeys(page))
    page.goto(page.url.partition("#")[0] + "#account/passkeys")
    page.get_by_test_id("register-passkey").click(timeout=WAIT_MS)
    expect(page.get_by_test_id("passkey")).to_have_count(before + 1, timeout=WAIT_MS)
    page.get_by_test_id("home").click()
    return passkeys(page)[-1]


def lock(roost: Server, *allowed: str) -> None:
    """Locks the wing for its owner, who comes in with these passkeys, or the first that they show."""
    for key in allowed:
        words = ["--key", key] if key else []
        told = wt(roost.home, "wing", "allow", "--user", "local", *words)
        assert told.returncode == 0, told.stderr
    told = wt(roost.home, "wing", "lock")
    assert told.returncode == 0, told.stderr


def let_in(page: Page) -> None:
    """Past the lock. What a test evaluates in the page counts as a click there, so that the prompt may have
    come by itself."""
    terminal = pane(page).get_by_test_id("terminal")
    button = pane(page).get_by_test_id("use-passkey")
    expect(button.or_(pane(page).locator("[data-phase=live]"))).to_be_visible(timeout=WAIT_MS)
    if terminal.get_attribute("data-phase") == "passkey":
        with suppress(TimeoutError):
            # It is gone when the prompt has come by itself meanwhile.
            button.click(timeout=2_000)
    live(page)


def gate(page: Page, at: str = "waiting") -> None:
    expect(pane(page).get_by_test_id("passkey-gate")).to_have_attribute("data-at", at, timeout=WAIT_MS)


def fits(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"the page is {wide} px wide on a screen of 360"


def test_a_locked_machine_opens_with_a_passkey(roost: Server, locally: Callable[..., Page]) -> None:
    page = locally()
    device = Device(page)
    passkey = register(page)
    frames: list[str] = []
    for kind in ("framesent", "framereceived"):
        page.on("websocket", lambda opened, kind=kind: opened.on(kind, lambda f: frames.append(str(f))))
    lock(roost, passkey["public_key"])
    page.get_by_test_id("unlock").click(timeout=WAIT_MS)
    open_terminal(page)
    assert device.uses() == 1, "the machine has been unlocked, so its terminals do not ask again"
    run(page, "echo made-$((6*7))")
    shows(page, "made-42")
    before = screen(page)

    page.reload()
    let_in(page)
    eventually(lambda: screen(page) == before, "the same screen after a reload")
    assert device.uses() == 2

    # The other terminals of the machine are open with it.
    page.get_by_test_id("home").click()
    expect(page.get_by_test_id("session-row")).to_be_visible(timeout=WAIT_MS)
    open_terminal(page)
    assert device.uses() == 2
    assert not any("auth_token" in frame for frame in frames), "no token in the clear"
    assert any(json.loads(frame).get("sealed_token") for frame in frames if "sealed_token" in frame)


def test_a_terminal_asks_at_once_after_a_click(roost: Server, locally: Callable[..., Page]) -> None:
    page = locally()
    device = Device(page)
    passkey = register(page)
    page.get_by_test_id("new-terminal").click(timeout=WAIT_MS)
    page.get_by_test_id("folder-input").fill("paper-boat")
    page.get_by_test_id("folder-option").first.click()
    lock(roost, passkey["public_key"])
    expect(page.get_by_test_id("locked")).to_be_attached(timeout=WAIT_MS)
    page.get_by_test_id("open-terminal").click()
    live(page)
    assert device.uses() == 1
    run(page, "echo in-$((6*7))")
    shows(page, "in-42")


def test_a_terminal_waits_behind_the_lock_and_gets_nothing_meanwhile(
    roost: Server, locally: Callable[..., Page]
) -> None:
    page = locally()
    device = Device(page)
    passkey = register(page)
    open_terminal(page)
    run(page, "echo before-$((1+1))")
    shows(page, "before-2")
    lock(roost, passkey["public_key"])
    gate(page)
    pane(page).locator(".xterm-helper-textarea").press_sequentially("leaked")
    [known] = device.credentials()
    device.forget()
    pane(page).get_by_test_id("use-passkey").click()
    problem = pane(page).get_by_test_id("passkey-problem")
    expect(problem).to_contain_text("No passkey was used", timeout=3 * WAIT_MS)
    device.insert(known)
    pane(page).get_by_test_id("use-passkey").click()
    live(page)
    pane(page).get_by_test_id("terminal").click()
    run(page, "echo after-$((1+2))")
    shows(page, "after-3")
    assert "leaked" not in screen(page)


def test_a_terminal_goes_on_by_itself_when_the_machine_is_unlocked(
    roost: Server, locally: Callable[..., Page]
) -> None:
    page = locally()
    device = Device(page)
    open_terminal(page)
    lock(roost, register(page)["public_key"])
    page.get_by_test_id("tab").locator("button").first.click()
    gate(page)
    assert wt(roost.home, "wing", "unlock").returncode == 0
    live(page)
    assert device.uses() == 0


def test_a_passkey_that_does_not_count_is_refused(roost: Server, locally: Callable[..., Page]) -> None:
    page = locally()
    device = Device(page)
    open_terminal(page)
    counts = register(page)
    page.evaluate("async id => { await fetch(`/api/app/passkey/${id}`, {method: 'DELETE'}) }", counts["id"])
    device.forget()
    register(page)
    lock(roost, counts["public_key"])
    page.get_by_test_id("unlock").click(timeout=WAIT_MS)
    refused = "The passkey was not accepted: it is none of the passkeys that count here."
    expect(page.get_by_test_id("passkey-problem")).to_contain_text(refused, timeout=WAIT_MS)
    expect(page.get_by_test_id("session-row")).to_have_count(0)

    page.get_by_test_id("tab").locator("button").first.click()
    gate(page)
    pane(page).get_by_test_id("use-passkey").click()
    expect(pane(page).get_by_test_id("passkey-problem")).to_contain_text(refused, timeout=WAIT_MS)
    assert device.uses() == 2
    expect(pane(page).get_by_test_id("terminal")).to_have_attribute("data-phase", "passkey")


def test_who_has_no_passkey_is_shown_where_to_make_one(roost: Server, locally: Callable[..., Page]) -> None:
    page = locally(phone=True)
    Device(page)
    lock(roost, "")
    page.get_by_test_id("unlock").click(timeout=WAIT_MS)
    problem = page.get_by_test_id("passkey-problem")
    expect(problem).to_contain_text("You have no passkey", timeout=WAIT_MS)
    fits(page)
    problem.get_by_test_id("to-passkeys").click()
    page.get_by_test_id("register-passkey").click(timeout=WAIT_MS)
    expect(page.get_by_test_id("passkey")).to_have_count(1, timeout=WAIT_MS)
    page.get_by_test_id("home").click()
    page.get_by_test_id("unlock").click(timeout=WAIT_MS)
    expect(page.get_by_test_id("new-terminal")).to_be_visible(timeout=WAIT_MS)
    pinned = passkeys(page)[0]["public_key"]
    assert pinned in (roost.home / "wing.yaml").read_text(), "the first that is shown counts from now on"


def test_somebody_who_watches_unlocks_too(roost: Server, locally: Callable[..., Page]) -> None:
    page = locally()
    device = Device(page)
    passkey = register(page)
    open_terminal(page)
    session = session_of(page)
    run(page, "echo seen-$((40+2))")
    shows(page, "seen-42")
    page.get_by_test_id("home").click()
    page.get_by_test_id("session-row").get_by_test_id("spectate").click(timeout=WAIT_MS)
    live(page)
    lock(roost, passkey["public_key"])
    gate(page)
    assert page.url.endswith(f"#v/{session}")
    pane(page).get_by_test_id("use-passkey").click()
    live(page)
    shows(page, "seen-42")
    assert device.uses() == 1


def test_the_owner_says_who_may_come_in(roost: Server, locally: Callable[..., Page], pages: Pages) -> None:
    pages.expected.append("the server responded with a status of 404")
    page = locally(phone=True)
    device = Device(page)
    passkey = register(page)

    def sharing() -> None:
        page.get_by_test_id("wing-menu").click(timeout=WAIT_MS)
        page.get_by_test_id("sharing").click()
        expect(page.get_by_test_id("lock-state")).to_be_visible(timeout=WAIT_MS)

    sharing()
    expect(page.get_by_test_id("lock-state")).to_have_attribute("data-locked", "false")
    page.get_by_test_id("allow-email").fill("grace@example.org")
    page.get_by_test_id("allow").click()
    expect(page.get_by_test_id("allowed")).to_have_count(1, timeout=WAIT_MS)
    fits(page)
    assert "grace@example.org" in wt(roost.home, "wing", "allowed").stdout
    page.keyboard.press("Escape")

    # The owner, whom the server's word is enough for, asks to be asked as well.
    lock(roost)
    expect(page.get_by_test_id("wing-card")).to_contain_text("locked", timeout=WAIT_MS)
    sharing()
    expect(page.get_by_test_id("lock-state")).to_have_attribute("data-locked", "true", timeout=WAIT_MS)
    page.get_by_test_id("allow-me").click(timeout=WAIT_MS)
    dialog = page.get_by_test_id("sharing-dialog")
    dialog.get_by_test_id("unlock").click(timeout=WAIT_MS)
    mine = dialog.get_by_test_id("allowed").filter(has_text="you")
    expect(mine).to_contain_text(passkey["public_key"][:8], timeout=WAIT_MS)
    assert device.uses() == 1
    hers = dialog.get_by_test_id("allowed").filter(has_text="grace@example.org")
    hers.get_by_test_id("disallow").click()
    hers.get_by_test_id("disallow").click()
    expect(hers).to_have_count(0, timeout=WAIT_MS)
    assert "grace@example.org" not in (roost.home / "wing.yaml").read_text()


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Server]:
    """A machine that names its folders in wing.yaml, where they can be changed."""
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work / "boat", work / "kite"):
        folder.mkdir(parents=True)
    (home / "wing.yaml").write_text(f"paths:\n- {work / 'boat'}\n")
    running = Server(home, "roost", HOME=str(tmp_path))
    try:
        yield running
    finally:
        running.stop()


def test_the_owner_says_whose_a_folder_is(configured: Server, pages: Pages) -> None:
    settings = configured.home / "wing.yaml"
    folder = configured.home.parent / "work" / "kite"
    page = pages.open(configured.link())
    page.get_by_test_id("wing-menu").click(timeout=WAIT_MS)
    page.get_by_test_id("sharing").click()
    page.get_by_test_id("folder-path").fill("kite")
    page.get_by_test_id("add-folder").click()
    expect(page.get_by_test_id("problem")).to_contain_text("begins with / or ~")
    page.get_by_test_id("folder-path").fill("~/work/kite")
    page.get_by_test_id("add-folder").click()
    kite = page.locator(f"[data-testid=folder][data-path='{folder}']")
    kite.get_by_test_id("new-member").click(timeout=WAIT_MS)
    kite.get_by_test_id("member-email").fill("Grace@example.org")
    kite.get_by_test_id("add-member").click()
    expect(kite.get_by_test_id("member")).to_contain_text("grace@example.org", timeout=WAIT_MS)
    expect(kite.get_by_test_id("remove-member")).to_be_disabled()
    assert "grace@example.org" in settings.read_text()
    kite.get_by_test_id("remove-folder").click()
    kite.get_by_test_id("remove-folder").click()
    expect(kite).to_have_count(0, timeout=WAIT_MS)
    assert str(folder) not in settings.read_text()
