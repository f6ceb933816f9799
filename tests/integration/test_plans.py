"""A free user of the real program: slowed down, cut at the cap, and let go on by a payment."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.integration.mailbox import free_port
from tests.integration.peers import FieldBrowser, FieldWing
from tests.integration.program import Server, eventually, wt
from tests.web.payments import SECRET, checkout, encoded, event, signed

CAP = 2_500_000
RATE = 1_000_000
"""Bytes a second."""

SETTINGS = {
    "WT_GITHUB_CLIENT_ID": "id",
    "WT_GITHUB_CLIENT_SECRET": "secret",
    "WT_FREE_CAP_BYTES": str(CAP),
    "WT_RATE_BITS": str(8 * RATE),
    "WT_BILLING_WEBHOOK_SECRET": SECRET,
    "WT_BILLING_CHECKOUT_URL": "https://buy.example.org/plan",
}


def serve(home: Path) -> Server:
    address = f"127.0.0.1:{free_port()}"
    return Server(home, "serve", "--base-url", f"http://{address}", addr=address, **SETTINGS)


def paid(server: Server) -> int:
    """The payment provider tells of Ann's payment; the status of the answer."""
    now = int(time.time())
    body = encoded(event("checkout.session.completed", checkout("ann"), created=now))
    headers = {"Content-Type": "application/json", "Stripe-Signature": signed(body, at=now)}
    return server.request("POST", "/billing/webhook", body, headers)[0]


def test_a_free_user_is_slowed_down_and_cut_and_goes_on_after_paying(home: Path) -> None:
    assert wt(home, "user", "add", "ann", "--name", "Ann").returncode == 0
    token = wt(home, "user", "token", "ann").stdout.strip()
    bearer = {"Authorization": f"Bearer {token}"}
    server = serve(home)
    try:
        wing = FieldWing(server.ws, token)
        browser = FieldBrowser(server.ws, bearer, wing.wing_id)
        browser.start()
        start = wing.start()
        browser.hear("pty.started")
        piece = bytes(96 * 1024)
        began, received = time.monotonic(), 0
        for _ in range(15):
            wing.output(start, piece)
        for _ in range(15):
            received += len(browser.read(wing.key.public))
        slowest = time.monotonic() - began
        # About 1.9 MiB on the wire, of which 1 MiB goes at full speed.
        assert received == 15 * len(piece)
        assert 0.6 < slowest < 10, slowest
        for _ in range(6):
            wing.output(start, piece)
        exceeded = browser.hear("bandwidth.exceeded", seconds=20)
        assert "2.4 MiB" in exceeded["message"]
        browser.attach(start["session_id"], wing_id=wing.wing_id)
        assert browser.hear("bandwidth.exceeded")["session_id"] == start["session_id"]
        wing.say("wing.heartbeat", wing_id=wing.wing_id)
        assert wing.silent(0.3), "the wing hears nothing of all this"

        # It survives a restart, and nothing loops.
        wing.close()
        browser.close()
        assert server.stop() == 0, server.output
        server = serve(home)
        wing = FieldWing(server.ws, token, wing.wing_id)
        browser = FieldBrowser(server.ws, bearer, wing.wing_id)
        browser.attach(start["session_id"])
        browser.hear("bandwidth.exceeded")
        assert browser.silent(0.5)

        assert paid(server) == 200
        assert browser.close_code() == 4007
        listed = json.loads(wt(home, "user", "list", "--json").stdout)
        assert {row["id"]: row["plan"] for row in listed}["ann"] == "pro"
        browser = FieldBrowser(server.ws, bearer, wing.wing_id)
        browser.attach(start["session_id"])
        attach = wing.start()
        browser.hear("pty.started")
        wing.output(attach, b"and on")
        assert browser.read(wing.key.public) == b"and on"
        assert paid(server) == 200, "the same event again"
        eventually(lambda: b"wingthing_users_over_cap 0" in server.request("GET", "/metrics")[2], "figures")
        browser.close()
        wing.close()
    finally:
        server.stop()
    assert "Traceback" not in server.output, server.output
