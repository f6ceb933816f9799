"""Two people in two browsers on a fleet where people sign in: one shares a machine with the other, and takes
it back."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Page, expect

from tests.browser.account import account, sure
from tests.browser.conftest import Pages
from tests.browser.sign_in import sign_in
from tests.browser.test_app import WAIT_MS, open_terminal, pane, run, screen, session_of, shows
from tests.integration.fleet import Rehearsal
from tests.integration.mailbox import Mailbox
from tests.integration.program import DEADLINE_SECONDS, Program, end_eggs, eventually
from tests.integration.provider import OIDC, Provider

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")
ANN, BOB = "ann@example.org", "bob@example.org"


@attrs.define
class Place:
    fleet: Rehearsal
    provider: Provider
    mailbox: Mailbox

    def known_to(self, pages: Pages) -> None:
        """The provider is another host, and knows one region alone, where it sends everybody."""
        pages.origins += [self.provider.url, *self.fleet.status().urls.values()]


@pytest.fixture
def place() -> Iterator[Place]:
    with Provider() as provider, Mailbox() as mailbox:
        provider.asks = True
        provider.knows(ANN, "Ann")
        provider.knows(BOB, "Bob")
        variables = {**provider.variables(OIDC), **mailbox.variables()}
        with Rehearsal(REGIONS, variables=variables) as fleet:
            yield Place(fleet, provider, mailbox)
            assert not fleet.tracebacks()


class Machine:
    """Ann's, with a project folder. It enters the fleet at a region."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.home = folder / "home"
        self.home.mkdir()
        self.projects = folder / "projects"
        (self.projects / "paper-boat" / ".git").mkdir(parents=True)
        self._programs: list[Program] = []

    def run(self, *words: str) -> Program:
        program = Program(self.home, *words, "--roost", self.url, HOME=str(self.home.parent), PS1="$ ")
        self._programs.append(program)
        return program

    def log_in(self) -> tuple[Program, str]:
        """A login that waits, and the address of the page where it is approved."""
        login = self.run("login")
        said = eventually(lambda: re.findall(r"Open +(\S+)", login.output), "it says where to approve it")
        return login, said[0]

    def start(self, org: str) -> None:
        """The wing, shared with an organisation."""
        wing = self.run("wing", "start", "--foreground", "--paths", str(self.projects), "--org", org)
        eventually(lambda: f"connected to {self.url}" in wing.output, "the wing is online")

    def close(self) -> None:
        for program in self._programs:
            program.stop()
        end_eggs(self.home)


@pytest.fixture
def machine(place: Place) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        machine = Machine(Path(folder), place.fleet.url(NRT))
        yield machine
        machine.close()


def approve(page: Page, machine: Machine) -> None:
    """Log a machine in as whoever the page's browser belongs to."""
    login, address = machine.log_in()
    page.goto(address)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Machine approved").wait_for()
    assert login.process.wait(DEADLINE_SECONDS) == 0, login.output
    page.get_by_role("link", name="To your wings").click()


def invitation(page: Page, place: Place, email: str) -> str:
    """Invite an address on the page of an organisation; the link, which the page and the letter agree on."""
    page.get_by_test_id("invite-emails").fill(email)
    page.get_by_test_id("send-invites").click()
    shown = page.get_by_test_id("invite-link")
    expect(shown).to_have_count(1, timeout=WAIT_MS)
    expect(page.get_by_test_id("invite-links")).to_contain_text("A letter is on the way")
    link = shown.input_value()
    letter = place.mailbox.wait()
    assert letter.to == [email]
    assert link in letter.text.splitlines()
    return link


def test_a_shared_machine_until_the_other_is_removed(place: Place, machine: Machine, pages: Pages) -> None:
    place.known_to(pages)
    near, far = place.fleet.url(), place.fleet.url(LHR)
    ann = pages.open(f"{near}/app/")
    sign_in(ann, ANN)
    expect(ann.get_by_test_id("no-wings")).to_be_visible(timeout=WAIT_MS)
    account(ann, "orgs")
    ann.get_by_test_id("org-name").fill("Paper Boats")
    ann.get_by_test_id("create-org").click()
    expect(ann.get_by_test_id("org-page")).to_have_attribute("data-role", "owner", timeout=WAIT_MS)
    org = ann.get_by_test_id("org-page").get_attribute("data-id")
    link = invitation(ann, place, BOB)
    approve(ann, machine)
    machine.start("paper-boats")
    card = ann.get_by_test_id("wing-card")
    expect(card).to_contain_text("shared in Paper Boats", timeout=WAIT_MS)

    # Bob has a phone, no account, and a link.
    bob = pages.open(link, phone=True)
    expect(bob.get_by_role("main")).to_contain_text("the e-mail address that it was sent to", timeout=WAIT_MS)
    sign_in(bob, BOB)
    expect(bob.get_by_role("heading", level=1)).to_have_text("Join Paper Boats?", timeout=WAIT_MS)
    bob.get_by_role("button", name="Accept").click()
    expect(bob.get_by_test_id("org-page")).to_have_attribute("data-role", "member", timeout=WAIT_MS)
    account(ann, f"orgs/{org}")
    member = ann.get_by_test_id("member").filter(has_text=BOB)
    expect(member).to_be_visible(timeout=WAIT_MS)

    # The regions are one server under several ports, and a login does not know of ports.
    bob.goto(f"{far}/app/")
    expect(bob.get_by_test_id("wing-card")).to_contain_text("of Ann · shared in Paper Boats", timeout=WAIT_MS)
    open_terminal(bob)
    run(bob, "echo shared-$((6*7)); pwd")
    shows(bob, "shared-42")
    shows(bob, "projects/paper-boat")
    session = session_of(bob)
    assert bob.url.startswith(far)

    sure(member.get_by_test_id("remove-member"))
    expect(member).to_have_count(0, timeout=WAIT_MS)
    expect(pane(bob).get_by_test_id("exited")).to_contain_text(
        "You have no access to this wing any more", timeout=WAIT_MS
    )
    run(bob, "echo never-$((6*8))")
    bob.get_by_test_id("home").click()
    expect(bob.get_by_test_id("no-wings")).to_be_visible(timeout=WAIT_MS)

    # What he remembers of it opens nothing.
    bob.goto(f"{far}/app/#s/{session}")
    bob.reload()
    expect(pane(bob).get_by_test_id("wing-away")).to_contain_text("you have no access", timeout=WAIT_MS)
    assert bob.evaluate("fetch('/api/app/wings').then(answer => answer.json())") == []
    account(bob, "orgs")
    expect(bob.get_by_test_id("orgs")).to_contain_text("You are in none yet.", timeout=WAIT_MS)
    pages.expected.append("the server responded with a status of 410")
    bob.goto(link)
    expect(bob.get_by_role("alert")).to_contain_text("has been accepted already")

    # The program has gone on, and nothing of what he typed has come to it.
    ann.get_by_test_id("home").click()
    card.get_by_test_id("session-row").get_by_test_id("attach").click(timeout=WAIT_MS)
    shows(ann, "shared-42")
    run(ann, "echo mine-$((6*9))")
    shows(ann, "mine-54")
    assert "never" not in screen(ann)
