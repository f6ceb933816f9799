"""One request's way to login, and the answer's way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH
from zope.interface import implementer

from wingthing.cluster.proxy_client import Incoming, Login, Outgoing, Upload
from wingthing.cluster.proxy_headers import Fields, to_client
from wingthing.errors import PeerError, TemporarilyUnavailable
from wingthing.wire.limits import PROXY_HEADERS_SECONDS, PROXY_IDLE_SECONDS, PROXY_RETRY_SECONDS

AWAY = "away"
"""No connection to login."""
BROKEN = "broken"
"""Login broke its answer off, or began none that is one."""
SLOW = "slow"
"""Login did not begin its answer in time."""
STALLED = "stalled"
"""Nothing moved, in whichever direction."""
CLIENT_GONE = "client_gone"
"""The client left first."""
BUSY = "busy"
"""Too many requests at a time."""
BUG = "bug"
"""A fault of ours."""
REASONS = (AWAY, BROKEN, SLOW, STALLED, CLIENT_GONE, BUSY, BUG)

NO_BODY = frozenset({204, 304})


class Observer(Protocol):
    """Counts. After each `started` comes exactly one of the others."""

    def started(self) -> None:
        """A request for login."""

    def answered(self, status: int, seconds: float) -> None:
        """Login's answer was passed on to its end, so long after the request's headers were there."""

    def failed(self, reason: str) -> None:
        """It was not; `reason` is one of the words above."""


class Client(Protocol):
    """The browser's side of an exchange."""

    def hold_reading(self) -> None:
        """Let the client wait with its request's body."""

    def go_on_reading(self) -> None:
        """Take the body again."""

    def go_ahead(self) -> None:
        """There is somebody to take the body (`Expect: 100-continue`)."""

    def touch(self) -> None:
        """Something moved: the connection is not idle."""

    def answer(self, code: int, reason: bytes, fields: Fields, producer: IPushProducer) -> None:
        """Send the beginning of the answer. `producer` is paused while the client does not read."""

    def pass_on(self, data: bytes) -> None:
        """Send a piece of its body."""

    def end(self) -> None:
        """That was the whole answer."""

    def refuse(self, why: PeerError) -> None:
        """Answer with an error of the edge's own."""

    def abort(self) -> None:
        """Cut the connection, so that nobody takes what was sent for the whole answer."""


