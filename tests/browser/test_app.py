"""The browser app in a real Chromium, on a real server with a real wing."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Pages
from tests.integration.program import Server, eventually

WAIT_MS = 20_000


def pane(page: Page) -> Locator:
    """What belongs to the terminal in front."""
    return page.locator(".pane:not([hidden])")


def screen(page: Page) -> str:
    return str(page.evaluate("window.__wt.screenText()"))


def shows(page: Page, text: str) -> None:
    eventually(lambda: text in screen(page), f"{text!r} on the screen")


def live(page: Page) -> None:
    expect(pane(page).get_by_test_id("terminal")).to_have_attribute("data-phase", "live", timeout=WAIT_MS)


def open_terminal(page: Page, folder: str = "paper-boat") -> None:
    """From the wings to a prompt, by way of the dialog."""
    page.get_by_test_id("home").click()
    page.get_by_test_id("new-terminal").click(timeout=WAIT_MS)
    page.get_by_test_id("folder-input").fill(folder)
    page.get_by_test_id("folder-option").first.click()
    page.get_by_test_id("open-terminal").click()
    live(page)


def run(page: Page, command: str) -> None:
    page.keyboard.type(command)
    page.keyboard.press("Enter")


def session_of(page: Page) -> str:
    eventually(lambda: "#s/" in page.url, "the address names the session")
    return page.url.rpartition("/")[2]


def test_from_the_link_to_the_screen_as_it_was(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    assert "key=" not in page.url, "the secret has left the address"
    open_terminal(page)
    run(page, "echo made-$((6*7)); pwd")
    shows(page, "made-42")
    shows(page, "projects/paper-boat")
    before = screen(page)
    page.reload()
    live(page)
    eventually(lambda: screen(page) == before, "the same screen after a reload")
    run(page, "echo and-on")
    shows(page, "and-on")


def test_the_link_lets_in_once(roost: Server, pages: Pages) -> None:
    link = roost.link()
    pages.open(link)
    late = pages.open(link)
    expect(late.get_by_role("heading", name="This page is locked")).to_be_visible()
    expect(late.get_by_role("alert")).to_contain_text("This link has been used")
    assert roost.link() != link


def test_two_tabs_have_two_terminals(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    run(page, "echo first-$((1+1))")
    shows(page, "first-2")
    open_terminal(page)
    run(page, "echo second-$((1+1))")
    shows(page, "second-2")
    assert "first-2" not in screen(page)
    page.get_by_test_id("tab").first.click()
    shows(page, "first-2")
    assert "second-2" not in screen(page)


def test_a_second_browser_takes_over_and_can_be_taken_back_from(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    run(page, "echo from-$((40+2))")
    shows(page, "from-42")
    other = pages.open(roost.link())
    other.goto(page.url)
    live(other)
    shows(other, "from-42")
    pane(page).get_by_test_id("take-back").click(timeout=WAIT_MS)
    live(page)
    run(page, "echo back-$((40+3))")
    shows(page, "back-43")


def test_a_spectator_sees_and_cannot_type(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    session = session_of(page)
    watcher = pages.open(roost.link())
    watcher.get_by_test_id("session-row").get_by_test_id("spectate").click(timeout=WAIT_MS)
    live(watcher)
    expect(pane(watcher).get_by_test_id("spectating")).to_be_visible()
    run(page, "echo seen-$((50+1))")
    shows(watcher, "seen-51")
    run(watcher, "echo never-$((50+2))")
    run(page, "echo after-$((50+3))")
    shows(watcher, "after-53")
    assert "never-52" not in screen(page)
    assert session in watcher.url


def test_killing_asks_first_and_ends_it(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    pane(page).get_by_test_id("kill").click()
    expect(page.get_by_test_id("kill-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("kill-dialog")).to_be_hidden()
    expect(pane(page).get_by_test_id("kill")).to_be_focused()
    pane(page).get_by_test_id("terminal").click()
    run(page, "echo still-$((1+2))")
    shows(page, "still-3")
    pane(page).get_by_test_id("kill").click()
    page.get_by_test_id("kill-confirm").click()
    expect(pane(page).get_by_test_id("exited")).to_have_text("Ended.", timeout=WAIT_MS)
    eventually(lambda: not list((roost.home / "eggs").glob("*")), "the egg is gone")
    page.get_by_test_id("home").click()
    expect(page.get_by_test_id("session-row")).to_have_count(0, timeout=WAIT_MS)


def test_history_plays_a_recording(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    run(page, "echo recorded-$((70+7)); exit")
    expect(pane(page).get_by_test_id("exited")).to_be_visible(timeout=WAIT_MS)
    page.get_by_test_id("home").click()
    page.get_by_test_id("history").click()
    page.get_by_test_id("history-item").first.get_by_test_id("play-recording").click(timeout=WAIT_MS)
    player = page.get_by_test_id("player")
    expect(player).to_be_visible(timeout=WAIT_MS)
    page.get_by_test_id("player-speed").select_option(index=3)
    expect(page.get_by_test_id("player-seek")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("history-page")).to_be_visible()


def test_the_lock_explains_and_shows_the_wings_own_fingerprint(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    pane(page).get_by_test_id("lock").click()
    shown = page.get_by_test_id("fingerprint").inner_text()
    from wingthing.crypto.keys import fingerprint, load_wing_key, public_text

    key = load_wing_key((roost.home / "wing_key").read_text())
    assert re.sub(r"\s+", "", shown) == fingerprint(public_text(key)).replace(" ", "")


def test_a_changed_key_is_a_warning(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    context = page.context
    home, project = roost.home, roost.home.parent / "projects"
    addr = f"{roost.host}:{roost.port}"
    roost.stop()
    (home / "wing_key").unlink()
    again = Server(home, "roost", "--paths", str(project), addr=addr, HOME=str(home.parent))
    try:
        fresh = pages.open(again.url + "/app/", context=context)
        expect(fresh.get_by_test_id("key-changed")).to_be_visible(timeout=WAIT_MS)
        fresh.get_by_test_id("accept-key").click()
        expect(fresh.get_by_test_id("key-changed")).to_be_hidden()
    finally:
        again.stop()


def test_nothing_is_typed_into_a_terminal_behind_a_changed_key(roost: Server, pages: Pages) -> None:
    """Asking to attach tells nobody anything, and may come before the page has heard of the new key."""
    page = pages.open(roost.link())
    open_terminal(page)
    home, project = roost.home, roost.home.parent / "projects"
    addr = f"{roost.host}:{roost.port}"
    sent: list[str] = []
    page.on("websocket", lambda opened: opened.on("framesent", lambda frame: sent.append(str(frame))))
    roost.stop()
    (home / "wing_key").unlink()
    again = Server(home, "roost", "--paths", str(project), addr=addr, HOME=str(home.parent))
    try:
        overlay = pane(page).get_by_test_id("key-changed")
        expect(overlay).to_be_visible(timeout=WAIT_MS)
        page.keyboard.type("echo leaked")
        assert "pty.input" not in "".join(sent)
        overlay.get_by_test_id("accept-key").click()
        live(page)
        pane(page).get_by_test_id("terminal").click()
        run(page, "echo mine-$((6*7))")
        shows(page, "mine-42")
        assert "pty.input" in "".join(sent)
        assert "leaked" not in screen(page)
    finally:
        again.stop()


def test_on_a_phone(roost: Server, pages: Pages, tmp_path: Path) -> None:
    page = pages.open(roost.link(), phone=True)
    open_terminal(page)
    expect(page.get_by_test_id("keybar")).to_be_visible()
    run(page, "cat")
    page.keyboard.type("abc")
    page.get_by_test_id("key-ctrl").click()
    page.keyboard.press("c")
    shows(page, "^C")
    page.get_by_test_id("key-up").click()
    eventually(
        lambda: screen(page).rstrip().endswith((" cat", "$cat")), "the arrow brings the last command back"
    )
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"the page is {wide} px wide on a screen of 360"
    page.screenshot(path=str(tmp_path / "phone.png"))


def test_the_server_goes_and_comes_back(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    run(page, "echo before-$((80+1)); sleep 2; echo meanwhile-$((80+2))")
    shows(page, "before-81")
    home, project = roost.home, roost.home.parent / "projects"
    addr = f"{roost.host}:{roost.port}"
    roost.kill()
    expect(page.get_by_test_id("banner")).to_be_visible(timeout=WAIT_MS)
    again = Server(home, "roost", "--paths", str(project), addr=addr, HOME=str(home.parent))
    try:
        live(page)
        shows(page, "meanwhile-82")
        run(page, "echo after-$((80+3))")
        shows(page, "after-83")
    finally:
        again.stop()
