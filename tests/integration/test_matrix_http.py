"""Who may ask what over HTTP: every address of a fleet, by everybody, at login and through an edge."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from klein.resource import KleinResource

from tests.assembly.case import HOST, NodeCase, place
from tests.integration import matrix
from tests.integration.matrix import OWNER, STRANGER, Row
from tests.integration.matrix_requests import address_of
from tests.integration.matrix_stage import REGIONS, Cell, Stage, settings
from tests.integration.program import DEADLINE_SECONDS
from wingthing.assembly.config import Config
from wingthing.assembly.login import LoginNode
from wingthing.assembly.plan_config import plan_settings
from wingthing.assembly.roles import Role
from wingthing.assembly.sign_in_config import sign_in
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.names import DATABASE_FILE
from wingthing.store.connection import connect
from wingthing.web.api_tree import ApiTree
from wingthing.wire.internal import NODE_HEADER

# Who asks:
#   nobody    without any credentials
#   stranger  logged in, and not of the organisation that the address is about
#   member, admin, owner   logged in, and of it
#   capped    a member whose month's traffic is used up: the cap is for terminals, not for pages
#   wing      the owner's wing token, as a program brings it (`Authorization: Bearer`)
#   edge      a node's tokens through the public proxy: in the headers of nodes, and as a Bearer
#
# What is asked for belongs to the owner, but for {invite}, which is for the stranger's address, and {me}, who
# asks. Lines of one address differ in what is sent: see matrix_requests.py.
#
# `login` is a 303 to the login page. Spectators are known on sockets alone: see test_matrix_messages.py.

TABLE: Final = """
                                               nobody stranger member admin owner capped wing  edge
Pages
GET /                                        | login  303      303    303   303   303    login login
GET /app                                     | 303    303      303    303   303   303    303   303
GET /app/                                    | login  200      200    200   200   200    login login
GET /app/{file}                              | 200    200      200    200   200   200    200   200
GET /static/{style}                          | 200    200      200    200   200   200    200   200
GET /favicon.ico                             | 200    200      200    200   200   200    200   200
GET /status                                  | login  200      200    200   200   200    login login
GET /status.json                             | 401    200      200    200   200   200    401   401
GET /invite/{invite}                         | login  200      403    403   403   403    login login
POST /invite/{invite}                        | login  303      403    403   403   403    login login
POST /invite/{invite} (sign in as another)   | login  login    login  login login login  login login

For programs that run the fleet, and the payment provider
GET /health                                  | 200    200      200    200   200   200    200   200
GET /ready                                   | 200    200      200    200   200   200    200   200
GET /metrics                                 | 404    404      404    404   404   404    404   404
POST /billing/webhook                        | 400    400      400    400   400   400    400   400
POST /billing/webhook (signed)               | 200    200      200    200   200   200    200   200

Between nodes: not through the public proxy, whatever token is shown
POST /internal/hello                         | 404    404      404    404   404   404    404   404
POST /internal/session                       | 404    404      404    404   404   404    404   404
POST /internal/wing                          | 404    404      404    404   404   404    404   404
GET /internal/entitlements                   | 404    404      404    404   404   404    404   404
POST /internal/gossip                        | 404    404      404    404   404   404    404   404

Signing in. A link, a code of a device, and a token that is sent count for whoever has them
GET /auth/login                              | 200    303      303    303   303   303    200   200
POST /auth/{provider}/start                  | 200    200      200    200   200   200    200   200
GET /auth/{provider}/callback                | 400    400      400    400   400   400    400   400
POST /auth/email                             | 200    200      200    200   200   200    200   200
GET /auth/email/link                         | 200    200      200    200   200   200    200   200
POST /auth/email/link                        | 303    303      303    303   303   303    303   303
GET /auth/email/link (to link an address)    | login  403      403    403   200   403    login login
POST /auth/email/link (to link an address)   | login  403      403    403   303   403    login login
GET /auth/local                              | 303    303      303    303   303   303    303   303
POST /auth/logout                            | 401    204      204    204   204   204    401   401
POST /auth/device                            | 200    200      200    200   200   200    200   200
POST /auth/token                             | 200    200      200    200   200   200    200   200
GET /auth/claim                              | login  200      200    200   200   200    login login
POST /auth/claim                             | login  200      200    200   200   200    login login
GET /auth/check                              | 401    401      401    401   401   401    200   401
POST /auth/refresh                           | 401    401      401    401   401   401    200   401
POST /auth/revoke                            | 401    401      401    401   401   401    200   401

