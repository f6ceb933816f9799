"""The fleet as real processes behind a local Fly: one login, two edges, wings and browsers at each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.fleet import Rehearsal
from tests.integration.peers import Socket
from tests.integration.people import People
from tests.integration.program import eventually
from wingthing.wire.limits import EDGE_DEAD_SECONDS, GOSSIP_SECONDS, WING_WAIT_SECONDS

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Rehearsal]:
    with Rehearsal(REGIONS) as rehearsal:
        yield rehearsal
        assert not rehearsal.tracebacks()


@pytest.fixture(scope="module")
def people(fleet: Rehearsal) -> People:
    return People(fleet)


@pytest.fixture(scope="module")
def token(people: People) -> str:
    return people.token()


def places(people: People, region: str) -> dict[str, str | None]:
    """wing id -> remote_node, as the API says at a region."""
    return {wing["wing_id"]: wing.get("remote_node") for wing in people.api(region, "/api/app/wings")}


def hear_of(dashboard: Socket, kind: str, wing_id: str, seconds: float = 15) -> None:
    """Wait for an event about this wing; those about others may still be on their way."""
    deadline = time.monotonic() + seconds
    while dashboard.hear(kind, seconds=deadline - time.monotonic())["wing_id"] != wing_id:
        pass


def test_the_pages_are_the_same_everywhere(people: People) -> None:
    for region in REGIONS:
        assert people.api(region, "/api/app/me")["id"] == "local"
        status, headers, body = people.request(region, "GET", "/app/", {"Cookie": people.cookie})
        assert status == 200
        assert b"<title>wingthing</title>" in body
        status, headers, body = people.request(region, "GET", "/")
        assert status == 401
        assert "content-security-policy" in headers
        status, _headers, body = people.request(region, "GET", "/health")
        assert (status, json.loads(body)) == (200, {"ok": True})


def test_a_terminal_through_another_region(people: People, fleet: Rehearsal, token: str) -> None:
    dashboards = {region: people.dashboard(region) for region in REGIONS}
    wing = people.wing(NRT, token)
    for region, dashboard in dashboards.items():
        hear_of(dashboard, "wing.online", wing.wing_id)
        assert dashboard.silent(0.2), f"once, at {region} too"
    nrt = fleet.machine(NRT).id
    assert places(people, NRT) == {wing.wing_id: None}, "the browser has reached the wing's own node"
    assert places(people, LHR) == {wing.wing_id: nrt}
    assert places(people, LOGIN) == {wing.wing_id: nrt}
    for region in REGIONS:
        browser = people.browser(region, wing.wing_id)
        browser.start()
        start = wing.start()
        assert start["user_id"] == "local"
        browser.hear("pty.started")
        browser.type(start["session_id"], wing.key.public, b"ls\r")
        assert wing.key.open(browser.key.public, wing.hear("pty.input")["data"]) == b"ls\r"
        wing.output(start, b"a file\r\n")
        assert browser.read(wing.key.public) == b"a file\r\n"
        browser.close()
    wing.say("session.attention", session_id="0a1b2c3d", nonce="n")
    for dashboard in dashboards.values():
        hear_of(dashboard, "session.attention", wing.wing_id)
    wing.close()
    for dashboard in dashboards.values():
        hear_of(dashboard, "wing.offline", wing.wing_id)
        dashboard.close()


def test_the_only_wing_needs_no_name(people: People, token: str) -> None:
    dashboard = people.dashboard(LHR)
    wing = people.wing(NRT, token)
    hear_of(dashboard, "wing.online", wing.wing_id)
    dashboard.close()
    browser = people.browser(LHR)
    browser.start()
    wing.start()
    browser.hear("pty.started")
    browser.close()
    wing.close()
    eventually(lambda: not places(people, LHR), "the wing is gone")


def test_a_wing_moves_to_another_node(people: People, fleet: Rehearsal, token: str) -> None:
    wing = people.wing(NRT, token)
    browser = people.browser(LHR, wing.wing_id)
    browser.start()
    start = wing.start()
    browser.hear("pty.started")
    # The old connection stays open for a moment, as after a change of networks.
    moved = people.wing(LHR, token, wing.wing_id)
    moved.key = wing.key
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            browser.hear(seconds=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4003
    again = people.browser(LOGIN, wing.wing_id)
    again.attach(start["session_id"])
    attach = moved.start()
    assert attach["session_id"] == start["session_id"]
    again.hear("pty.started")
    moved.output(attach, b"as it was", compressed=True)
    assert again.read(wing.key.public) == b"as it was"
    # The late end of the old connection does not take the wing offline.
    wing.close()
    time.sleep(GOSSIP_SECONDS / 2)
    assert places(people, NRT) == {wing.wing_id: fleet.machine(LHR).id}
    moved.output(attach, b" and on")
    assert again.read(wing.key.public) == b" and on"
    moved.close()
    again.close()
    eventually(lambda: not places(people, NRT), "the wing is gone")


def test_the_end_of_the_newer_connection_leaves_the_older(
    people: People, fleet: Rehearsal, token: str
) -> None:
    older = people.wing(NRT, token)
    eventually(lambda: places(people, LHR), "the wing is known")
    newer = people.wing(LHR, token, older.wing_id)
    eventually(lambda: places(people, LOGIN) == {older.wing_id: fleet.machine(LHR).id}, "it has moved")
    newer.close()
    eventually(lambda: places(people, LOGIN) == {older.wing_id: fleet.machine(NRT).id}, "it is back")
    browser = people.browser(LHR, older.wing_id)
    browser.start()
    older.start()
    browser.hear("pty.started")
    browser.close()
    older.close()
    eventually(lambda: not places(people, LHR), "the wing is gone")


def test_a_wing_that_comes_while_its_browser_waits(people: People, token: str) -> None:
    import threading

    wing_id = "00112233445566778899aabb"
    wings = []
    late = threading.Timer(1.0, lambda: wings.append(people.wing(NRT, token, wing_id)))
    late.start()
    began = time.monotonic()
    browser = people.browser(LHR, wing_id)
    assert time.monotonic() - began < WING_WAIT_SECONDS
    late.join()
    (wing,) = wings
    browser.start()
    wing.start()
    browser.hear("pty.started")
    browser.close()
    wing.close()
    eventually(lambda: not places(people, LHR), "the wing is gone")


def test_a_wing_that_is_nowhere(people: People) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidStatus) as refused:
        people.browser(LHR, "ffffffffffffffffffffffff")
    waited = time.monotonic() - began
    assert refused.value.response.status_code == 404
    assert json.loads(refused.value.response.body) == {"error": "wing not found", "retry": True}
    assert WING_WAIT_SECONDS - 0.5 < waited < WING_WAIT_SECONDS + 5


def test_another_users_wing_is_as_good_as_nowhere(people: People) -> None:
    people.operator("user", "add", "eve", "--name", "Eve")
    wing = people.wing(NRT, people.token("eve"))
    time.sleep(0.5)
    assert places(people, LHR) == {}
    with pytest.raises(InvalidStatus) as refused:
        people.browser(LHR, wing.wing_id)
    assert refused.value.response.status_code == 404
    # Nor can its place be taken from another node.
    with pytest.raises(ConnectionClosed):
        people.wing(LHR, people.token(), wing.wing_id).hear(seconds=5)
    wing.say("wing.heartbeat", wing_id=wing.wing_id)
    assert wing.silent(0.3)
    wing.close()


def test_a_revoked_token_counts_nowhere(people: People) -> None:
    people.operator("user", "add", "bob", "--name", "Bob")
    token = people.token("bob")
    wings = [people.wing(region, token) for region in REGIONS]
    people.operator("user", "token", "bob", "--revoke")
    began = time.monotonic()
    for wing in wings:
        with pytest.raises(ConnectionClosed) as closed:
            wing.hear(seconds=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
    assert time.monotonic() - began < 3 * GOSSIP_SECONDS
    for region in REGIONS:
        with pytest.raises(InvalidStatus) as refused:
            people.wing(region, token)
        assert refused.value.response.status_code == 401
    fresh = people.token("bob")
    for region in REGIONS:
        people.wing(region, fresh).close()


def test_a_logout_reaches_every_node(fleet: Rehearsal, people: People) -> None:
    other = People(fleet)
    dashboards = [other.dashboard(region) for region in REGIONS]
    headers = {"Cookie": other.cookie, "Origin": other.urls[LHR]}
    status, _headers, body = other.request(LHR, "POST", "/auth/logout", headers)
    assert status == 204, body
    for dashboard in dashboards:
        with pytest.raises(ConnectionClosed) as closed:
            dashboard.hear(seconds=3 * GOSSIP_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
    for region in REGIONS:
        with pytest.raises(InvalidStatus) as refused:
            other.dashboard(region)
        assert refused.value.response.status_code == 401
    people.dashboard(LHR).close()


@pytest.mark.parametrize("path", ["gossip", "hello", "session", "wing", "entitlements", ""])
def test_the_internal_api_is_not_there_in_public(people: People, path: str) -> None:
    for region in REGIONS:
        for method in ("GET", "POST"):
            status, _headers, body = people.request(region, method, f"/internal/{path}")
            assert status == 404, (region, method, body)
        status, _headers, _body = people.request(region, "GET", "/metrics")
        assert status == 404


def test_a_websocket_where_there_is_none(people: People) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path in ("/", "/api/app/me", "/app/"):
        status, _headers, body = people.request(LHR, "GET", path, upgrade)
        assert status == 400, (path, body)
    status, _headers, body = people.request(LHR, "GET", "/ws/other", upgrade)
    assert status == 404


def test_traffic_is_counted_once_over_all_nodes(people: People, fleet: Rehearsal, token: str) -> None:
    def used() -> int:
        return int(people.api(LOGIN, "/api/app/usage")["usage_bytes"])

    wing = people.wing(NRT, token)
    eventually(lambda: places(people, LHR), "the wing is known")
    time.sleep(11)  # what earlier tests have caused is written down
    before = used()
    payload = b"x" * 100_000
    for region in REGIONS:
        browser = people.browser(region, wing.wing_id)
        browser.start()
        start = wing.start()
        browser.hear("pty.started")
        for _ in range(3):
            wing.output(start, payload)
            browser.read(wing.key.public)
        browser.close()
    sent = 9 * len(payload) * 4 / 3
    eventually(lambda: used() - before >= sent, "all of it is counted", 30)
    settled = used()
    assert settled - before < sent * 1.02
    fleet.restart(LHR)
    time.sleep(11)
    assert used() == settled, "and not again"
    wing.close()
    eventually(lambda: not places(people, LOGIN), "the wing is gone")


def test_login_is_away(people: People, fleet: Rehearsal, token: str) -> None:
    dashboard = people.dashboard(LHR)
    wing = people.wing(NRT, token)
    hear_of(dashboard, "wing.online", wing.wing_id)
    dashboard.close()
    browser = people.browser(LHR, wing.wing_id)
    browser.start()
    start = wing.start()
    browser.hear("pty.started")
    fleet.kill("login")
    # Open terminals do not notice.
    wing.output(start, b"still here")
    assert browser.read(wing.key.public) == b"still here"
    # Pages say so.
    status, headers, body = people.request(LHR, "GET", "/app/", {"Accept": "text/html"})
    assert (status, headers["retry-after"]) == (503, "2")
    assert b"<html" in body
    status, headers, body = people.request(LHR, "GET", "/api/app/me")
    assert status == 503
    assert set(json.loads(body)) == {"error"}
    # New terminals on known wings open, and known tokens are taken.
    another = people.browser(LHR, wing.wing_id)
    another.attach(start["session_id"])
    attach = wing.start()
    another.hear("pty.started")
    late = people.wing(LHR, token)
    wing.output(attach, b"repainted")
    assert another.read(wing.key.public) == b"repainted"
    fleet.start("login")
    expected = {wing.wing_id: fleet.machine(NRT).id, late.wing_id: fleet.machine(LHR).id}
    began = time.monotonic()
    eventually(lambda: places(people, LOGIN) == expected, "login knows every wing again", EDGE_DEAD_SECONDS)
    assert time.monotonic() - began < 3 * GOSSIP_SECONDS
    for one in (wing, late, browser, another):
        one.close()
    eventually(lambda: not places(people, LOGIN), "the wings are gone")


def test_an_edge_dies(people: People, fleet: Rehearsal, token: str) -> None:
    wing = people.wing(NRT, token)
    dashboard = people.dashboard(LHR)
    eventually(lambda: places(people, LHR), "the wing is known")
    fleet.kill(NRT)
    try:
        hear_of(dashboard, "wing.offline", wing.wing_id, EDGE_DEAD_SECONDS + 10)
        again = people.wing(LHR, token, wing.wing_id)
        hear_of(dashboard, "wing.online", wing.wing_id)
    finally:
        fleet.start(NRT)
    browser = people.browser(NRT, wing.wing_id)
    browser.start()
    again.start()
    browser.hear("pty.started")
    for one in (again, browser, dashboard):
        one.close()
    eventually(lambda: not places(people, LOGIN), "the wing is gone")


def test_an_edge_that_is_cut_off(people: People, fleet: Rehearsal, token: str) -> None:
    wing = people.wing(NRT, token)
    browser = people.browser(NRT, wing.wing_id)
    browser.start()
    start = wing.start()
    browser.hear("pty.started")
    fleet.partition(NRT)
    eventually(lambda: not places(people, LHR), "its wings are offline", EDGE_DEAD_SECONDS + 10)
    wing.output(start, b"nothing noticed")
    assert browser.read(wing.key.public) == b"nothing noticed"
    fleet.heal(NRT)
    eventually(lambda: places(people, LHR), "its wings are back", 15)
    wing.output(start, b" at all")
    assert browser.read(wing.key.public) == b" at all"
    wing.close()
    browser.close()
    eventually(lambda: not places(people, LOGIN), "the wing is gone")


def test_an_edge_comes_and_goes(people: People, fleet: Rehearsal, token: str) -> None:
    added = fleet.add("syd")
    wing = people.wing(NRT, token)
    eventually(lambda: places(people, LHR), "the wing is known")
    people.urls = fleet.status().urls
    browser = people.browser("syd", wing.wing_id)
    browser.start()
    wing.start()
    browser.hear("pty.started")
    browser.close()
    fleet.stop(added.id)
    eventually(lambda: f"{added.id} is gone" in fleet.log("login"), "login has forgotten the edge", 30)
    wing.close()
