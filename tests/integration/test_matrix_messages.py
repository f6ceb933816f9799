"""Who may say what on a socket: every type of message, by everybody, and what comes of it.

Who may open a socket at all is in test_matrix_http.py.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.integration import matrix
from tests.integration.fleet import Rehearsal
from tests.integration.mailbox import free_port
from tests.integration.matrix import ADMIN, CAPPED, DEPUTY, MATE, MEMBER, OWNER, STRANGER, Row, World
from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.program import DEADLINE_SECONDS
from wingthing.names import SESSION_COOKIE
from wingthing.store import login_sessions, orgs, users
from wingthing.store.connection import transaction
from wingthing.wire.messages import MESSAGES

# Who says it. The wing is at the edge, and what is said is about it and about a terminal on it.
#   owner, admin, member   each about a terminal that they control; admin and member by the organisation
#   token      the owner's wing token in place of a login, about a terminal that it controls
#   other      an admin of the organisation, about the owner's terminal, which they have not opened
#   spectator  a member who watches the owner's terminal, about that
#   capped     a member whose month's traffic is used up, about the owner's terminal
#   removed    has been put out of the organisation, with a terminal open
#   stranger   is not in it
#   wing       the owner's wing, on its own socket, about the owner's terminal and request
#   foreign    a stranger's wing, about the same
#
# What comes of it:
#   wing       the wing hears it
#   browser    who controls the terminal hears it, or who has sent the request
#   dashboards those of the owner and of the organisation hear of it
#   no         only who has said it hears something: an `error`
#   cap        the same, `bandwidth.exceeded`
#   -          nobody hears anything: it is for the node, or about nothing that there is

TABLE: Final = """
                     owner admin member token other spectator capped removed stranger wing       foreign
Of wings
wing.register      | no    no    no     no    no    no        no     no      no       no         no
wing.heartbeat     | no    no    no     no    no    no        no     no      no       -          no
wing.config        | no    no    no     no    no    no        no     no      no       dashboards no
session.attention  | no    no    no     no    no    no        no     no      no       dashboards -
pty.started        | no    no    no     no    no    no        no     no      no       browser    -
pty.output         | no    no    no     no    no    no        no     no      no       browser    -
pty.exited         | no    no    no     no    no    no        no     no      no       browser    -
pty.preview        | no    no    no     no    no    no        no     no      no       browser    -
pty.browser_open   | no    no    no     no    no    no        no     no      no       browser    -
pty.migrated       | no    no    no     no    no    no        no     no      no       browser    -
pty.fallback       | no    no    no     no    no    no        no     no      no       browser    -
passkey.challenge  | no    no    no     no    no    no        no     no      no       browser    -
tunnel.res         | no    no    no     no    no    no        no     no      no       browser    -
tunnel.stream      | no    no    no     no    no    no        no     no      no       browser    -
error              | no    no    no     no    no    no        no     no      no       browser    -

Of browsers
pty.start          | wing  wing  wing   wing  wing  wing      cap    no      no       no         no
pty.attach         | wing  wing  wing   wing  wing  wing      cap    no      no       no         no
pty.attach spectate| wing  wing  wing   wing  wing  wing      cap    no      no       no         no
tunnel.req         | wing  wing  wing   wing  wing  wing      cap    no      no       no         no
pty.detach         | -     -     -      -     -     -         -      -       -        no         no
pty.input          | wing  wing  wing   wing  no    no        no     -       no       no         no
pty.resize         | wing  wing  wing   wing  no    no        no     -       no       no         no
pty.kill           | wing  wing  wing   wing  no    no        no     -       no       no         no
pty.attention_ack  | wing  wing  wing   wing  no    no        no     -       no       no         no
pty.migrate        | wing  wing  wing   wing  no    no        no     -       no       no         no
passkey.response   | wing  wing  wing   wing  no    no        no     -       no       no         no