One's own account: of another's there is nothing
GET /api/app/me                              | 401    200      200    200   200   200    401   401
GET /api/app/wings                           | 401    200      200    200   200   200    401   401
PUT /api/app/wings/{wing}/label              | 401    404      200    200   200   200    401   401
DELETE /api/app/wings/{wing}/label           | 401    200      200    200   200   200    401   401
GET /api/app/resolve-email                   | 401    200      200    200   200   200    401   401
GET /api/app/profile                         | 401    200      200    200   200   200    401   401
PUT /api/app/profile                         | 401    200      200    200   200   200    401   401
GET /api/app/methods                         | 401    200      200    200   200   200    401   401
POST /api/app/methods/{provider}/link        | 401    200      200    200   200   200    401   401
POST /api/app/methods/{mail}/link            | 401    200      200    200   200   200    401   401
DELETE /api/app/methods/{method}             | 401    404      404    404   204   404    401   401
GET /api/app/sessions                        | 401    200      200    200   200   200    401   401
DELETE /api/app/sessions                     | 401    204      204    204   204   204    401   401
DELETE /api/app/sessions/{session}           | 401    404      404    404   204   404    401   401
GET /api/app/devices                         | 401    200      200    200   200   200    401   401
DELETE /api/app/devices                      | 401    204      204    204   204   204    401   401
DELETE /api/app/devices/{device}             | 401    404      404    404   204   404    401   401
GET /api/app/passkey                         | 401    200      200    200   200   200    401   401
POST /api/app/passkey/register/begin         | 401    200      200    200   200   200    401   401
POST /api/app/passkey/register/finish        | 401    400      400    400   400   400    401   401
PUT /api/app/passkey/{passkey}               | 401    404      404    404   200   404    401   401
DELETE /api/app/passkey/{passkey}            | 401    404      404    404   204   404    401   401
GET /api/app/usage                           | 401    200      200    200   200   200    401   401
POST /api/app/upgrade                        | 401    402      402    402   402   402    401   401
POST /api/app/downgrade                      | 401    200      200    200   200   200    401   401
GET /api/app/ntfy                            | 401    200      200    200   200   200    401   401
POST /api/app/ntfy                           | 401    200      200    200   200   200    401   401
POST /api/app/ntfy/test                      | 401    409      409    409   409   409    401   401
POST /api/app/ntfy/generate                  | 401    200      200    200   200   200    401   401
GET /api/app/push                            | 401    200      200    200   200   200    401   401
POST /api/app/push                           | 401    200      200    200   200   200    401   401
PUT /api/app/push                            | 401    200      200    200   200   200    401   401
POST /api/app/push/test                      | 401    409      409    409   409   409    401   401
DELETE /api/app/push/{push}                  | 401    404      404    404   204   404    401   401
GET /api/app/audit                           | 401    200      200    200   200   200    401   401
GET /api/app/audit.csv                       | 401    200      200    200   200   200    401   401
GET /api/app/export                          | 401    200      200    200   200   200    401   401
GET /api/app/account/deletion                | 401    200      200    200   200   200    401   401
DELETE /api/app/account                      | 401    204      204    204   409   204    401   401

Organisations: for who is in none there is none
GET /api/orgs                                | 401    200      200    200   200   200    401   401
POST /api/orgs                               | 401    201      201    201   201   201    401   401
GET /api/orgs/{org}                          | 401    404      200    200   200   200    401   401
GET /api/orgs/{slug}                         | 401    404      200    200   200   200    401   401
PUT /api/orgs/{org}                          | 401    404      403    200   200   403    401   401
DELETE /api/orgs/{org}                       | 401    404      403    403   204   403    401   401
GET /api/orgs/{org}/members                  | 401    404      200    200   200   200    401   401
PUT /api/orgs/{org}/members/{mate}           | 401    404      403    200   200   403    401   401
PUT /api/orgs/{org}/members/{mate} (owner)   | 401    404      403    403   200   403    401   401
PUT /api/orgs/{org}/members/{deputy}         | 401    404      403    403   200   403    401   401
PUT /api/orgs/{org}/members/{me}             | 401    404      403    403   409   403    401   401
DELETE /api/orgs/{org}/members/{mate}        | 401    404      403    204   204   403    401   401
DELETE /api/orgs/{org}/members/{deputy}      | 401    404      403    403   204   403    401   401
DELETE /api/orgs/{org}/members/{me}          | 401    404      204    204   409   204    401   401
POST /api/orgs/{org}/transfer                | 401    404      403    403   200   403    401   401
POST /api/orgs/{org}/invite                  | 401    404      403    200   200   403    401   401
POST /api/orgs/{org}/invite (an owner)       | 401    404      403    403   200   403    401   401
GET /api/orgs/{org}/invites                  | 401    404      403    200   200   403    401   401
POST /api/orgs/{org}/invites/{invite}/revoke | 401    404      403    200   200   403    401   401
POST /api/orgs/{org}/invites/{invite_id}/revoke       | 401 404 403   200   200   403    401   401
POST /api/orgs/{org}/invites/{invite_of_owner}/revoke | 401 404 403   403   200   403    401   401
POST /api/orgs/{org}/upgrade                 | 401    404      403    403   402   403    401   401
POST /api/orgs/{org}/cancel                  | 401    404      403    403   200   403    401   401
GET /api/orgs/{org}/audit                    | 401    404      403    200   200   403    401   401
GET /api/orgs/{org}/audit.csv                | 401    404      403    200   200   403    401   401

