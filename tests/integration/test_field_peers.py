"""Programs of others against the real `wt serve`: every rule of protocol.md that shows on the wire."""

from __future__ import annotations

import base64
import json
import secrets

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.program import Server, eventually, open_files, resident_bytes


def headers(server: Server) -> dict[str, str]:
    return {"Cookie": server.cookie()}


@pytest.fixture
def wing(server: Server) -> FieldWing:
    return FieldWing(server.ws, server.user_token("local"))


def open_terminal(server: Server, wing: FieldWing) -> tuple[FieldBrowser, dict[str, object]]:
    browser = FieldBrowser(server.ws, headers(server), wing.wing_id)
    browser.start(cwd="/tmp")
    start = wing.start()
    browser.hear("pty.started")
    return browser, start


def test_ack_names_the_connection_and_the_key_of_the_relay(server: Server, wing: FieldWing) -> None:
    assert len(wing.ack["wing_id"]) == 36
    assert base64.b64decode(wing.ack["relay_pub_key"])[:2] == b"\x30\x59"


def test_a_terminal_from_start_to_exit(server: Server, wing: FieldWing) -> None:
    browser = FieldBrowser(server.ws, headers(server), wing.wing_id)
    browser.start(cwd="/tmp", user_id="root", email="root@example.com", passkeys=["forged"], colour="blue")
    start = wing.hear("pty.start")
    assert len(start["session_id"]) == 8
    int(start["session_id"], 16)
    assert start["user_id"] == "local"
    assert start["email"] == ""
    assert start["org_role"] == ""
    assert start["passkeys"] == []
    assert start["colour"] == "blue", "fields that the node does not know pass on"
    wing.start(start)
    assert browser.hear("pty.started")["public_key"] == wing.key.public
    browser.type(start["session_id"], wing.key.public, b"echo hi\r")
    typed = wing.hear("pty.input")
    assert wing.key.open(browser.key.public, typed["data"]) == b"echo hi\r"
    wing.output(start, "hé 🪽\r\n".encode())
    assert browser.read(wing.key.public) == "hé 🪽\r\n".encode()
    browser.say("pty.resize", session_id=start["session_id"], cols=100, rows=30)
    assert wing.hear("pty.resize")["cols"] == 100
    browser.say("pty.kill", session_id=start["session_id"])
    wing.hear("pty.kill")
    wing.say("pty.exited", session_id=start["session_id"], exit_code=0)
    assert browser.hear("pty.exited")["exit_code"] == 0


def test_forwarded_messages_are_the_same_bytes(server: Server, wing: FieldWing) -> None:
    browser, start = open_terminal(server, wing)
    session = json.dumps(start["session_id"])
    odd = '{ "data":"AAAA" ,"session_id":' + session + ',"type":"pty.preview", "x":[1, 2.50] }'
    wing.socket.send(odd)
    assert browser.socket.recv(timeout=10) == odd
    back = '{"session_id":' + session + ',"z":null,"type":"pty.migrate","sdp":"\\u00e9"}'
    browser.socket.send(back)
    assert wing.socket.recv(timeout=10) == back


def test_coming_back_makes_the_new_connection_the_controller(server: Server, wing: FieldWing) -> None:
    first, start = open_terminal(server, wing)
    second = FieldBrowser(server.ws, headers(server), wing.wing_id, path="/ws/relay")
    second.attach(start["session_id"], cols=90, rows=20)
    attach = wing.hear("pty.attach")
    assert attach["user_id"] == "local"
    wing.start(attach)
    second.hear("pty.started")
    wing.output(attach, b"\x1bcscreen", compressed=True)
    assert second.read(wing.key.public) == b"\x1bcscreen"
    assert first.silent(), "output goes to the controller alone, and old clients hear of nothing new"
    first.type(start["session_id"], wing.key.public, b"x")
    second.type(start["session_id"], wing.key.public, b"y")
    assert wing.key.open(second.key.public, wing.hear("pty.input")["data"]) == b"y"


