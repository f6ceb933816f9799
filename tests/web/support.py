"""A whole HTTP server without sockets, threads or time: requests in as bytes, answers out as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import attrs
from klein import Klein
from twisted.internet import task
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock, Cooperator
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.web.resource import IResource

from tests.store.support import DirectDatabase, StoreCase, counting
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.names import LOCAL_USER_ID
from wingthing.relay.client_address import peer_address
from wingthing.relay.rates import LOCAL, Limits
from wingthing.store import users
from wingthing.store.local_key import LocalKey
from wingthing.store.pool import Database
from wingthing.web.api import AppApi
from wingthing.web.api_tree import ApiTree
from wingthing.web.auth import AuthApp
from wingthing.web.guard import Guard
from wingthing.web.identity import Authenticator
from wingthing.web.operating import SEGMENTS, Operating
from wingthing.web.pages import Pages
from wingthing.web.plain_files import SEGMENTS as FILES
from wingthing.web.plain_files import PlainFiles
from wingthing.web.plans import Plans
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.wire.internal import NO_LIMITS
from wingthing.wire.records import WingRecord

NOW = 1_800_000_000.0
HOST = "127.0.0.1:8080"
URL = f"http://{HOST}"
WING = "a1b2c3d4e5f6a1b2c3d4e5f6"
OWN_UID = 1000

HERE = IPv4Address("TCP", "127.0.0.1", 8080)
THERE = IPv4Address("TCP", "127.0.0.1", 40000)


@attrs.define
class Answer:
    """One HTTP answer; header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error(self) -> str:
        said = self.json
        assert list(said) == ["error"], said
        return str(said["error"])


class FakeWings:
    """The wings that are online, by the user who may reach them."""

    def __init__(self) -> None:
        self.of: dict[str, list[WingRecord]] = {}
        self.machines: dict[str, str] = {}

    def reachable(self, user_id: str) -> list[WingRecord]:
        return self.of.get(user_id, [])

    def machine_of(self, wing_id: str) -> str:
        return self.machines.get(wing_id, "")


class Exchange:
    """One connection with one request on it."""

    def __init__(self, web: WebCase, peer: IAddress = THERE, own: IAddress = HERE) -> None:
        self._web = web
        self.transport = StringTransport(hostAddress=own, peerAddress=peer)
        self.protocol = web.site.buildProtocol(peer)
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        # Files are sent in turns of the reactor.
        for _ in range(50):
            self._web.turns.advance(0)

    @property
    def answered(self) -> bool:
        return b"\r\n\r\n" in self.transport.value()

    def answer(self, *, head: bool = False) -> Answer:
        raw = self.transport.value()
        assert self.answered, raw
        top, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        headers = [(name.lower(), value) for name, _, value in pairs]
        if ("transfer-encoding", "chunked") in headers and not head:
            body = _unchunked(body)
        return Answer(int(first.split()[1]), headers, body)


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            return whole
        whole += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


