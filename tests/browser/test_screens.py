"""What only a browser shows: where things are on a small screen, where the focus goes, what can be read."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS, live, open_terminal, pane, run, session_of, shows
from tests.integration.program import Server, eggs_of, end_eggs, eventually

LOW = {"width": 360, "height": 420}
"""A phone with its keyboard on the screen."""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Server]:
    """A machine without any project, and with many programs."""
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        home, work, programs = (Path(folder) / name for name in ("home", "work", "bin"))
        for path in (home, work / "alpha", work / "beta" / ".only", programs):
            path.mkdir(parents=True)
        for name in ("claude", "codex", "gemini", "agent", "ollama", "opencode"):
            (programs / name).write_text("#!/bin/sh\n")
            (programs / name).chmod(0o755)
        path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
        running = Server(home, "roost", "--paths", str(work), HOME=folder, PATH=path)
        try:
            yield running
        finally:
            running.stop()
            end_eggs(home)


def font_size(page: Page, selector: str) -> float:
    return float(
        page.evaluate(f"parseFloat(getComputedStyle(document.querySelector({selector!r})).fontSize)")
    )


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.dataset.testid"))


def test_a_menu_stays_on_a_small_screen(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link(), phone=True)
    page.get_by_test_id("wing-menu").click(timeout=WAIT_MS)
    box = page.get_by_role("menu").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    page.get_by_test_id("rename").click()
    expect(page.get_by_test_id("label-input")).to_be_focused()


def test_the_folders_of_a_machine_without_projects(bare: Server, pages: Pages) -> None:
    page = pages.open(bare.link(), phone=True)
    page.set_viewport_size(LOW)  # type: ignore[arg-type]
    page.get_by_test_id("new-terminal").click(timeout=WAIT_MS)
    expect(page.get_by_test_id("folder-input")).to_be_focused()
    expect(page.get_by_test_id("folder-option")).to_have_count(2, timeout=WAIT_MS)
    expect(page.get_by_test_id("folder-option").first).to_contain_text("alpha")
    button = page.get_by_test_id("open-terminal").bounding_box()
    assert button is not None
    assert button["y"] + button["height"] <= LOW["height"], "it is in reach without scrolling"
    page.get_by_test_id("folder-input").fill("be")
    expect(page.get_by_test_id("folder-option")).to_have_count(1)
    page.get_by_test_id("folder-option").click()
    expect(page.get_by_test_id("folder-note")).to_contain_text("Only hidden folders here", timeout=WAIT_MS)
    page.get_by_test_id("folder-input").fill("/etc/")
    expect(page.get_by_test_id("folder-note")).to_contain_text(
        str(bare.home.parent / "work"), timeout=WAIT_MS
    )


def test_no_field_is_so_small_that_a_phone_zooms_in(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link(), phone=True)
    page.get_by_test_id("new-terminal").click(timeout=WAIT_MS)
    assert font_size(page, "[data-testid=folder-input]") >= 16
    page.keyboard.press("Escape")
    open_terminal(page)
    page.context.clear_permissions()
    page.get_by_test_id("key-paste").click()
    expect(page.get_by_test_id("paste-input")).to_be_focused()
    assert font_size(page, "[data-testid=paste-input]") >= 16
    page.keyboard.press("Escape")
    page.get_by_test_id("terminal-menu").click()
    page.get_by_test_id("show-text").click()
    assert font_size(page, ".plain-text") >= 16


def test_a_wide_terminal_is_watched_on_a_phone(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    run(page, "echo wi''de")
    shows(page, "wide")
    phone = pages.open(roost.link(), phone=True)
    phone.get_by_test_id("spectate").click(timeout=WAIT_MS)
    live(phone)
    shows(phone, "wide")
    screen = phone.get_by_test_id("terminal")
    eventually(
        lambda: screen.evaluate("host => host.scrollWidth > 2 * host.clientWidth"), "it can be moved about"
    )
    assert screen.locator(".xterm-screen").evaluate("screen => screen.offsetHeight") > 400, "and be read"
    screen.evaluate("host => host.scrollTo(300, 0)")
    assert screen.evaluate("host => host.scrollLeft") == 300
    phone.get_by_test_id("terminal-menu").click()
    phone.get_by_test_id("whole-screen").click()
    eventually(lambda: screen.evaluate("host => host.scrollWidth <= host.clientWidth"), "all of it is there")


def test_a_recording_that_stops_is_told_of(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link())
    open_terminal(page)
    session = session_of(page)
    (egg,) = eggs_of(roost.home)
    limit = (roost.home / "eggs" / session / "pty.cast").stat().st_size + 2000
    resource.prlimit(egg, resource.RLIMIT_FSIZE, (limit, limit))
    run(page, "seq 1 3000; echo on''ward")
    shows(page, "onward")
    note = pane(page).get_by_test_id("not-recorded")
    # The page looks every 15 s.
    expect(note).to_be_visible(timeout=60_000)
    note.click()
    expect(page.get_by_text("The recording has stopped").first).to_be_visible()
    page.get_by_test_id("home").click()
    row = page.get_by_test_id("session-row")
    expect(row.get_by_test_id("not-recorded")).to_contain_text("The recording has stopped", timeout=WAIT_MS)
    page.get_by_test_id("tab").first.click()
    # The terminal has the keyboard a moment after it is shown.
    expect(pane(page).locator(".xterm-helper-textarea")).to_be_focused(timeout=WAIT_MS)
    run(page, "exit")
    expect(pane(page).get_by_test_id("exited")).to_be_visible(timeout=WAIT_MS)
    page.get_by_test_id("home").click()
    page.get_by_test_id("history").click()
    expect(page.get_by_test_id("not-recorded")).to_contain_text("The recording has stopped", timeout=WAIT_MS)


def test_a_finger_scrolls_back(roost: Server, pages: Pages) -> None:
    page = pages.open(roost.link(), phone=True)
    open_terminal(page)
    run(page, "seq 1 300; echo la''st")
    shows(page, "last")
    slider = page.locator(".xterm .scrollbar.vertical .slider")
    top = "slider => slider.getBoundingClientRect().top"
    before = slider.evaluate(top)
    finger = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": 180, "y": 250}]),
        *(("touchMove", [{"x": 180, "y": y}]) for y in range(280, 600, 40)),
        ("touchEnd", []),
    ):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    eventually(lambda: slider.evaluate(top) < before, "earlier lines are shown")