What is of one organisation, asked for in another, which is the stranger's: it is not there
PUT /api/orgs/{other}/members/{mate}         | 401    404      404    404   404   404    401   401
DELETE /api/orgs/{other}/members/{mate}      | 401    404      404    404   404   404    401   401
POST /api/orgs/{other}/transfer              | 401    404      404    404   404   404    401   401
POST /api/orgs/{other}/invites/{invite}/revoke        | 401 404 404   404   404   404    401   401
POST /api/orgs/{other}/invites/{invite_id}/revoke     | 401 404 404   404   404   404    401   401

Sockets: who may open one. What may be said on it is in test_matrix_messages.py
GET /ws/pty                                  | 401    404      101    101   101   101    101   401
GET /ws/relay                                | 401    404      101    101   101   101    101   401
GET /ws/app                                  | 401    101      101    101   101   101    101   401
GET /ws/wing                                 | 401    401      401    401   401   401    101   401
"""

COLUMNS, ROWS = matrix.read_table(TABLE)
SWITCH: Final = "POST /invite/{invite} (sign in as another)"
"""The only request that leads to the login page because that was asked for."""

REFUSED: Final = frozenset({"401", "403", "404", "login"})


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="wt-") as parent:
        made = Stage(Path(parent), COLUMNS, ROWS)
        with made.rehearsal:
            yield made
            assert not made.rehearsal.tracebacks()


@pytest.fixture(scope="module")
def cells(stage: Stage) -> dict[str, list[Cell]]:
    wing = stage.wing()
    try:
        return stage.run()
    finally:
        wing.close()


@pytest.mark.parametrize("region", REGIONS)
def test_everybody_gets_the_answer_of_the_table(cells: dict[str, list[Cell]], region: str) -> None:
    answers = {(cell.row, cell.column): cell.answer.status for cell in cells[region]}
    assert len(answers) == len(ROWS) * len(COLUMNS)
    assert not (wrong := matrix.differences(answers)), f"at {region}:\n{wrong}"


def test_a_refusal_says_nothing_of_what_it_refuses(cells: dict[str, list[Cell]]) -> None:
    refused = [cell for found in cells.values() for cell in found if cell.answer.status in REFUSED]
    assert len(refused) > 800
    for cell in refused:
        # Who is logged in is told who that is.
        text = cell.answer.body.decode().replace(f"{cell.column}-{cell.world.mark}", "")
        assert cell.world.mark not in text, (cell.row, cell.column, text)
        if text.startswith("{"):
            assert set(json.loads(text)) <= {"error", "retry"}, (cell.row, cell.column, text)


def test_what_is_not_for_one_is_as_what_there_is_not(cells: dict[str, list[Cell]]) -> None:
    compared = [cell for found in cells.values() for cell in found if cell.twin is not None]
    assert {cell.column for cell in compared} >= {STRANGER, "member", "admin"}
    for cell in compared:
        assert cell.twin == cell.answer, (cell.row, cell.column)


def test_what_is_refused_changes_nothing(stage: Stage, cells: dict[str, list[Cell]]) -> None:
    refused = [
        cell
        for found in cells.values()
        for cell in found
        if cell.answer.status in REFUSED and cell.world.mark in stage.before and cell.row.what != SWITCH
    ]
    assert len(refused) > 400
    connection = connect(stage.folder.volume / DATABASE_FILE)
    try:
        cursor = connection.cursor()
        for cell in refused:
            after = matrix.state_of(cursor, cell.world)
            assert after == stage.before[cell.world.mark], (cell.row, cell.column)
    finally:
        connection.close()


def test_no_page_of_another_site_writes_anything(stage: Stage) -> None:
    """The owner's browser, with the owner's cookie, on somebody else's page."""
    for region in REGIONS:
        asker = stage.asker(OWNER, region)
        answers = {}
        for row in ROWS:
            if address_of(row)[0] == "GET" or "/internal/" in row.what:
                continue
            asked = asker.question(row, stage.house, {**stage.house.things, "push": "p", "code": "ABCDEF"})
            for origin in ("http://evil.example.org", "null", None):
                headers = {name: value for name, value in asked.headers.items() if name != "Origin"}
                headers |= {"Origin": origin} if origin else {}
                answers[row.what, origin] = asker.send(attrs.evolve(asked, headers=headers)).status
        asker.close()
        assert len(answers) > 100
        assert {what for what, status in answers.items() if status != "403"} == set()


