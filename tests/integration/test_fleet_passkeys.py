"""A passkey that is registered in one region is known in all others within a round of gossip."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.authenticator import Authenticator
from tests.integration.fleet import Rehearsal
from tests.integration.peers import FieldBrowser
from tests.integration.people import People
from tests.integration.program import eventually

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with Rehearsal(REGIONS) as rehearsal:
        yield People(rehearsal)
        assert not rehearsal.tracebacks()


def account(people: People, region: str, method: str, path: str, body: object = None) -> Any:
    """A request of the page of passkeys at a region, opened by name as passkeys need it."""
    host = f"localhost:{urllib.parse.urlsplit(people.urls[region]).port}"
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "Cookie": people.cookie,
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    status, _headers, answer = people.request(region, method, f"/api/app/passkey{path}", headers, data)
    assert status // 100 == 2, (status, answer)
    return json.loads(answer) if answer else None


def wait_for(people: People, region: str, wing_id: str) -> None:
    def known() -> bool:
        return any(wing["wing_id"] == wing_id for wing in people.api(region, "/api/app/wings"))

    eventually(known, f"the wing is known at {region}")


def test_from_one_region_to_the_others(people: People) -> None:
    wings = {region: people.wing(region, people.token()) for region in (LOGIN, LHR)}
    browsers = {}
    for region, wing in wings.items():
        wait_for(people, region, wing.wing_id)
        browsers[region] = people.browser(region, wing.wing_id)
        browsers[region].start()
        assert wing.start()["passkeys"] == []
    origin = f"http://localhost:{urllib.parse.urlsplit(people.urls[NRT]).port}"
    passkey = Authenticator("localhost", origin)
    options = account(people, NRT, "POST", "/register/begin")["publicKey"]
    told = account(people, NRT, "POST", "/register/finish", passkey.create(options))
    for region, wing in wings.items():
        assert wing.hear("passkey.registered")["user_id"] == "local"
        browsers[region].start()
        assert wing.start(wing.hear("pty.start"))["passkeys"] == [passkey.key], "on a socket that was open"
        fresh = people.browser(region, wing.wing_id)
        fresh.start()
        assert wing.start(wing.hear("pty.start"))["passkeys"] == [passkey.key], "and on a new one"

    def by_token() -> list[str]:
        browser = FieldBrowser(
            people.ws(LHR), {"Authorization": f"Bearer {people.token()}"}, wings[LHR].wing_id
        )
        browser.start()
        keys: list[str] = wings[LHR].start(wings[LHR].hear("pty.start"))["passkeys"]
        browser.close()
        return keys

    assert eventually(by_token, "edges know whose token it is") == [passkey.key]
    account(people, LHR, "DELETE", f"/{told['id']}")
    eventually(lambda: not by_token(), "it is gone")
    browsers[LHR].start()
    assert wings[LHR].start(wings[LHR].hear("pty.start"))["passkeys"] == []
