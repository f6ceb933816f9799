"""The wing's connection to its server: it registers, says that it lives, and comes back when it is lost.

    connecting --> registering --> online
        ^   \\__________|____________/
        |               v
     waiting <------ it ended -------> refused (401, or an `error` before `registered`)

protocol.md section 3. What travels over it is the business of its handler.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from wingthing.errors import InvalidMessage, OperatorError, TemporarilyUnavailable
from wingthing.wing.backoff import Backoff
from wingthing.wing.link_socket import Dialer, End, OpenSocket
from wingthing.wing.roost import Roost
from wingthing.wire import codec
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import (
    CLOSE_HANDSHAKE_SECONDS,
    HEARTBEAT_SECONDS,
    MAX_MESSAGE_BYTES,
    RECONNECT_MOST_SECONDS,
    REGISTER_TIMEOUT_SECONDS,
)
from wingthing.wire.messages import Message, WingHeartbeat, WingRegister
from wingthing.wire.node_messages import Error, Registered
from wingthing.wire.wing_limits import RESTART_SPREAD_SECONDS

UNAUTHORIZED = 401
ERRORS_PASSED_ON = "error"
"""The feature of a server that passes `error` of a wing on to a browser (an extension)."""


class LinkState(enum.StrEnum):
    """Where the link is."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    REFUSED = "refused"


class Login(msgspec.Struct, frozen=True):
    """What one attempt to connect needs."""

    roost: Roost
    token: str
    register: WingRegister


class LinkHandler(Protocol):
    """Who the link works for. Nothing that is raised here reaches the connection."""

    def registered(self, ack: Registered) -> None:
        """The wing is online."""

    def received(self, kind: str, message: bytes) -> None:
        """A message of the server, of type `kind`, once the wing is online."""

    def disconnected(self) -> None:
        """The wing is not online any more."""

    def congested(self) -> None:
        """More waits for the server to read than should."""

    def has_room(self) -> None:
        """It has read enough of it."""

    def state_changed(self, state: LinkState, detail: str) -> None:
        """`detail` is a sentence for a person; empty when there is nothing to say."""


