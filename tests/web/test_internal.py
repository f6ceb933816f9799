"""`/internal/`: what nodes are answered, and everybody and everything that is answered nothing."""

from __future__ import annotations

from typing import Any

import jwt
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock

from tests.cluster.case import KEYS, STRANGERS, Fleet, record, trust, up
from tests.web.support import HOST, NOW, Answer, Exchange, WebCase
from wingthing.cluster.caches import entitlements_body
from wingthing.cluster.trust import Trust
from wingthing.crypto import node_tokens, tokens
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import TemporarilyUnavailable
from wingthing.testing import WING_ID
from wingthing.web import internal
from wingthing.web.internal import UNGUARDED, EdgeInternal, LoginInternal, NodeRequest
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.wire.gossip import WingUp
from wingthing.wire.internal import NODE_HEADER, Entitlement, Entitlements, Session, Tier
from wingthing.wire.limits import INTERNAL_TOKEN_SECONDS, MAX_BODY_BYTES

LOGIN = {
    "/internal/hello": ("POST", {"boot": "b"}),
    "/internal/session": ("POST", {"login": "digest"}),
    "/internal/wing": ("POST", {"wing_id": WING_ID}),
    "/internal/entitlements": ("GET", None),
}
"""Everything that login answers, and how it is asked."""


class FakeDesk:
    """Login's answers."""

    def __init__(self) -> None:
        self.hellos: list[str] = []
        self.sessions: dict[str, Session] = {}
        self.wings: dict[str, WingUp] = {}
        self.users = [Entitlement(user_id="ann", tier=Tier.FREE)]
        self.failure: Exception | None = None

    def hello(self, machine: str) -> None:
        self.hellos.append(machine)

    async def session(self, login: str) -> Session | None:
        if self.failure is not None:
            raise self.failure
        return self.sessions.get(login)

    def wing(self, wing_id: str) -> WingUp | None:
        return self.wings.get(wing_id)

    async def entitlements(self) -> Entitlements:
        return Entitlements(self.users, [])


class InternalCase(WebCase):
    """A node with nothing but `/internal/`, and another one that asks it."""

    def setUp(self) -> None:
        super().setUp()
        self.asker: Trust = trust("edge-a", self.clock)
        self.node: Trust = trust("login", self.clock)
        tree = Tree(apps={"internal": self.internal()}, whole={}, sockets={})
        self.site = QuietSite(self.guard, tree, reactor=MemoryReactorClock(), unguarded=UNGUARDED)
        self.site.requestFactory = NodeRequest

    def internal(self) -> Any:
        self.desk = FakeDesk()
        return LoginInternal(self.node, self.desk).app

    def question(
        self, path: str, body: object = None, *, token: str | None = None, **headers: str | None
    ) -> Answer:
        """A question with the token, or a new one of the asker's."""
        method = LOGIN[path][0] if path in LOGIN else "POST"
        if token is None:
            token = self.asker.token(Audience.INTERNAL)[0]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, path, body, {NODE_HEADER: token or None, **named})

    def proven(self, path: str, body: object = None, **headers: str | None) -> Answer:
        """An answer that proves to be one to this very question."""
        token, jti = self.asker.token(Audience.INTERNAL)
        answer = self.question(path, body, token=token, **headers)
        claims = self.asker.check_answer(answer.header(NODE_HEADER) or "", jti)
        self.assertEqual(claims.machine, "login")
        return answer


