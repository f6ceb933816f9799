"""An organisation in a fleet of real processes: its wing is at one edge, and a member at another, until the
member is removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.fleet import Rehearsal
from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.people import People
from tests.integration.program import eventually
from wingthing.names import DATABASE_FILE
from wingthing.store import orgs
from wingthing.store.connection import connect, transaction
from wingthing.wire.limits import GOSSIP_SECONDS, REVOCATION_SECONDS

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Rehearsal]:
    with Rehearsal(REGIONS) as rehearsal:
        yield rehearsal
        assert not rehearsal.tracebacks()


@pytest.fixture(scope="module")
def people(fleet: Rehearsal) -> People:
    people = People(fleet)
    for user_id in ("ann", "bob"):
        people.operator("user", "add", user_id, "--name", user_id.title())
    return people


def beside(fleet: Rehearsal, query: Any, *args: Any, **kwargs: Any) -> None:
    """Change login's database from another process, as a command of its operator does."""
    connection = connect(fleet.folder.volume / DATABASE_FILE)
    try:
        with transaction(connection) as cursor:
            query(cursor, *args, **kwargs)
    finally:
        connection.close()


def hear_of(dashboard: Socket, kind: str, wing_id: str) -> None:
    """Wait for an event about this wing."""
    while dashboard.hear(kind, seconds=10)["wing_id"] != wing_id:
        pass


def org_wing(people: People, slug: str) -> FieldWing:
    """Ann's wing, in an organisation: refused until its edge has heard that she is in it."""
    deadline = time.monotonic() + 2 * (REVOCATION_SECONDS + GOSSIP_SECONDS)
    while True:
        try:
            return FieldWing(people.ws(NRT), people.token("ann"), org_slug=slug)
        except ConnectionClosed:
            assert time.monotonic() < deadline, "Ann is in it, and her wing is refused"


def test_a_member_at_another_edge_until_removed(people: People, fleet: Rehearsal) -> None:
    org = people.api(LHR, "/api/orgs", "POST", {"name": "Acme"})
    for user_id in ("ann", "bob"):
        beside(fleet, orgs.add_member, org["id"], user_id, "member", now=time.time())
    bearer = {"Authorization": f"Bearer {people.token('bob')}"}
    dashboard = Socket(f"{people.ws(LHR)}/ws/app", bearer)
    wing = org_wing(people, org["slug"])
    hear_of(dashboard, "wing.online", wing.wing_id)
    browser = FieldBrowser(people.ws(LHR), bearer, wing.wing_id)
    browser.start()
    start = wing.start()
    assert (start["user_id"], start["org_role"]) == ("bob", "member")
    browser.hear("pty.started")
    wing.output(start, b"shared\r\n")
    assert browser.read(wing.key.public) == b"shared\r\n"

    people.api(LHR, f"/api/orgs/{org['id']}/members/bob", "DELETE")
    began = time.monotonic()
    ended = browser.hear("pty.exited", seconds=10)
    assert time.monotonic() - began < GOSSIP_SECONDS, "within one round"
    assert (ended["session_id"], bool(ended["error"])) == (start["session_id"], True)
    hear_of(dashboard, "wing.offline", wing.wing_id)
    wing.output(start, b"not for Bob any more\r\n")
    assert browser.silent(0.5)
    browser.type(start["session_id"], wing.key.public, b"rm -rf /\r")
    browser.attach(start["session_id"])
    assert "not found" in browser.hear("error")["message"]
    assert wing.silent(0.5), "nothing of this has come to the wing"
    browser.close()
    with pytest.raises(InvalidStatus) as refused:
        FieldBrowser(people.ws(LHR), bearer, wing.wing_id)
    assert refused.value.response.status_code == 404

    # The owner of the organisation may still, and the wing falls out of it with its own owner.
    assert [each["org_id"] for each in people.api(NRT, "/api/app/wings")] == [org["id"]]
    beside(fleet, orgs.remove_member, org["id"], "ann", "ann")
    eventually(lambda: not people.api(NRT, "/api/app/wings"), "Ann has left, and her wing with her", 10)
    dashboard.close()
    wing.close()