class Link(Service):
    """Keeps one connection while it runs.

    `login()` gives what to connect with, anew for each attempt; an OperatorError of it ends the link, with
    TemporarilyUnavailable it is asked again later. `inside` says that the server is of this very process:
    when that goes, it does not come back.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        dial: Dialer,
        login: Callable[[], Awaitable[Login]],
        handler: LinkHandler,
        random: Callable[[], float],
        *,
        inside: bool = False,
    ) -> None:
        self._clock = clock
        self._dial = dial
        self._login = login
        self._handler = handler
        self._random = random
        self._inside = inside
        self._attempt: _Attempt | None = None
        self._running: Deferred[None] | None = None
        self._congested = False
        self._waiting: list[Deferred[None]] = []
        self.state = LinkState.STOPPED
        self.detail = ""
        self._features: frozenset[str] = frozenset()
        self.epoch = 0
        """Counts the registrations: routes of an older one are gone."""

    @property
    def online(self) -> bool:
        """Whether messages go anywhere."""
        return self.state is LinkState.ONLINE

    def send(self, message: Message) -> bool:
        """Send one message; False when the wing is not online (the message is then gone)."""
        attempt = self._attempt
        if attempt is None or attempt.socket is None or not self.online:
            return False
        data = codec.write(message)
        if len(data) > MAX_MESSAGE_BYTES:
            self.log.error("a message of {size} bytes is too long to be sent", size=len(data))
            return False
        attempt.socket.send(data)
        return True

    def complain(self, why: str, *, session_id: str | None = None, request_id: str | None = None) -> None:
        """Tell the browser of a session or of a request what was wrong, where the server passes that on."""
        if ERRORS_PASSED_ON in self._features:
            self.send(Error(message=why, session_id=session_id, request_id=request_id))

    async def room(self) -> None:
        """Returns when no more waits for the server to read than should, or the wing is not online."""
        if self._congested:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting

    def startService(self) -> None:
        super().startService()
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._running.addErrback(lambda failure: self.log.failure("the link has failed", failure=failure))

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        running, self._running = self._running, None
        attempt = self._attempt
        if attempt is not None:
            await attempt.leave()
        if running is not None:
            running.cancel()
        if self.state is not LinkState.REFUSED:
            self._enter(LinkState.STOPPED, "")

    async def _run(self) -> None:
        backoff = Backoff(self._random)
        while True:
            self._enter(LinkState.CONNECTING, self.detail)
            try:
                login = await self._login()
            except OperatorError as why:
                self._enter(LinkState.REFUSED, str(why))
                return
            except TemporarilyUnavailable as why:
                self._enter(LinkState.WAITING, str(why))
                await deferLater(self._clock, backoff.seconds())
                continue
            attempt = self._attempt = _Attempt(self, login)
            try:
                end = await attempt.ended_with
            finally:
                self._attempt = None
            if not self.running:
                return
            if attempt.refusal:
                self._enter(LinkState.REFUSED, attempt.refusal)
                return
            if self._inside and attempt.restarting:
                self._enter(LinkState.STOPPED, "")
                return
            if attempt.online_for(self._clock.seconds()) >= RECONNECT_MOST_SECONDS:
                backoff.reset()
            pause = self._random() * RESTART_SPREAD_SECONDS if attempt.restarting else backoff.seconds()
            self._enter(LinkState.WAITING, _sentence(login.roost, end))
            await deferLater(self._clock, pause)

    def _enter(self, state: LinkState, detail: str) -> None:
        before, said = self.state, self.detail
        self.state, self.detail = state, detail
        if (state, detail) == (before, said):
            return
        if detail and detail != said:
            self.log.info("{detail}", detail=detail)
        if before is LinkState.ONLINE:
            self._release()
            self._guarded(self._handler.disconnected)
        self._guarded(lambda: self._handler.state_changed(state, detail))

    def _hold(self) -> None:
        self._congested = True
        self._guarded(self._handler.congested)

    def _release(self) -> None:
        self._congested = False
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(None)

    def _has_room(self) -> None:
        self._release()
        self._guarded(self._handler.has_room)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            self.log.failure("the link's handler failed")


class _Attempt:
    """One connection, from dialling to its end. Implements SocketEvents."""

    log = Logger()

    def __init__(self, link: Link, login: Login) -> None:
        self._link = link
        self._login = login
        self.socket: OpenSocket | None = None
        self.refusal = ""
        self.restarting = False
        self.ended_with: Deferred[End] = Deferred(lambda _cancelled: self._drop())
        self._gone = False
        self._online_since: float | None = None
        self._deadline: IDelayedCall | None = None
        self._heartbeat = LoopingCall(self._beat)
        self._heartbeat.clock = link._clock
        self._give_up = link._dial(login.roost, login.token, self)

    def online_for(self, now: float) -> float:
        """Seconds since the registration; 0 without one."""
        return 0.0 if self._online_since is None else now - self._online_since

    async def leave(self) -> None:
        """End it in good order, or at once when the server does not answer."""
        if self._gone:
            return
        if self.socket is None:
            self._drop()
            return
        self.socket.leave(CloseCode.NORMAL, "the wing stops")
        cut = self._link._clock.callLater(CLOSE_HANDSHAKE_SECONDS, self._drop)
        done: Deferred[None] = Deferred()

        def gone(result: End | Failure) -> End | Failure:
            done.callback(None)
            return result

        self.ended_with.addBoth(gone)
        await done
        if cut.active():
            cut.cancel()

    # -- SocketEvents --------------------------------------------------------------------------------------

    def opened(self, socket: OpenSocket) -> None:
        self.socket = socket
        self._deadline = self._link._clock.callLater(REGISTER_TIMEOUT_SECONDS, self._drop)
        socket.send(codec.write(self._login.register))

    def received(self, message: bytes) -> None:
        try:
            kind = codec.read_head(message).type
            if kind == "registered":
                self._registered(codec.read(message, Registered))
            elif kind == "error":
                self._refused(codec.read(message, Error))
            elif kind == "relay.restart":
                self.restarting = True
                if self.socket is not None:
                    self.socket.leave(CloseCode.GOING_AWAY, "the server restarts")
            elif self._link.online:
                self._link._handler.received(kind, message)
        except InvalidMessage as why:
            self.log.warn("a message of the server was ignored: {why}", why=why)

    def congested(self) -> None:
        self._link._hold()

    def has_room(self) -> None:
        self._link._has_room()

    def ended(self, end: End) -> None:
        if self._gone:
            return
        self._gone = True
        self.socket = None
        self._end_deadline()
        if self._heartbeat.running:
            self._heartbeat.stop()
        if end.status == UNAUTHORIZED:
            server = self._login.roost.url
            self.refusal = f"{server} does not accept this machine's login ({end.reason}): run 'wt login'."
        self.ended_with.callback(end)

    # ------------------------------------------------------------------------------------------------------

    def _registered(self, ack: Registered) -> None:
        if self._online_since is not None:
            return
        self._end_deadline()
        link = self._link
        self._online_since = link._clock.seconds()
        link.epoch += 1
        link._features = frozenset(ack.features or ())
        link._enter(LinkState.ONLINE, f"connected to {self._login.roost.url}")
        self._heartbeat.start(HEARTBEAT_SECONDS, now=False)
        link._guarded(lambda: link._handler.registered(ack))

    def _refused(self, error: Error) -> None:
        if self._online_since is not None:
            self.log.warn("the server says: {message}", message=error.message)
            return
        self.refusal = f"{self._login.roost.url} refused this wing: {error.message}."
        if self.socket is not None:
            self.socket.leave(CloseCode.NORMAL, "refused")

    def _beat(self) -> None:
        self._link.send(WingHeartbeat(wing_id=self._login.register.wing_id))

    def _drop(self) -> None:
        self._give_up()
        self.ended(End("the server did not answer"))

    def _end_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()


def _sentence(roost: Roost, end: End) -> str:
    why = end.reason.rstrip(".")
    if end.status is not None:
        return f"{roost.url} answered {end.status} ({why}); trying again."
    return f"no connection to {roost.url} ({why}); trying again."