@implementer(IPushProducer)
class Exchange:
    """From the request's headers to the answer's end."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        login: Login,
        client: Client,
        observer: Observer,
        over: Callable[[], None],
        *,
        method: bytes,
        target: bytes,
        patience: float = PROXY_HEADERS_SECONDS,
    ) -> None:
        """`over` is called once, when login's connection is not needed any more; `patience` says how many
        seconds login may take to begin its answer."""
        self._reactor = reactor
        self._login = login
        self._client = client
        self._observer = observer
        self._told_over = over
        self._method = method
        self._target = target
        self._patience = patience
        self._begun: float = reactor.seconds()
        self._upload: Upload | None = None
        self._outgoing: Outgoing | None = None
        self._asking: Deferred[None] | None = None
        self._body: _Body | None = None
        self._status = 0
        self._sent = False
        self._over = False
        self._timer: IDelayedCall | None = None

    def begin(self, headers: Headers, length: int | None, *, says_empty: bool) -> None:
        """Send the request. `length` of its body; None when it is not known beforehand."""
        self._observer.started()
        if length != 0:
            self._upload = Upload(length, self)
        self._outgoing = Outgoing(
            self._method, self._target, headers, self._upload, says_empty=says_empty, sent=self._request_sent
        )
        self._asking = Deferred.fromCoroutine(self._ask(self._outgoing))

    # -- from the client ------------------------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """A piece of the request's body."""
        if not self._over and self._upload is not None:
            self._progress()
            self._upload.write(data)

    def body_ended(self) -> None:
        """The request is complete."""
        if not self._over and self._upload is not None:
            self._upload.end()

    def client_gone(self) -> None:
        """There is nobody to answer."""
        if not self._over:
            self._end(CLIENT_GONE)
            self._cut()

    # -- IPushProducer: the client's connection, while it is sent the answer --------------------------------

    def pauseProducing(self) -> None:
        if self._body is not None:
            self._body.pause()

    def resumeProducing(self) -> None:
        if self._body is not None and not self._over:
            self._progress()
            self._body.resume()

    def stopProducing(self) -> None:
        self.client_gone()

    # -- UploadOwner ----------------------------------------------------------------------------------------

    def hold(self) -> None:
        if not self._over:
            self._client.hold_reading()

    def go_on(self) -> None:
        if not self._over:
            self._progress()
            self._client.go_on_reading()

    def uploaded(self) -> None:
        assert self._outgoing is not None
        self._outgoing.uploaded()
        if not self._over and self._sent and self._body is None:
            self._watch(self._patience, self._too_slow)

    def overflowing(self) -> None:
        assert self._upload is not None
        if self._over:
            return
        if self._body is not None:
            # Login answers at length and takes nothing: it has made up its mind.
            self._upload.drop()
            self._client.go_on_reading()
        else:
            self._stalled()

    # -- to login and back ----------------------------------------------------------------------------------

    async def _ask(self, outgoing: Outgoing) -> None:
        try:
            self._answered(await self._login.ask(outgoing))
        except Exception as why:
            if not self._over:
                self._failed(why)

    def _request_sent(self) -> None:
        """There is a connection, and the headers are on their way."""
        self._sent = True
        self._client.go_ahead()
        if self._upload is None or self._upload.complete:
            self._watch(self._patience, self._too_slow)
        else:
            self._watch(PROXY_IDLE_SECONDS, self._stalled)

    def _answered(self, incoming: Incoming) -> None:
        if self._over:
            return
        self._login.is_there()
        response = incoming.response
        has_body = self._method != b"HEAD" and response.code not in NO_BODY
        known = response.length if has_body and response.length is not UNKNOWN_LENGTH else None
        self._status = response.code
        self._body = _Body(self, incoming)
        self._watch(PROXY_IDLE_SECONDS, self._stalled)
        fields = to_client(response.headers, incoming.connection_headers, known)
        self._client.answer(response.code, response.phrase, fields, self)
        self._body.deliver()

    def piece_received(self, data: bytes) -> None:
        """A piece of the answer's body."""
        if not self._over:
            self._progress()
            self._client.pass_on(data)

    def answer_ended(self, *, whole: bool) -> None:
        """Login has no more to say."""
        if self._over:
            return
        if whole:
            self._end(None)
            if self._upload is not None and not self._upload.complete:
                self._cut()
            self._client.end()
        else:
            self.log.warn("login broke off its answer to {request}", request=self._name)
            self._end(BROKEN)
            self._cut()
            self._client.abort()

    # -- ends -----------------------------------------------------------------------------------------------

    def _failed(self, why: Exception) -> None:
        if self._body is not None:
            self.log.failure("passing on the answer to {request} failed", request=self._name)
            self._end(BUG)
            self._cut()
            self._client.abort()
            return
        reason, refusal = _explain(why)
        if reason == BUG:
            self.log.failure("passing on {request} failed", request=self._name)
        elif reason == AWAY:
            self._login.is_away(why)
        else:
            self.log.warn("login did not answer {request}: {why}", request=self._name, why=why)
        self._end(reason)
        self._client.refuse(refusal)

    def _too_slow(self) -> None:
        self.log.warn("login does not answer {request}", request=self._name)
        self._end(SLOW)
        self._cut()
        self._client.refuse(PeerError("the server takes too long to answer: try again later", status=504))

    def _stalled(self) -> None:
        self.log.info("{request} has stalled and is broken off", request=self._name)
        self._end(STALLED)
        self._cut()
        self._client.abort()

    def _end(self, failure: str | None) -> None:
        """Whatever comes from now on is of no interest."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if failure is None:
            self._observer.answered(self._status, self._reactor.seconds() - self._begun)
        else:
            self._observer.failed(failure)
        self._told_over()

    def _cut(self) -> None:
        """Cut the connection to login, or what would become one."""
        if self._upload is not None:
            self._upload.drop()
        if self._body is not None and self._outgoing is not None:
            self._outgoing.abort()
        elif self._asking is not None:
            self._asking.cancel()

    # -- time -----------------------------------------------------------------------------------------------

    def _watch(self, seconds: float, then: Callable[[], None]) -> None:
        def expired() -> None:
            self._timer = None
            then()

        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.callLater(seconds, expired)

    def _progress(self) -> None:
        """Something has moved."""
        self._client.touch()
        waits_for_headers = self._sent and self._body is None and (not self._upload or self._upload.complete)
        if self._timer is not None and not waits_for_headers:
            self._timer.reset(PROXY_IDLE_SECONDS)

    @property
    def _name(self) -> str:
        """The request in a log line: without its query, which may be a secret."""
        path = self._target.partition(b"?")[0]
        return f"{self._method.decode('ascii', 'replace')} {path.decode('ascii', 'replace')}"


class _Body(TwistedProtocol):
    """Takes the body of login's answer."""

    transport: Any

    def __init__(self, exchange: Exchange, incoming: Incoming) -> None:
        self._exchange = exchange
        self._incoming = incoming
        self._paused = False

    def deliver(self) -> None:
        """Let it come."""
        self._incoming.response.deliverBody(self)
        if self._paused:
            # The client has stopped it with the first piece, and deliverBody starts it after that.
            self.pause()

    def pause(self) -> None:
        self._paused = True
        if self.transport is not None:
            self.transport.pauseProducing()

    def resume(self) -> None:
        self._paused = False
        if self.transport is not None:
            self.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        self._exchange.piece_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        whole = reason.check(ResponseDone) is not None
        if reason.check(PotentialDataLoss):
            # An answer that only the connection's end ends, which tells little of how it was meant.
            whole = not self._incoming.connection.was_reset
        self._exchange.answer_ended(whole=whole)


def _explain(why: Exception) -> tuple[str, PeerError]:
    """The word for a request that got no answer, and what its client is told."""
    retry = {"Retry-After": str(PROXY_RETRY_SECONDS)}
    if isinstance(why, TemporarilyUnavailable | ConnectError | DNSLookupError | defer.TimeoutError):
        return AWAY, TemporarilyUnavailable(
            "the server cannot be reached at the moment: try again in a few seconds", headers=retry
        )
    if isinstance(why, RequestNotSent):
        return BROKEN, TemporarilyUnavailable("the server did not answer: try again", headers=retry)
    if isinstance(why, ResponseFailed):
        if all(reason.check(ConnectionClosed) for reason in why.reasons):
            return BROKEN, TemporarilyUnavailable("the server did not answer: try again", headers=retry)
        return BROKEN, PeerError("the server's answer makes no sense", status=502)
    return BUG, PeerError("internal error", status=500)
