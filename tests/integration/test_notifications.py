"""A real server, a wing of somebody else, and the services that notifications go to, over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fleet import Rehearsal
from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.people import People
from tests.integration.program import Server, eventually
from tests.integration.receivers import Browser, Receiver

SESSION = "0a1b2c3d"


@pytest.fixture
def ntfy() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def service() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def roost(home: Path, ntfy: Receiver) -> Iterator[Server]:
    server = Server(home, WT_NTFY_URL=ntfy.url)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output, server.output


@pytest.fixture
def wing(roost: Server) -> Iterator[FieldWing]:
    wing = FieldWing(roost.ws, roost.user_token("local"))
    yield wing
    wing.close()


def came(receiver: Receiver, number: int) -> None:
    eventually(lambda: len(receiver.requests) >= number, f"{number} notifications")
    assert len(receiver.requests) == number


def test_ntfy_from_the_first_choice_to_the_last(roost: Server, ntfy: Receiver, wing: FieldWing) -> None:
    wing.say("session.attention", session_id=SESSION, agent="claude", nonce="unwanted")
    generated = roost.api("/api/app/ntfy/generate", "POST", {})
    assert isinstance(generated, dict)
    topic = generated["topic"]
    roost.api("/api/app/ntfy", "POST", {"topic": topic, "token": "tk_secret", "events": "attention,exit"})
    assert roost.api("/api/app/ntfy") == {
        "topic": topic,
        "token": "",
        "has_token": True,
        "events": "attention,exit",
        "enabled": True,
        "server": ntfy.url,
    }
    wing.say("session.attention", session_id=SESSION, agent="claude", cwd="/home/ann/work", nonce="a")
    came(ntfy, 1)
    first = ntfy.requests[0]
    assert first.path == "/"
    assert first.headers["authorization"] == "Bearer tk_secret"
    assert first.json == {
        "topic": topic,
        "title": "claude wants your attention",
        "message": "work",
        "click": f"{roost.url}/app/#s/{SESSION}",
        "tags": ["bell"],
        "priority": 4,
    }
    # The same episode over a new connection, and then its end, of which no browser hears.
    wing.close()
    again = FieldWing(roost.ws, roost.user_token("local"), wing.wing_id)
    again.say("session.attention", session_id=SESSION, agent="claude", cwd="/home/ann/work", nonce="a")
    again.say("pty.exited", session_id=SESSION, exit_code=0)
    came(ntfy, 2)
    assert ntfy.requests[1].json["title"] == "claude has ended"
    again.say("pty.exited", session_id=SESSION, exit_code=0)
    # Events are chosen: what is not wanted any more does not come.
    roost.api("/api/app/ntfy", "POST", {"topic": topic, "token": "", "events": "exit"})
    again.say("session.attention", session_id=SESSION, nonce="b")
    again.say("pty.exited", session_id="ffffffff", exit_code=1)
    came(ntfy, 3)
    assert ntfy.requests[2].json["title"] == "A terminal has ended"
    assert ntfy.requests[2].headers["authorization"] == "Bearer tk_secret", "an empty token leaves it"
    roost.api("/api/app/ntfy", "POST", {"topic": ""})
    again.say("pty.exited", session_id="eeeeeeee", exit_code=1)
    again.say("wing.config", wing_id=again.wing_id, locked=False, allowed_count=0)
    time.sleep(0.3)
    came(ntfy, 3)
    again.close()
    assert "tk_secret" not in roost.output
    assert topic not in roost.output


def test_web_push_from_subscription_to_its_end(roost: Server, service: Receiver, wing: FieldWing) -> None:
    browser = Browser(service.url)
    state = roost.api("/api/app/push")
    assert isinstance(state, dict)
    assert (state["events"], state["subscriptions"]) == ("", [])
    roost.api("/api/app/push", "POST", {**browser.subscription(), "events": "attention"})
    wing.say("session.attention", session_id=SESSION, agent="codex", cwd="C:\\work\\shop", nonce="a")
    came(service, 1)
    request = service.requests[0]
    assert (request.path, request.headers["urgency"]) == ("/push/browser", "high")
    assert browser.read(request, state["key"], service.url) == {
        "title": "codex wants your attention",
        "body": "shop",
        "url": f"{roost.url}/app/#s/{SESSION}",
        "tag": f"#s/{SESSION}",
    }
    assert b"codex" not in request.body
    assert roost.api("/api/app/push/test", "POST", {}) == {"ok": True, "sent": 1}
    assert browser.read(service.requests[1], state["key"], service.url)["title"] == "Notifications work"
    # The service does not know the browser any more.
    service.status = 410
    wing.say("session.attention", session_id=SESSION, nonce="b")
    came(service, 3)

    def forgotten() -> bool:
        now = roost.api("/api/app/push")
        return isinstance(now, dict) and now["subscriptions"] == []

    eventually(forgotten, "the browser is forgotten")
    assert browser.endpoint not in roost.output


def test_a_redirect_is_not_followed(roost: Server, ntfy: Receiver, service: Receiver) -> None:
    """A service cannot send this server on to its neighbours."""
    target = Receiver()
    try:
        for receiver in (ntfy, service):
            receiver.status, receiver.answer_headers = 307, {"Location": f"{target.url}/inside"}
        roost.api("/api/app/ntfy", "POST", {"topic": "t", "token": "", "events": "attention"})
        roost.api("/api/app/push", "POST", Browser(service.url).subscription())
        for path in ("ntfy", "push"):
            status, error = post(roost, f"/api/app/{path}/test")
            assert (status, "307" in error) == (502, True), error
        assert (len(ntfy.requests), len(service.requests), target.requests) == (1, 1, [])
    finally:
        target.close()


def test_a_service_that_is_slow_delays_nobody(roost: Server, ntfy: Receiver, wing: FieldWing) -> None:
    """Nor does one that answers without end."""
    ntfy.delay, ntfy.words = 1.0, b"x" * 1_000_000
    roost.api("/api/app/ntfy", "POST", {"topic": "t", "token": "", "events": "attention"})
    headers = {"Cookie": roost.cookie(), "Origin": roost.url}
    dashboard = Socket(f"{roost.ws}/ws/app", headers)
    browser = FieldBrowser(roost.ws, headers, wing.wing_id)
    browser.start()
    wing.start()
    browser.hear("pty.started")
    for number in range(20):
        wing.say("session.attention", session_id=SESSION, nonce=str(number))
    began = time.monotonic()
    for _ in range(20):
        dashboard.hear("session.attention")
    assert roost.request("GET", "/health")[0] == 200
    assert time.monotonic() - began < 5.0
    eventually(lambda: len(ntfy.requests) >= 2, "they are sent all the same, one after the other")
    dashboard.close()
    browser.close()


def test_a_wing_at_an_edge_and_then_at_another(ntfy: Receiver) -> None:
    """Login sends, once, whichever edge has told; and the address that it notes is the browser's."""
    with Rehearsal(("ewr", "nrt", "lhr"), variables={"WT_NTFY_URL": ntfy.url}) as fleet:
        people = People(fleet)
        asked = {"topic": "fleet", "token": "", "events": "attention,exit"}
        people.api("lhr", "/api/app/ntfy", "POST", asked)
        token = people.token()
        first = people.wing("nrt", token)
        dashboard = people.dashboard("ewr")
        said = {"session_id": SESSION, "agent": "claude", "cwd": "/home/ann/work", "nonce": "a"}
        first.say("session.attention", **said)
        came(ntfy, 1)
        second = people.wing("lhr", token, first.wing_id)
        second.say("session.attention", **said)
        second.say("pty.exited", session_id=SESSION, exit_code=0)
        came(ntfy, 2)
        assert [each.json["title"] for each in ntfy.requests] == [
            "claude wants your attention",
            "claude has ended",
        ]
        assert ntfy.requests[0].json["message"] == "work"
        second.say("session.attention", session_id=SESSION, nonce="b")
        came(ntfy, 3)
        heard = [dashboard.hear("session.attention")["session_id"] for _ in range(3)]
        assert heard == [SESSION] * 3
        assert dashboard.silent(), "an end is no attention"
        entries = people.api("nrt", "/api/app/audit")
        assert [each["address"] for each in entries if each["action"] == "ntfy on"] == ["127.0.0.1"]
        for socket in (first, second, dashboard):
            socket.close()
        assert not fleet.tracebacks()


def post(server: Server, path: str) -> tuple[int, str]:
    headers = {"Cookie": server.cookie(), "Origin": server.url, "Content-Type": "application/json"}
    status, _headers, body = server.request("POST", path, "{}", headers)
    return status, str(json.loads(body).get("error", ""))