class WebCase(StoreCase):
    """A test with a server around an empty database that knows the local user."""

    base_url: str | None = None
    allow_remote = False
    sign_in = False
    """Whether people sign in; else there is the local user."""

    names: frozenset[str] = frozenset()
    enforced: frozenset[str] = LOCAL
    """The limits on how often that count: by default those of a server without sign-in."""

    address_of = staticmethod(peer_address)
    """How the client's address is known; by default nobody is believed."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.turns = Clock()
        self.patch(task, "_theCooperator", Cooperator(scheduler=lambda call: self.turns.callLater(0, call)))
        self.key = new_signing_key()
        if not self.sign_in:
            self.run_now(users.ensure, LOCAL_USER_ID, name="Robin", provider="local", now=NOW)
        self.local_key = LocalKey(self.folder, counting())
        self.authenticator = Authenticator(
            self.database, KeyRing.of(self.key, {}), self.clock.seconds, sign_in=self.sign_in
        )
        self.guard = Guard(self.base_url, self.allow_remote, self.names)
        self.wings = FakeWings()
        self.revocations = 0
        """How often this server was told that something does not count any more."""

        self.here = ""
        self.peer_uid: int | None = None
        """Whose process the kernel says is asking."""

        self.asked_about: list[tuple[object, object]] = []
        self.app_folder = self.folder / "app"
        (self.app_folder / "assets").mkdir(parents=True)
        (self.app_folder / "index.html").write_text("<!doctype html><title>the app</title>")
        self.patch(AuthApp._asks_for_itself.__globals__["os"], "getuid", lambda: OWN_UID)
        self.auth = AuthApp(
            authenticator=self.authenticator,
            database=self.database,
            local_key=self.local_key,
            guard=self.guard,
            base_url=lambda: self.base_url or URL,
            seconds=self.clock.seconds,
            revoked=self._revoked,
            peer_user=self._peer_user,
            sign_in=self.sign_in,
        )
        self.plans = self.make_plans()
        self.api = AppApi(
            authenticator=self.authenticator,
            database=self.database,
            wings=self.wings,
            plans=self.plans,
            seconds=self.clock.seconds,
            roost=True,
            sign_in=self.sign_in,
            here=lambda request: self.here,
        )
        self.pages = Pages(self.authenticator, self.app_folder)
        operating = Operating(self._ready, lambda: b"figures 1\n")
        tree = Tree(
            apps={
                "auth": ApiTree(self.auth_parts(), self.auth.app),
                "api": ApiTree(self.parts(), self.api.app),
            },
            whole={
                **dict.fromkeys(SEGMENTS, operating.app),
                **dict.fromkeys(FILES, PlainFiles().app),
                **self.accounts(),
            },
            sockets=self.sockets(),
            pages=self.pages.app,
        )
        self.site = QuietSite(
            self.guard,
            tree,
            reactor=MemoryReactorClock(),
            limits=Limits(self.clock.seconds, self.enforced),
            address_of=self.address_of,
        )
        self.cookie = ""

    def make_plans(self) -> Plans:
        """The plans of a server without sign-in: everybody has everything."""
        return Plans(database=self.database, seconds=self.clock.seconds, settled=False, terms=NO_LIMITS)

    def sockets(self) -> Mapping[str, IResource]:
        return {}

    def parts(self) -> Mapping[str, Klein]:
        """What a test puts below `/api/` besides the main app: prefix -> app."""
        return {}

    def auth_parts(self) -> Mapping[str, Klein]:
        """What a test puts below `/auth/` besides the main app: first segment -> app."""
        return {}

    def accounts(self) -> Mapping[str, Klein]:
        """What a test puts beside it: first segment -> app that knows it."""
        return {}

    def _revoked(self) -> None:
        self.revocations += 1

    async def _ready(self) -> str:
        return ""

    def _peer_user(self, peer: object, own: object) -> int | None:
        self.asked_about.append((peer, own))
        return self.peer_uid

    # -- requests --------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str | None] | None = None,
        *,
        peer: IAddress = THERE,
        own: IAddress = HERE,
    ) -> Answer:
        """One request; a dictionary as the body is sent as JSON. A header of None is left out."""
        exchange = Exchange(self, peer, own)
        exchange.send(self.raw(method, path, body, headers))
        return exchange.answer(head=method == "HEAD")

    def raw(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str | None] | None = None
    ) -> bytes:
        sent: dict[str, str | None] = {"Host": HOST}
        if self.cookie:
            sent["Cookie"] = f"wt_session={self.cookie}"
            sent["Origin"] = URL if method not in ("GET", "HEAD") else None
        content = b""
        if isinstance(body, bytes | str):
            content = body.encode() if isinstance(body, str) else body
        elif body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        if content or method in ("POST", "PUT"):
            sent["Content-Length"] = str(len(content))
        sent.update(headers or {})
        lines = [f"{name}: {value}" for name, value in sent.items() if value is not None]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + content

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path: str, body: object = None, **headers: str | None) -> Answer:
        return self.ask("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def log_in(self) -> str:
        """Open the one-time link; every later request carries the cookie."""
        self.cookie = ""
        answer = self.get(f"/auth/local?key={self.local_key.current()}")
        assert answer.status == 303, answer
        self.cookie = (answer.header("set-cookie") or "").partition(";")[0].partition("=")[2]
        return self.cookie

    def token(self, user_id: str = LOCAL_USER_ID, **claims: str) -> str:
        """A wing token that this server has given out."""
        made: list[str] = []

        async def make() -> None:
            made.append((await self.authenticator.new_token(user_id, **claims))[0])

        coroutine = make()
        try:
            coroutine.send(None)
        except StopIteration:
            return made[0]
        raise AssertionError("the stand-in answers at once")

    @property
    def store(self) -> DirectDatabase:
        return self.direct

    def use_database(self, database: object) -> None:
        """Put another database in the place of the stand-in."""
        for part in (self.authenticator, self.auth, self.api):
            part._database = cast(Database, database)


def package_file(path: str) -> Path:
    """A file of the package."""
    import wingthing

    return Path(wingthing.__file__).parent / path
