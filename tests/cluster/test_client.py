"""Questions from node to node: what is sent, and which answers are believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web._newclient import ResponseNeverReceived
from twisted.web.client import URI
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.cluster.case import NOW, STRANGERS, Watch, trust
from wingthing.cluster import client as client_module
from wingthing.cluster.client import Endpoints, NodeClient, Reply, decode, http_client
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.wire.internal import NODE_HEADER, Hello, WingPlace
from wingthing.wire.limits import INTERNAL_TOKEN_SECONDS

ADDRESS = ("fdaa:0:1::3", 8080)
PATH = "/internal/hello"


class FakeNode(Resource):
    """A node that checks who asks, and answers as the test says. `status` 0 is no answer at all."""

    isLeaf = True

    def __init__(self, trust: Trust) -> None:
        super().__init__()
        self.trust = trust
        self.status, self.body, self.headers = 200, b"{}", {}
        self.prove: Callable[[str], str] = lambda jti: self.trust.token(Audience.ANSWER, nonce=jti)[0]
        """Makes the token of an answer to the request of that name; an empty one is left out."""

        self.asked: list[Any] = []
        self.bodies: list[bytes] = []

    def render(self, request: Any) -> Any:
        self.asked.append(request)
        self.bodies.append(request.content.read())
        if not self.status:
            return NOT_DONE_YET
        claims = self.trust.check_once(request.getHeader(NODE_HEADER))
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        proof = self.prove(claims.jti)
        if proof:
            request.setHeader(NODE_HEADER, proof)
        return self.body


class ClientCase(TestCase):
    def setUp(self) -> None:
        self.watch, self.clock = Watch(), Clock()
        self.node = FakeNode(trust("login", self.watch))
        self.http = RequestTraversalAgent(self.node)
        self.client = NodeClient(self.clock, self.http, trust("edge-a", self.watch))

    def begin(self, asking: Any) -> Deferred[Reply]:
        running = Deferred.fromCoroutine(asking)
        self.http.flush()
        return running

    def post(self, body: object = b"") -> Deferred[Reply]:
        return self.begin(self.client.post(ADDRESS, PATH, body, seconds=2.0))

    def get(self, etag: str = "") -> Deferred[Reply]:
        return self.begin(self.client.get(ADDRESS, PATH, etag=etag, seconds=2.0))

    def refused(self, asking: Deferred[Reply]) -> str:
        """The reason why an answer does not count, for the log."""
        failure = self.failureResultOf(asking, TemporarilyUnavailable)
        return str(failure.value)


class RequestTests(ClientCase):
    def test_a_question_with_a_body(self) -> None:
        self.node.body = b'{"ok":true}'
        reply = self.successResultOf(self.post(Hello(boot="b")))
        self.assertEqual(reply, Reply("login", 200, b'{"ok":true}', ""))
        (asked,) = self.node.asked
        self.assertEqual((asked.method, asked.uri), (b"POST", PATH.encode()))
        self.assertEqual(asked.getHeader("host"), "[fdaa:0:1::3]:8080")
        self.assertEqual(asked.getHeader("content-type"), "application/json")
        self.assertEqual(self.node.bodies, [b'{"boot":"b"}'])

    def test_bytes_are_sent_as_they_are(self) -> None:
        self.successResultOf(self.post(b'{"made":"before"}'))
        self.assertEqual(self.node.bodies, [b'{"made":"before"}'])

    def test_an_address_of_the_other_kind(self) -> None:
        self.successResultOf(self.begin(self.client.get(("127.1.0.1", 9000), PATH, seconds=2.0)))
        self.assertEqual(self.node.asked[0].getHeader("host"), "127.1.0.1:9000")

    def test_what_may_be_unchanged(self) -> None:
        self.node.headers = {"ETag": '"one"'}
        self.assertEqual(self.successResultOf(self.get()).etag, '"one"')
        self.assertIsNone(self.node.asked[0].getHeader("if-none-match"))
        self.node.status, self.node.body = 304, b""
        reply = self.successResultOf(self.get('"one"'))
        self.assertEqual((reply.status, reply.body), (304, b""))
        self.assertEqual(self.node.asked[1].getHeader("if-none-match"), '"one"')

    def test_every_question_has_a_token_of_its_own(self) -> None:
        for _ in range(2):
            self.successResultOf(self.post())
        first, second = (asked.getHeader(NODE_HEADER) for asked in self.node.asked)
        self.assertNotEqual(first, second)


class EndpointTests(TestCase):
    def test_an_address_needs_no_resolver(self) -> None:
        factory = Endpoints(MemoryReactorClock(), 3.0)
        kinds = {
            b"http://127.1.0.2:8080/": TCP4ClientEndpoint,
            b"http://[fdaa:0:1::3]:8080/": TCP6ClientEndpoint,
            b"http://login.example:8080/": HostnameEndpoint,
        }
        for uri, kind in kinds.items():
            self.assertIsInstance(factory.endpointForURI(URI.fromBytes(uri)), kind, uri)

    def test_a_client_goes_to_the_address(self) -> None:
        reactor = MemoryReactorClock()
        http_client(reactor, 3.0).request(b"GET", b"http://[fdaa::3]:8080/internal/hello")
        self.assertEqual(reactor.tcpClients[0][:2], ("fdaa::3", 8080))


class AnswerTests(ClientCase):
    def test_without_proof_it_does_not_count_whatever_it_says(self) -> None:
        self.node.prove = lambda jti: ""
        for status in (200, 304, 404):
            self.node.status = status
            self.assertIn("not answer as a node of this fleet", self.refused(self.post()), status)

    def test_headers_that_are_no_text(self) -> None:
        self.node.prove, self.node.headers = lambda jti: "", {NODE_HEADER: b"\xff\xfe"}
        self.assertIn("not answer as a node", self.refused(self.post()))

    def test_the_answer_to_another_question(self) -> None:
        self.node.prove = lambda jti: self.node.trust.token(Audience.ANSWER, nonce=jti + "x")[0]
        self.assertIn("not answer as a node", self.refused(self.post()))

    def test_an_answer_that_was_heard_before(self) -> None:
        heard: list[str] = []

        def record(jti: str) -> str:
            heard.append(self.node.trust.token(Audience.ANSWER, nonce=jti)[0])
            return heard[0]

        self.node.prove = record
        self.successResultOf(self.post())
        self.refused(self.post())

    def test_proofs_of_other_kinds(self) -> None:
        strange = trust("login", self.watch, STRANGERS)
        proofs: list[Callable[[str], str]] = [
            lambda jti: "x",
            lambda jti: self.node.asked[-1].getHeader(NODE_HEADER),
            lambda jti: self.node.trust.token(Audience.INTERNAL, nonce=jti)[0],
            lambda jti: self.node.trust.token(Audience.EDGE, nonce=jti)[0],
            lambda jti: strange.token(Audience.ANSWER, nonce=jti)[0],
        ]
        for number, prove in enumerate(proofs):
            self.node.prove = prove
            self.assertIn("not answer as a node", self.refused(self.post()), number)

    def test_an_answer_made_long_ago(self) -> None:
        def old(jti: str) -> str:
            self.watch.now -= 10 * INTERNAL_TOKEN_SECONDS
            proof, _name = self.node.trust.token(Audience.ANSWER, nonce=jti)
            self.watch.now = NOW
            return proof

        self.node.prove = old
        self.refused(self.post())

    def test_there_is_no_such_thing(self) -> None:
        self.node.status = 404
        self.failureResultOf(self.post(), NotFound)

    def test_other_answers_are_no_answers(self) -> None:
        for status in (201, 204, 301, 302, 400, 401, 403, 409, 500, 503):
            self.node.status, self.node.body = status, b'{"error":"because"}'
            self.node.headers = {"Location": "http://elsewhere/internal/hello"}
            asked = len(self.node.asked)
            self.assertIn(f"answered {status}", self.refused(self.post()))
            self.assertEqual(len(self.node.asked), asked + 1, "nobody is led elsewhere, token in hand")

    def test_one_that_never_ends_is_broken_off(self) -> None:
        self.patch(client_module, "MAX_GOSSIP_BYTES", 100)
        self.node.body = b"x" * 100
        self.successResultOf(self.post())
        self.node.body = b"x" * 101
        self.assertIn("too great a length", self.refused(self.post()))

    def test_a_node_that_does_not_answer(self) -> None:
        self.node.status = 0
        asking = self.post()
        self.clock.advance(1.9)
        self.assertNoResult(asking)
        self.clock.advance(0.1)
        self.assertIn("did not answer within 2 seconds", self.refused(asking))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_has_lost_interest(self) -> None:
        self.node.status = 0
        asking = self.post()
        asking.cancel()
        self.failureResultOf(asking)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class NoNode:
    """An agent whose requests fail below HTTP."""

    def __init__(self, why: Exception) -> None:
        self.why = why

    def request(self, *_args: Any, **_kwargs: Any) -> Any:
        return Deferred.fromCoroutine(self._fail())

    async def _fail(self) -> None:
        raise self.why


class UnreachableTests(TestCase):
    def test_why_is_said_in_words(self) -> None:
        broken = ResponseNeverReceived([Failure(ConnectionRefusedError(osError=111))])
        for why, words in (
            (ConnectionRefusedError(osError=111), "connection refused"),
            (DNSLookupError("no such host"), "no such host"),
            (broken, "connection refused"),
            (OSError(113, "No route to host"), "route"),
        ):
            client = NodeClient(Clock(), NoNode(why), trust("edge-a", Watch()))
            asking = Deferred.fromCoroutine(client.get(("127.1.0.1", 8080), PATH, seconds=1.0))
            text = str(self.failureResultOf(asking, TemporarilyUnavailable).value)
            self.assertIn("http://127.1.0.1:8080/internal/hello", text)
            self.assertIn(words, text.lower())


class DecodeTests(TestCase):
    def test_what_it_should_be(self) -> None:
        reply = Reply("login", 200, b'{"wing":null}', "")
        self.assertEqual(decode(reply, WingPlace), WingPlace(None))

    def test_what_it_should_not_be(self) -> None:
        for body in (b"", b"[]", b"null", b"{}", b'{"wing":5}', b"\xff", b"[" * 100_000, b'{"wing":null}x'):
            reply = Reply("login", 200, body, "")
            why = self.assertRaises(TemporarilyUnavailable, decode, reply, WingPlace)
            self.assertIn("login", str(why))