def test_a_spectator_sees_its_own_frames_and_cannot_type(server: Server, wing: FieldWing) -> None:
    controller, start = open_terminal(server, wing)
    spectator = FieldBrowser(server.ws, headers(server), wing.wing_id)
    spectator.attach(start["session_id"], spectate=True, viewer_id="mine")
    attach = wing.hear("pty.attach")
    assert len(attach["viewer_id"]) == 8
    assert attach["viewer_id"] != "mine"
    wing.start(attach)
    assert spectator.hear("pty.started")["viewer_id"] == attach["viewer_id"]
    wing.output(attach, b"for the spectator")
    assert spectator.read(wing.key.public) == b"for the spectator"
    spectator.type(start["session_id"], wing.key.public, b"rm -rf")
    assert "watch" in spectator.hear("error")["message"]
    spectator.say("pty.kill", session_id=start["session_id"])
    spectator.hear("error")
    wing.output(start, b"for the controller")
    assert controller.read(wing.key.public) == b"for the controller"
    wing.say("pty.exited", session_id=start["session_id"], exit_code=3)
    assert controller.hear("pty.exited")["exit_code"] == 3
    assert spectator.hear("pty.exited")["exit_code"] == 3
    assert wing.silent(), "nothing that the spectator said reached the wing"


def test_detached_output_is_dropped_and_the_terminal_lives_on(server: Server, wing: FieldWing) -> None:
    browser, start = open_terminal(server, wing)
    browser.say("pty.detach", session_id=start["session_id"])
    browser.say("pty.nonsense")
    browser.hear("error")
    wing.output(start, b"into the void")
    assert browser.silent()
    browser.attach(start["session_id"])
    wing.start(wing.hear("pty.attach"))
    browser.hear("pty.started")


def test_requests_through_the_tunnel(server: Server, wing: FieldWing) -> None:
    browser = FieldBrowser(server.ws, headers(server), wing.wing_id, path="/ws/relay")
    request_id = browser.request(wing.wing_id, wing.key.public, "wing.info")
    request = wing.hear("tunnel.req")
    assert request["sender_user_id"] == "local"
    assert request["sender_passkeys"] == []
    said = json.loads(wing.key.open(browser.key.public, request["payload"], b"wt-tunnel"))
    assert said == {"type": "wing.info"}
    for part in range(3):
        payload = wing.key.seal(browser.key.public, str(part).encode(), b"wt-tunnel")
        wing.say("tunnel.stream", request_id=request_id, payload=payload, done=part == 2)
    parts = [browser.hear("tunnel.stream") for _ in range(3)]
    assert [p.get("done", False) for p in parts] == [False, False, True]
    wing.say("tunnel.res", request_id=request_id, payload="late")
    assert browser.silent(), "the request has ended"


def test_the_wing_goes_and_comes_back(server: Server, wing: FieldWing) -> None:
    dashboard = Socket(f"{server.ws}/ws/app", headers(server))
    browser, start = open_terminal(server, wing)
    wing.socket.socket.close()
    browser.hear("wing.offline")
    assert dashboard.hear("wing.offline")["wing_id"] == wing.wing_id
    again = FieldWing(server.ws, server.user_token("local"), wing.wing_id)
    again.key = wing.key
    online = dashboard.hear("wing.online")
    assert online["wing_id"] == wing.wing_id
    assert online["user_id"] == "local"
    browser.attach(start["session_id"])
    again.start(again.hear("pty.attach"))
    browser.hear("pty.started")
    again.output({**start, "public_key": browser.key.public}, b"still here")
    assert browser.read(wing.key.public) == b"still here"


def test_the_newest_connection_is_the_wing(server: Server, wing: FieldWing) -> None:
    newer = FieldWing(server.ws, server.user_token("local"), wing.wing_id)
    browser = FieldBrowser(server.ws, headers(server), wing.wing_id)
    wing.close()
    browser.start()
    newer.start()
    browser.hear("pty.started")
    wings = server.api("/api/app/wings")
    assert isinstance(wings, list)
    assert wing.wing_id in [entry["wing_id"] for entry in wings]


