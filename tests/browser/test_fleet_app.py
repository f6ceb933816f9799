"""The browser app in a real Chromium, on a fleet: the wing at one edge, the browser at another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.conftest import Pages
from tests.browser.test_app import WAIT_MS, live, open_terminal, pane, run, screen, shows
from tests.integration.fleet import Rehearsal
from tests.integration.people import People
from tests.integration.program import Program, end_eggs, eventually

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")


@pytest.fixture
def fleet() -> Iterator[Rehearsal]:
    with Rehearsal(REGIONS) as rehearsal:
        yield rehearsal
        assert not rehearsal.tracebacks()


class FleetWing:
    """The wing of a machine of its own, with a project folder; it enters at any region."""

    def __init__(self, folder: Path, token: str) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.token = token
        self.projects = folder / "projects"
        (self.projects / "paper-boat" / ".git").mkdir(parents=True)
        self.program: Program | None = None

    def enter(self, url: str) -> None:
        """Connect there, and leave where it was."""
        if self.program is not None:
            self.program.stop()
        # All regions are one server, as they have one name on Fly; a login is for the one that is named.
        (self.home / "device_token.yaml").write_text(
            yaml.safe_dump({"device_token": self.token, "roost": url})
        )
        self.program = Program(
            self.home, "wing", "start", "--foreground", "--roost", url, "--paths", str(self.projects),
            HOME=str(self.home.parent), PS1="$ ",
        )  # fmt: skip
        program = self.program
        eventually(lambda: f"connected to {url}" in program.output, f"the wing is at {url}")

    def close(self) -> None:
        if self.program is not None:
            self.program.stop()
        end_eggs(self.home)


@pytest.fixture
def wing(fleet: Rehearsal) -> Iterator[FleetWing]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        machine = FleetWing(Path(folder), People(fleet).token())
        yield machine
        machine.close()


def test_a_terminal_on_the_other_side_of_the_world(fleet: Rehearsal, wing: FleetWing, pages: Pages) -> None:
    wing.enter(fleet.url(NRT))
    page = pages.open(fleet.login_link().replace(fleet.url(), fleet.url(LHR)))
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    open_terminal(page)
    run(page, "echo far-$((6*7)); pwd")
    shows(page, "far-42")
    shows(page, "projects/paper-boat")
    assert fleet.url(LHR) in page.url
    before = screen(page)
    page.reload()
    live(page)
    eventually(lambda: screen(page) == before, "the same screen after a reload")


def test_the_wing_moves_and_the_terminal_goes_on(fleet: Rehearsal, wing: FleetWing, pages: Pages) -> None:
    wing.enter(fleet.url(NRT))
    page = pages.open(fleet.login_link().replace(fleet.url(), fleet.url(LHR)))
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    open_terminal(page)
    run(page, "echo here-$((6*7))")
    shows(page, "here-42")
    wing.enter(fleet.url(LOGIN))
    live(page)
    run(page, "echo there-$((6*7))")
    shows(page, "there-42")
    assert "here-42" in screen(page)

    # While it is away, a page that is opened anew finds nothing to connect to, and says what that means.
    wing.close()
    expect(page.get_by_role("status").filter(has_text="is offline")).to_be_visible(timeout=WAIT_MS)
    page.reload()
    expect(pane(page).get_by_test_id("wing-away")).to_contain_text("is offline", timeout=WAIT_MS)


def test_login_dies_and_open_terminals_do_not_notice(fleet: Rehearsal, wing: FleetWing, pages: Pages) -> None:
    wing.enter(fleet.url(NRT))
    page = pages.open(fleet.login_link().replace(fleet.url(), fleet.url(LHR)))
    expect(page.get_by_test_id("wing-status")).to_have_attribute("data-status", "online", timeout=WAIT_MS)
    open_terminal(page)
    fleet.kill("login")
    pages.expected.append("the server responded with a status of 503")
    run(page, "echo alone-$((6*7))")
    shows(page, "alone-42")
    open_terminal(page)
    run(page, "echo another-$((6*7))")
    shows(page, "another-42")
    other = pages.open(f"{fleet.url(LHR)}/app/", context=page.context)
    expect(other.get_by_role("heading", name="Not just now")).to_be_visible()
    other.close()
    fleet.start("login")
    page.reload()
    live(page)
    shows(page, "another-42")