Of nodes alone
registered         | no    no    no     no    no    no        no     no      no       no         no
passkey.registered | no    no    no     no    no    no        no     no      no       no         no
wing.online        | no    no    no     no    no    no        no     no      no       no         no
wing.offline       | no    no    no     no    no    no        no     no      no       no         no
org.changed        | no    no    no     no    no    no        no     no      no       no         no
bandwidth.exceeded | no    no    no     no    no    no        no     no      no       no         no
bandwidth.notice   | no    no    no     no    no    no        no     no      no       no         no
pty.detached       | no    no    no     no    no    no        no     no      no       no         no
relay.restart      | no    no    no     no    no    no        no     no      no       no         no
"""

COLUMNS, ROWS = matrix.read_table(TABLE)
LOGIN, EDGE = REGIONS = ("ewr", "nrt")

USERS: Final[Mapping[str, str]] = {
    "owner": OWNER,
    "admin": ADMIN,
    "member": MEMBER,
    "token": OWNER,
    "other": DEPUTY,
    "spectator": MATE,
    "capped": CAPPED,
    "stranger": STRANGER,
}
"""Column -> who that is in a World."""

CONTROLS = ("owner", "admin", "member", "token")
WINGS = ("wing", "foreign")
SENDER = ("user_id", "email", "org_role", "passkeys")
NO_SUCH_TYPE = "matrix.sentinel"


def message(kind: str, **about: Any) -> dict[str, Any]:
    """A message of a type with all that any type has: nobody minds fields that a type has not."""
    return {
        "type": kind,
        "agent": "shell",
        "agents": [],
        "allowed_count": 7,
        "authenticator_data": "",
        "challenge": "",
        "client_data_json": "",
        "cols": 80,
        "data": secrets.token_hex(8),
        "exit_code": 0,
        "locked": False,
        "message": "not your word",
        "payload": secrets.token_hex(8),
        "public_key": "",
        "rows": 24,
        "sender_pub": "",
        "signature": "",
        "url": "https://example.org/",
        **about,
    }


class Stage:
    """The sockets of everybody whose browser enters at `region`, and the two wings at the edge."""

    def __init__(
        self, fleet: Rehearsal, world: World, former: tuple[str, str], bearer: str, region: str
    ) -> None:
        self.world = world
        self.fleet = fleet
        self.wing = matrix.org_wing(self.ws(EDGE), world)
        self.foreign = FieldWing(self.ws(EDGE), bearer)
        self.sockets: dict[str, Any] = {"wing": self.wing, "foreign": self.foreign}
        for column, who in USERS.items():
            wing_id = "" if column == "stranger" else self.wing.wing_id
            headers = self.cookie(world.cookies[who])
            if column == "token":
                headers = {"Authorization": f"Bearer {world.bearer}"}
            self.sockets[column] = FieldBrowser(self.ws(region), headers, wing_id)
        # The owner's other window, which shows that all goes on, and the owner's dashboard.
        self.window = FieldBrowser(self.ws(region), self.cookie(world.cookies[OWNER]), self.wing.wing_id)
        self.dashboard = Socket(f"{self.ws(EDGE)}/ws/app", self.cookie(world.cookies[OWNER]))
        self.steady = self.open(self.window)
        user_id, cookie = former
        removed = FieldBrowser(self.ws(region), self.cookie(cookie), self.wing.wing_id)
        self.sockets["removed"] = removed
        self.lost = self.open(removed)
        self.put_out(fleet.url(region), user_id)
        assert removed.hear("pty.exited")["session_id"] == self.lost

    def put_out(self, url: str, user_id: str) -> None:
        """The owner removes somebody from the organisation."""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_SECONDS)
        headers = self.cookie(self.world.cookies[OWNER]) | {"Origin": url}
        connection.request(
            "DELETE", f"/api/orgs/{self.world.things['org']}/members/{user_id}", headers=headers
        )
        assert connection.getresponse().status == 204
        connection.close()

    def ws(self, region: str) -> str:
        return self.fleet.url(region).replace("http", "ws", 1)

    def cookie(self, value: str) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={value}"}

    def open(self, browser: FieldBrowser) -> str:
        """A new terminal that a browser controls: its session id."""
        browser.start(wing_id=self.wing.wing_id)
        session_id: str = self.wing.start(self.wing.hear("pty.start"))["session_id"]
        while browser.hear("pty.started")["session_id"] != session_id:
            pass
        return session_id

    def cell(self, row: Row, column: str) -> str:
        """Say the message of a row; what has come of it."""
        kind, _, spectate = row.what.partition(" ")
        subject = self.sockets[column]
        if column in CONTROLS:
            session_id = self.open(subject)
        else:
            session_id = self.lost if column == "removed" else self.open(self.window)
        if column == "spectator":
            subject.attach(session_id, spectate=True)
            self.wing.start(self.wing.hear("pty.attach"))
            subject.hear("pty.started")
        if column in WINGS:
            request_id = self.window.request(self.wing.wing_id, self.wing.key.public, "wing.info")
            self.wing.hear("tunnel.req")
        else:
            request_id = secrets.token_hex(16)
        about = {"session_id": session_id, "request_id": request_id, "wing_id": self.wing.wing_id}
        said = message(kind, **about)
        if column not in WINGS:
            said |= self.lies() | ({"spectate": True} if spectate else {})
        subject.socket.send(json.dumps(said))
        found = {}
        for answer in until_refused(subject):
            if answer["type"] in ("error", "bandwidth.exceeded"):
                found["no" if answer["type"] == "error" else "cap"] = answer
        # For as long as nobody has taken it from the owner, who types there is heard.
        goes_on = session_id if column not in (*CONTROLS, "wing", "removed") else self.steady
        for heard in self.until_typed(goes_on):
            found["wing"] = heard
            if kind in ("pty.start", "pty.attach", "tunnel.req"):
                self.check_identity(column, kind, heard, bool(spectate))
            else:
                assert heard == said, "byte for byte, and nothing else"
        if heard_of(said, until_refused(self.window)):
            found["browser"] = said
        if heard_of(said, self.until_configured()):
            found["dashboards"] = said
        self.wing.say("pty.exited", session_id=session_id, exit_code=0)
        return "+".join(found) or "-"

    def lies(self) -> dict[str, Any]:
        """What a browser says of itself, also as readers that ignore the case of names would take it."""
        claimed = {
            "user_id": self.world.users[OWNER],
            "email": "owner@example.org",
            "display_name": "The Owner",
            "org_role": "owner",
            "passkeys": ["liars"],
        }
        both = claimed | {f"sender_{name}": claimed[name] for name in SENDER}
        return both | {name.title(): value for name, value in both.items()} | {"viewer_id": "liar"}

    def check_identity(self, column: str, kind: str, heard: dict[str, Any], spectate: bool) -> None:
        """Whatever a browser has claimed, the wing hears who it is."""
        who = USERS[column]
        sign = f"{who}-{self.world.mark}"
        truth = {
            "user_id": self.world.users[who],
            "email": f"{sign}@example.org",
            "display_name": sign,
            "org_role": matrix.ROLES[who],
            "passkeys": [self.world.things["passkey_key"]] if who == OWNER else [],
        }
        if kind == "pty.attach":
            truth = {name: truth[name] for name in ("user_id", "email", "passkeys")}
        if kind == "tunnel.req":
            truth = {f"sender_{name}": truth[name] for name in SENDER}
        viewer_id = heard.pop("viewer_id", None)
        assert viewer_id != "liar"
        assert (viewer_id is not None) is spectate, "given by the node, to spectators"
        lies = {name.casefold() for name in self.lies()}
        assert {name: value for name, value in heard.items() if name.casefold() in lies} == truth
        if kind == "pty.start":
            assert heard["session_id"] not in ("", self.steady)

    def until_typed(self, session_id: str) -> Iterator[dict[str, Any]]:
        """What the wing hears before the owner's next key."""
        key = secrets.token_hex(8)
        self.window.say("pty.input", session_id=session_id, data=key)
        while (heard := self.wing.hear()).get("data") != key:
            yield heard

    def until_configured(self) -> Iterator[dict[str, Any]]:
        """What the owner's dashboard hears before the next event of the owner's wing."""
        number = secrets.randbelow(10**6) + 1000
        self.wing.say("wing.config", wing_id=self.wing.wing_id, locked=False, allowed_count=number)
        while (heard := self.dashboard.hear()).get("allowed_count") != number:
            yield heard

    def dashboard_says_everything(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What the wing and the dashboard hear when the owner's dashboard says all that there is."""
        list(self.until_configured())
        for row in ROWS:
            about = {"session_id": self.steady, "wing_id": self.wing.wing_id, "request_id": row.what}
            self.dashboard.socket.send(json.dumps(message(row.what, **about)))
        # The answer to a ping says that all before it has been read.
        assert self.dashboard.socket.ping().wait(DEADLINE_SECONDS)
        return list(self.until_typed(self.steady)), list(self.until_configured())

    def close(self) -> None:
        for socket in (*self.sockets.values(), self.window, self.dashboard):
            socket.close()


def until_refused(subject: Socket) -> Iterator[dict[str, Any]]:
    """What a peer hears before the answer to a message of no type that there is."""
    subject.say(NO_SUCH_TYPE)
    while NO_SUCH_TYPE not in (heard := subject.hear()).get("message", ""):
        yield heard


def heard_of(said: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a message is among some that were heard, or the event that a node has made of it."""
    names = ("type", "session_id", "request_id", "wing_id", "data", "allowed_count")
    told = [{name: heard[name] for name in names if name in heard} for heard in messages]
    return any(each.items() <= said.items() for each in told)


# -- the tests -----------------------------------------------------------------------------------------------


class House:
    """A rehearsal with one World in it, and one more member for each region, to be removed."""

    def __init__(self, parent: Path) -> None:
        self.folder = matrix.short_folder(parent)
        keys, now = matrix.keys_of(self.folder), time.time()
        connection = matrix.prepare(self.folder)
        try:
            with transaction(connection) as cursor:
                self.world = matrix.make_world(cursor, keys, now=now)
                self.bearer, _jti = matrix.new_token(cursor, keys, self.world.users[STRANGER], now=now)
                self.former = {}
                for region in REGIONS:
                    user_id = f"former-{region}"
                    users.add(cursor, user_id, name=user_id, provider="", now=now)
                    orgs.add_member(cursor, self.world.things["org"], user_id, orgs.MEMBER, now=now)
                    cookie = login_sessions.create(cursor, user_id, now=now, randomness=os.urandom)
                    self.former[region] = user_id, cookie
        finally:
            connection.close()
        variables = {
            "WT_SMTP_HOST": "127.0.0.1",
            "WT_SMTP_PORT": str(free_port()),
            "WT_SMTP_FROM": "wingthing@example.org",
        }
        self.rehearsal = Rehearsal(REGIONS, variables=variables, directory=self.folder.path)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="wt-") as parent:
        made = House(Path(parent))
        with made.rehearsal:
            yield made
            assert not made.rehearsal.tracebacks()


@pytest.mark.parametrize("region", REGIONS)
def test_of_every_message_comes_what_the_table_says(house: House, region: str) -> None:
    stage = Stage(house.rehearsal, house.world, house.former[region], house.bearer, region)
    try:
        answers = {(row, column): stage.cell(row, column) for row in ROWS for column in COLUMNS}
        assert not (wrong := matrix.differences(answers)), f"browsers at {region}:\n{wrong}"
        assert {heard["type"] for heard in until_refused(stage.foreign)} <= {"error"}, "nothing is for it"
        assert stage.dashboard_says_everything() == ([], []), "nobody listens to it"
    finally:
        stage.close()


def test_every_type_has_a_row() -> None:
    assert {row.what.partition(" ")[0] for row in ROWS} == set(MESSAGES)