# Who asks past the public proxy, in the private network:
#   wing     the owner's wing token, where a node's belongs
#   passing  the token with which an edge passes browsers' requests on
#   spent    a token for this that was used before
#   node     a new one. 404 and 400 are answers to what it asks: no such session, and no round of gossip

PRIVATE: Final = """
                                    nobody wing passing spent node
Login
POST /internal/hello              | 401    401  401     401   200
POST /internal/session            | 401    401  401     401   404
POST /internal/wing               | 401    401  401     401   200
GET /internal/entitlements        | 401    401  401     401   200
POST /internal/gossip             | 404    404  404     404   404
GET /metrics                      | 200    200  200     200   200
Edge
POST /internal/gossip (edge)      | 401    401  401     401   400
POST /internal/session (edge)     | 404    404  404     404   404
GET /internal/entitlements (edge) | 404    404  404     404   404
GET /metrics (edge)               | 200    200  200     200   200
"""


def test_in_the_private_network(stage: Stage) -> None:
    """Past the public proxy: what only nodes may ask, by a token that counts once."""
    trust = Trust(stage.keys, stage.rehearsal.machine("edge").id, time.time, lambda: secrets.token_hex(12))
    bodies = {
        "/internal/hello": {"boot": "b"},
        "/internal/session": {"login": "0" * 64},
        "/internal/wing": {"wing_id": "ab" * 12},
        "/internal/gossip": {},
    }

    def asked(machine: str, method: str, path: str, token: str) -> str:
        headers = {NODE_HEADER: token, "Authorization": f"Bearer {token}"} if token else {}
        body = json.dumps(bodies[path]) if method == "POST" else None
        connection = http.client.HTTPConnection(machine, timeout=DEADLINE_SECONDS)
        connection.request(method, path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return str(status)

    columns, rows = matrix.read_table(PRIVATE)
    answers: dict[tuple[Row, str], str] = {}
    for row in rows:
        method, path = address_of(row)
        machine = stage.rehearsal.machine("edge" if row.what.endswith("(edge)") else "login").address
        tokens = {
            "nobody": "",
            "wing": stage.house.bearer,
            "passing": trust.token(Audience.EDGE)[0],
            "spent": trust.token(Audience.INTERNAL)[0],
            "node": trust.token(Audience.INTERNAL)[0],
        }
        asked(machine, method, path, tokens["spent"])
        answers |= {(row, column): asked(machine, method, path, tokens[column]) for column in columns}
    assert not (wrong := matrix.differences(answers)), wrong


# -- that no address is left out -----------------------------------------------------------------------------


class EveryAddressTests(NodeCase):
    def test_every_address_has_a_row(self) -> None:
        variables = settings(25)
        config = Config(
            Role.LOGIN,
            "tcp:8080",
            True,
            self.folder,
            f"http://{HOST}",
            False,
            fleet=place("m1", "ewr"),
            sign_in=sign_in(variables),
            plans=plan_settings(variables, with_sign_in=True),
        )
        login = LoginNode(self.reactor, config, self.keys, self.folder, machine="m1", boot="b")
        self.addCleanup(login.closed)
        self.start(login)
        self.start(self.edge())
        served = {each for _port, site, *_rest in self.reactor.tcpServers for each in everything(site)}
        self.assertGreater(len(served), 80)
        in_table = {" ".join(address_of(row)) for row in ROWS}
        self.assertEqual({without_names(each) for each in in_table}, {without_names(each) for each in served})


def without_names(address: str) -> str:
    """An address with a star for each of its variables."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "*", address)


def everything(site: Any) -> Iterator[str]:
    """Method and address of everything that a node serves."""
    tree = site.resource._tree
    for name, served in tree.children.items():
        first = f"/{name.decode()}"
        if isinstance(served, ApiTree):
            for app in (*(resource for _prefix, resource in served._parts), served._rest):
                yield from of_app(app, first)
        elif isinstance(served, KleinResource):
            yield from of_app(served, first)
        else:
            yield from (f"GET {first}/{socket.decode()}" for socket in served.children)
    for served in (*tree._whole.values(), tree._pages):
        if isinstance(served, KleinResource):
            yield from of_app(served, "")


def of_app(served: KleinResource, prefix: str) -> Iterator[str]:
    """The same of one Klein app; not what answers that there is nothing."""
    for rule in served._app.url_map.iter_rules():
        if rule.endpoint != "nothing":
            yield from (
                f"{method} {prefix}{rule.rule}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            )