def test_attention_reaches_the_dashboard_once_per_episode(server: Server, wing: FieldWing) -> None:
    dashboard = Socket(f"{server.ws}/ws/app", headers(server))
    for nonce in ("a", "a", "b"):
        wing.say("session.attention", session_id="deadbeef", agent="claude", nonce=nonce)
    wing.say("wing.config", wing_id=wing.wing_id, locked=True, allowed_count=2)
    heard = [dashboard.hear("session.attention", "wing.config") for _ in range(3)]
    assert [message["type"] for message in heard] == ["session.attention", "session.attention", "wing.config"]
    assert heard[2]["locked"] is True
    assert heard[2]["allowed_count"] == 2


def test_another_user_reaches_nothing(server: Server, wing: FieldWing) -> None:
    _browser, start = open_terminal(server, wing)
    stranger = FieldBrowser(server.ws, {"Authorization": f"Bearer {server.user_token('eve')}"}, wing.wing_id)
    stranger.start()
    assert stranger.hear("error")["message"] == "no wing connected"
    stranger.attach(str(start["session_id"]))
    assert stranger.hear("error")["message"] == "wing not found"
    stranger.attach(str(start["session_id"]), spectate=True)
    assert stranger.hear("error")["message"] == "wing not found"
    stranger.request(wing.wing_id, wing.key.public, "wing.info")
    assert stranger.hear("error")["message"] == "wing not found"
    stranger.type(str(start["session_id"]), wing.key.public, b"x")
    stranger.hear("error")
    # A wing of her own under the same session id does not lead to the other one either.
    own = FieldWing(server.ws, server.user_token("eve"))
    stranger.attach(str(start["session_id"]), wing_id=own.wing_id)
    own.hear("pty.attach")
    stranger.type(str(start["session_id"]), wing.key.public, b"x")
    own.hear("pty.input")
    assert wing.silent()


def test_a_wing_id_cannot_be_taken_by_another_account(server: Server, wing: FieldWing) -> None:
    thief = Socket(f"{server.ws}/ws/wing", {"Authorization": f"Bearer {server.user_token('eve')}"})
    thief.say(
        "wing.register", wing_id=wing.wing_id, agents=[], skills=[], labels=[], identities=[], locked=False
    )
    assert "another account" in thief.hear("error")["message"]
    assert thief.close_code() == 1008


@pytest.mark.parametrize(
    ("credentials", "status"),
    [({}, 401), ({"Authorization": "Bearer nonsense"}, 401), ({"Cookie": "wt_session=nonsense"}, 401)],
)
@pytest.mark.parametrize("path", ["/ws/wing", "/ws/pty", "/ws/relay", "/ws/app"])
def test_no_way_in(server: Server, path: str, credentials: dict[str, str], status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Socket(f"{server.ws}{path}", credentials)
    assert refused.value.response.status_code == status
    assert "error" in json.loads(refused.value.response.body)


def test_a_foreign_page_cannot_open_a_socket(server: Server) -> None:
    for origin in ("http://evil.example", "null", f"{server.url}0", "http://localhost.evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            Socket(f"{server.ws}/ws/pty", headers(server), origin=origin)
        assert refused.value.response.status_code == 403
    Socket(f"{server.ws}/ws/app", headers(server), origin=server.url).close()


def test_a_rebound_host_name_is_refused(server: Server) -> None:
    status, _headers, body = server.request(
        "GET", "/api/app/me", headers={"Host": f"evil.example:{server.port}", "Cookie": server.cookie()}
    )
    assert status == 421
    assert "error" in json.loads(body)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x00\x01", 1003),
        ("x" * 600 * 1024, 1009),
        (json.dumps({"type": "wing.heartbeat"}), 4002),
        ("[", 4002),
    ],
)
def test_what_ends_a_new_wing(server: Server, sent: bytes | str, code: int) -> None:
    socket = Socket(f"{server.ws}/ws/wing", {"Authorization": f"Bearer {server.user_token('local')}"})
    socket.socket.send(sent)
    assert socket.close_code() == code