class LoginTests(InternalCase):
    def test_hello(self) -> None:
        self.assertEqual(self.proven("/internal/hello", {"boot": "b"}).json, {"ok": True})
        self.assertEqual(self.desk.hellos, ["edge-a"], "as the token says")

    def test_whose_a_session_is(self) -> None:
        self.desk.sessions["digest"] = Session(user_id="ann", display_name="Ann")
        answer = self.proven("/internal/session", {"login": "digest"})
        self.assertEqual((answer.status, answer.json), (200, {"user_id": "ann", "display_name": "Ann"}))
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_that_there_is_none_is_proved_too(self) -> None:
        answer = self.proven("/internal/session", {"login": "nothing"})
        self.assertEqual((answer.status, answer.error), (404, "there is no such login session"))

    def test_where_a_wing_is(self) -> None:
        self.desk.wings[WING_ID] = up("c1", "edge-b")
        answer = self.proven("/internal/wing", {"wing_id": WING_ID})
        self.assertEqual(msgspec.convert(answer.json["wing"], WingUp), up("c1", "edge-b"))
        self.assertEqual(self.proven("/internal/wing", {"wing_id": "nothing"}).json, {"wing": None})

    def test_all_users_or_that_they_are_the_same(self) -> None:
        first = self.proven("/internal/entitlements")
        body, etag = entitlements_body(Entitlements(self.desk.users, []))
        self.assertEqual((first.status, first.body, first.header("etag")), (200, body, etag))
        again = self.proven("/internal/entitlements", If_None_Match=etag)
        self.assertEqual((again.status, again.body), (304, b""))
        self.desk.users = []
        self.assertEqual(self.proven("/internal/entitlements", If_None_Match=etag).status, 200)

    def test_a_busy_database_is_said_to_be_that(self) -> None:
        self.desk.failure = TemporarilyUnavailable("the database is busy", headers={"Retry-After": "1"})
        answer = self.proven("/internal/session", {"login": "digest"})
        self.assertEqual((answer.status, answer.header("retry-after")), (503, "1"))

    def test_by_whatever_name_the_host_is_called(self) -> None:
        for host in ("[fdaa::3]:8080", "login.process.wt.internal:8080", "x"):
            self.assertEqual(self.question("/internal/hello", {"boot": "b"}, Host=host).status, 200)

    def test_addresses_and_methods_that_are_none(self) -> None:
        for path in ("/internal", "/internal/", "/internal/nothing", "/internal/gossip", "/internal/hello/"):
            self.assertEqual(self.question(path).status, 404, path)
        for path, (method, _body) in LOGIN.items():
            for wrong in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - {method}:
                answer = self.ask(wrong, path, headers={NODE_HEADER: self.asker.token(Audience.INTERNAL)[0]})
                self.assertEqual((answer.status, answer.error), (404, "not found"), (wrong, path))
                self.assertIsNone(answer.header("allow"))

    def test_bodies_that_are_none(self) -> None:
        for path in ("/internal/hello", "/internal/session", "/internal/wing"):
            for body in (b"", b"{}", b"[]", b"\xff", b'{"boot":5,"login":5,"wing_id":5}', b"[" * 60_000):
                answer = self.question(path, body)
                self.assertEqual(answer.status, 400, (path, body[:20]))
                self.assertIn("invalid body", answer.error)
        self.assertEqual(self.flushLoggedErrors(), [])