@pytest.mark.parametrize(
    "sent",
    [
        "not json",
        "[]",
        "{}",
        '{"type": 5}',
        '{"type": "pty.fly"}',
        '{"type": "wing.register"}',
        '{"type": "pty.start"}',
        '{"type": "pty.start", "agent": 5, "cols": 80, "rows": 24, "public_key": "x"}',
        '{"type": "pty.start", "agent": "shell", "cols": 1e9, "rows": -1, "public_key": "x"}',
        '{"type": "pty.start", "agent": "shell", "cols": 10000000000000000000, "rows": 1, "public_key": "x"}',
        '{"type": "pty.attach", "session_id": ["a"]}',
        '{"type": "pty.input"}',
        '{"type": "pty.input", "session_id": "00000000", "data": "!!"}',
        '{"type": "tunnel.req", "request_id": "1"}',
        "[" * 50_000,
    ],
)
def test_a_browser_is_told_what_was_wrong_and_goes_on(server: Server, wing: FieldWing, sent: str) -> None:
    browser, start = open_terminal(server, wing)
    browser.socket.send(sent)
    assert browser.hear("error")["message"]
    browser.type(str(start["session_id"]), wing.key.public, b"on")
    assert wing.key.open(browser.key.public, wing.hear("pty.input")["data"]) == b"on"


def test_a_wing_is_told_what_was_wrong_and_goes_on(server: Server, wing: FieldWing) -> None:
    for sent in ("nonsense", '{"type": "pty.start"}', '{"type": "wing.config", "wing_id": "x"}'):
        wing.socket.send(sent)
        assert wing.hear("error")["message"]
    browser, start = open_terminal(server, wing)
    wing.output(start, b"on")
    assert browser.read(wing.key.public) == b"on"


def test_ten_thousand_unknown_sessions_leave_nothing_behind(server: Server, wing: FieldWing) -> None:
    browser, start = open_terminal(server, wing)
    before = resident_bytes(server.process.pid)
    for _ in range(10_000):
        wing.say("pty.output", session_id=secrets.token_hex(4), data="AAAA")
    wing.output(start, b"afterwards")
    assert browser.read(wing.key.public) == b"afterwards"
    for number in range(10_000):
        browser.say("pty.input", session_id=secrets.token_hex(4), data="AAAA")
        if number % 100 == 99:
            for _ in range(100):
                browser.hear("error")
    browser.type(str(start["session_id"]), wing.key.public, b"on")
    assert wing.hear("pty.input")["session_id"] == start["session_id"]
    assert resident_bytes(server.process.pid) - before < 8 * 1024 * 1024


def test_a_browser_that_does_not_read_costs_its_outbox_and_nobody_else(
    server: Server, wing: FieldWing
) -> None:
    stalled, flood = open_terminal(server, wing)
    reading, quiet = open_terminal(server, wing)
    before = resident_bytes(server.process.pid)
    most = before
    chunk = b"x" * 96 * 1024
    for number in range(2_000):
        wing.output(flood, chunk)
        if number % 100 == 0:
            wing.output(quiet, b"tick")
            assert reading.read(wing.key.public) == b"tick"
            most = max(most, resident_bytes(server.process.pid))
    assert most - before < 12 * 1024 * 1024, f"{(most - before) / 1e6:.0f} MB for one stalled browser"
    assert stalled.close_code() == 4008
    back = FieldBrowser(server.ws, headers(server), wing.wing_id)
    back.attach(str(flood["session_id"]))
    attach = wing.start(wing.hear("pty.attach"))
    back.hear("pty.started")
    wing.output(attach, b"repainted")
    assert back.read(wing.key.public) == b"repainted"


def test_sockets_leave_no_descriptors_behind(server: Server, wing: FieldWing) -> None:
    before = open_files(server.process.pid)
    browsers = [open_terminal(server, wing)[0] for _ in range(20)]
    for browser in browsers:
        browser.socket.socket.close()
    eventually(lambda: open_files(server.process.pid) <= before, "all descriptors are closed")