class AttackTests(InternalCase):
    """Every address, with everything but the one token that counts."""

    def refused(self, token: str, status: int = 401, **headers: str | None) -> None:
        for path, (_method, body) in LOGIN.items():
            answer = self.question(path, body, token=token, **headers)
            self.assertEqual(answer.status, status, path)
            self.assertIsNone(answer.header(NODE_HEADER), "nothing is proved to a stranger")
            if token:
                self.assertNotIn(token.encode(), answer.body)
        self.assertEqual(self.desk.hellos, [])

    def test_no_token(self) -> None:
        self.refused("")

    def test_tokens_of_strangers_and_damaged_ones(self) -> None:
        strange = trust("edge-a", self.clock, STRANGERS).token(Audience.INTERNAL)[0]
        good = self.asker.token(Audience.INTERNAL)[0]
        head, body, signature = good.split(".")
        claims = jwt.decode(good, options={"verify_signature": False})
        for token in (
            "x",
            strange,
            f"{head}.{body}.",
            f"{head}.{body}.{signature[:-4]}AAAA",
            f"Bearer {good}",
            jwt.encode(claims, None, algorithm="none"),
            jwt.encode(claims, "secret" * 10, algorithm="HS256"),
            "\xff\xfe",
        ):
            self.refused(token)

    def test_a_token_that_is_too_old_or_made_to_last(self) -> None:
        old = node_tokens.mint(
            KEYS,
            Audience.INTERNAL,
            machine="edge-a",
            now=NOW - 2 * INTERNAL_TOKEN_SECONDS,
            jti="old",
        )
        claims = {"iss": "edge-a", "aud": "internal", "iat": int(NOW), "exp": int(NOW) + 10**6, "jti": "j"}
        for token in (old, jwt.encode(claims, KEYS.signing, algorithm="ES256")):
            self.refused(token)

    def test_a_wings_token(self) -> None:
        for claims in ({}, {"wing": "edge-a"}):
            token = tokens.mint(KEYS.signing, user_id="edge-a", now=NOW, jti="j", **claims)[0]
            self.refused(token)

    def test_a_token_for_something_else(self) -> None:
        for audience in set(Audience) - {Audience.INTERNAL}:
            self.refused(self.asker.token(audience)[0])
        self.refused(self.asker.standing_token(Audience.EDGE))

    def test_a_token_that_was_here_before(self) -> None:
        token = self.asker.token(Audience.INTERNAL)[0]
        self.assertEqual(self.question("/internal/wing", {"wing_id": "w"}, token=token).status, 200)
        self.refused(token)

    def test_also_when_the_question_failed(self) -> None:
        token = self.asker.token(Audience.INTERNAL)[0]
        self.assertEqual(self.question("/internal/wing", b"nonsense", token=token).status, 400)
        self.refused(token)

    def test_a_token_anywhere_but_in_its_header(self) -> None:
        token = self.asker.token(Audience.INTERNAL)[0]
        self.refused("", Authorization=f"Bearer {token}")
        self.assertEqual(self.ask("POST", f"/internal/hello?token={token}", {"boot": "b"}).status, 401)

    def test_through_the_public_proxy_there_is_nothing_whatever_is_brought(self) -> None:
        for name in ("Fly_Client_IP", "Fly_Forwarded_Port", "Fly_Region", "X_Forwarded_For"):
            for value in ("203.0.113.5", ""):
                token = self.asker.token(Audience.INTERNAL)[0]
                self.refused(token, 404, **{name: value})
                answer = self.question("/internal/wing", {"wing_id": "w"}, token=token)
                self.assertEqual(answer.status, 200, "and it has not counted there")

    @given(st.binary(max_size=200))
    def test_no_bytes_are_a_token(self, raw: bytes) -> None:
        text = raw.decode("latin-1").replace("\r", " ").replace("\n", " ").replace("\0", " ")
        answer = self.question("/internal/hello", {"boot": "b"}, token=text or "x")
        self.assertIn(answer.status, (400, 401))
        self.assertEqual(self.desk.hellos, [])


class EdgeCase(InternalCase):
    """An edge, and login that brings it rounds."""

    def internal(self) -> Any:
        self.fleet = Fleet("edge-a")
        self.edge = self.fleet.edges["edge-a"]
        self.asker, self.node = trust("login", self.clock), trust("edge-a", self.clock)
        return EdgeInternal(self.node, lambda asked: self.edge.receive(asked, NOW)).app

    def bring(self, body: bytes, **headers: str | None) -> Answer:
        return self.question("/internal/gossip", body, **headers)

    def untouched(self) -> bool:
        """No round has come to the edge."""
        return self.edge.heard_at is None and self.edge.login_boot == ""


class GossipTests(EdgeCase):
    def test_a_round_and_its_answer(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        asked = self.fleet.ask("edge-a")
        token, jti = self.asker.token(Audience.INTERNAL)
        answer = self.bring(msgspec.json.encode(asked), token=token)
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.asker.check_answer(answer.header(NODE_HEADER) or "", jti).machine, "edge-a")
        said = msgspec.convert(answer.json, type(self.fleet.deliver(asked, "edge-a")))
        self.assertTrue(self.fleet.take(asked, said))
        self.assertEqual(self.fleet.place(), ("edge-a", "c1"))

    def test_a_round_of_another_node_than_the_one_that_brings_it(self) -> None:
        asked = msgspec.structs.replace(self.fleet.ask("edge-a"), machine="edge-b")
        answer = self.bring(msgspec.json.encode(asked))
        self.assertEqual(answer.status, 403)
        self.assertTrue(self.untouched())

    def test_an_edge_has_nothing_of_logins(self) -> None:
        for path, (_method, body) in LOGIN.items():
            self.assertEqual(self.question(path, body).status, 404, path)

    def test_rounds_that_are_cut_short_or_of_another_shape(self) -> None:
        whole = msgspec.json.encode(self.fleet.ask("edge-a"))
        for cut in range(len(whole)):
            self.assertEqual(self.bring(whole[:cut]).status, 400, cut)
        fields = msgspec.json.decode(whole)
        wrong: dict[str, list[Any]] = {
            "boot": [5, None],
            "seq": ["1", 1.5, None],
            "events": [None, {}, [{}], [{"event": "nothing"}], [{"event": "up"}], [5]],
            "snapshot": [5, {}, {"wings": [{}], "revoked": [], "whole": True}],
            "edge_seq": ["x"],
        }
        for name, values in wrong.items():
            for value in values:
                answer = self.bring(msgspec.json.encode({**fields, name: value}))
                self.assertEqual(answer.status, 400, (name, value))
        self.assertTrue(self.untouched())
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(
        st.binary(max_size=300)
        | st.from_regex(rb'\{"machine":"login","boot":"b","seq":.{0,40}', fullmatch=True)
    )
    def test_no_bytes_do_harm(self, body: bytes) -> None:
        self.assertEqual(self.bring(body).status, 400)
        self.assertTrue(self.untouched())

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["machine", "boot", "seq", "events", "snapshot", "event", "record"]),
                    inner,
                    max_size=7,
                )
            ),
            max_leaves=12,
        )
    )
    def test_nor_any_json(self, value: object) -> None:
        self.assertIn(self.bring(msgspec.json.encode(value)).status, (400, 403))
        self.assertTrue(self.untouched())


class SizeTests(EdgeCase):
    most = 200_000

    def setUp(self) -> None:
        super().setUp()
        self.patch(internal, "MAX_GOSSIP_BYTES", self.most)

    def padded(self, size: int) -> bytes:
        whole = msgspec.json.encode(self.fleet.ask("edge-a"))
        return whole + b" " * (size - len(whole))

    def test_a_round_may_be_longer_than_other_bodies_and_is_bounded_too(self) -> None:
        self.assertGreater(self.most, MAX_BODY_BYTES)
        self.assertEqual(self.bring(self.padded(self.most)).status, 200)
        answer = self.bring(self.padded(self.most + 1))
        self.assertEqual((answer.status, str(self.most) in answer.error), (413, True))

    def test_of_unknown_length(self) -> None:
        for size, status in ((self.most, 200), (self.most + 1, 413)):
            exchange = Exchange(self)
            token = self.asker.token(Audience.INTERNAL)[0]
            exchange.send(
                f"POST /internal/gossip HTTP/1.1\r\nHost: {HOST}\r\n{NODE_HEADER}: {token}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
            )
            body = self.padded(size)
            for start in range(0, len(body), 10_000):
                part = body[start : start + 10_000]
                exchange.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                request = exchange.protocol._channel.requests[0]
                self.assertLessEqual(request.content.tell(), self.most)
            exchange.send(b"0\r\n\r\n")
            self.assertEqual(exchange.answer().status, status, size)

    def test_only_for_what_brings_a_token_and_did_not_come_through_the_public_proxy(self) -> None:
        body = self.padded(MAX_BODY_BYTES + 1)
        token = self.asker.token(Audience.INTERNAL)[0]
        for path, headers in (
            ("/internal/gossip", {}),
            ("/internal/gossip", {NODE_HEADER: token, "Fly-Client-IP": "203.0.113.5"}),
            ("/internal/gossip", {NODE_HEADER: token, "X-Forwarded-For": ""}),
            ("/internal/hello", {NODE_HEADER: token}),
            ("/internal/gossip/", {NODE_HEADER: token}),
            ("/", {NODE_HEADER: token}),
        ):
            answer = self.ask("POST", path, body, headers)
            self.assertEqual(answer.status, 413, (path, headers))
        self.assertTrue(self.untouched())
