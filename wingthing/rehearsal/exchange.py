"""One request on its way: a machine is chosen and asked, replays are followed, the answer is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import h11
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from wingthing.rehearsal import headers, replay
from wingthing.rehearsal.balance import Backend, Balance
from wingthing.rehearsal.body import RequestBody
from wingthing.rehearsal.client_side import ClientSide
from wingthing.rehearsal.dialer import Dialer, Unreached
from wingthing.rehearsal.facts import MOST_REPLAYS, REPLAY_BODY_BYTES
from wingthing.rehearsal.machine_side import CUT, Head, MachineSide, NoAnswer
from wingthing.rehearsal.replay import BadReplay, Fallback, Reason, Replay
from wingthing.rehearsal.valve import PEER

WAITING = "waiting"
"""There is no machine yet that the request's body could go to."""

TOO_LONG = f"A request with a body over {REPLAY_BODY_BYTES:,} bytes cannot be sent to a second machine."


class GatewayError(Exception):
    """The proxy must answer itself. `str()` is the sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@attrs.frozen
class Answer:
    """The head of an answer, and where its body is to be had."""

    machine: Backend
    side: MachineSide
    head: Head


class Exchange:
    """From a request of `client` to the end of its answer, or to the open WebSocket."""

    log = Logger()

    def __init__(
        self, clock: Any, app: str, balance: Balance, dialer: Dialer, client: ClientSide, request: h11.Request
    ) -> None:
        self._clock = clock
        self._app = app
        self._balance = balance
        self._dialer = dialer
        self._client = client
        self._request = request
        self._body = RequestBody(int(headers.value(request, b"content-length") or 0))
        self._side: MachineSide | None = None
        self._running: Deferred[None] | None = None
        self._replays = 0
        self._final = False

    def start(self) -> None:
        """Begin. Everything that happens is told to the client."""
        self._client.valve.hold(WAITING)
        self._running = Deferred.fromCoroutine(self._run())

    # -- from the client -------------------------------------------------------------------------------

    def request_body(self, data: bytes) -> None:
        self._body.add(data)

    def request_ended(self) -> None:
        self._body.end()
        # Nothing more is to be sent before there is an answer: read on, to see whether the client leaves.
        self._client.valve.let(WAITING)

    def client_gone(self) -> None:
        if self._running is not None:
            self._running.cancel()
        self._part()

    # -- the way to an answer --------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            if self._request.method == b"CONNECT":
                raise GatewayError(405, "This is no forward proxy.")
            answer = await self._ask_anybody()
            while (wanted := self._wants_replay(answer)) is not None:
                answer = await self._follow(answer.machine, wanted)
            self._hand_over(answer)
        except CancelledError:
            self._part()
        except GatewayError as why:
            self.log.info(
                "{method} {target}: {status} {why}",
                method=self._request.method.decode(),
                target=self._request.target.decode("latin-1"),
                status=why.status,
                why=str(why),
            )
            self._finish()
            self._client.answer(why.status, str(why))
        except Exception:
            self.log.failure("the proxy has failed")
            self._part()
            self._client.broken()

    async def _ask_anybody(self) -> Answer:
        tried: set[str] = set()
        while True:
            machine = self._first_choice(tried)
            if machine is None:
                raise GatewayError(
                    502 if tried else 503,
                    "No machine has answered." if tried else "No machine that could answer is running.",
                )
            try:
                side = await self._dialer.dial(machine.place)
                return await self._ask(machine, side, {})
            except NoAnswer as why:
                self.log.info("{machine}: {why}", machine=machine.place.id, why=str(why))
                self._part()
                tried.add(machine.place.id)
                if not self._body.untouched:
                    raise GatewayError(502, f"Machine {machine.place.id} is gone. {TOO_LONG}") from why

    def _first_choice(self, tried: set[str]) -> Backend | None:
        forced = self._header(b"fly-force-instance-id")
        if forced:
            return None if tried else self._balance.find(forced)
        preferred = self._header(b"fly-prefer-instance-id")
        if preferred and preferred not in tried and (found := self._balance.find(preferred)) is not None:
            return found
        only = self._header(b"fly-force-region")
        region = only or self._header(b"fly-prefer-region") or self._client.entry.region
        return self._balance.pick(region, tried, only=bool(only))

    def _header(self, name: bytes) -> str:
        return headers.value(self._request, name).strip()

    async def _ask(self, machine: Backend, side: MachineSide, extra: Mapping[bytes, str]) -> Answer:
        """The head of the machine's answer. Raises NoAnswer."""
        self._join(side)
        request = headers.to_machine(self._request, self._client.entry, extra)
        head = side.ask(request, self._client.inform)
        self._body.flow_to(side)
        return Answer(machine, side, await head)

    def _wants_replay(self, answer: Answer) -> Replay | None:
        text = headers.value(answer.head, replay.HEADER)
        if not text or self._final:
            return None
        if answer.head.status_code == 101:
            raise GatewayError(502, f"Machine {answer.machine.place.id} upgrades and replays at once.")
        try:
            return replay.parse(text)
        except BadReplay as why:
            raise GatewayError(
                502, f"The fly-replay of machine {answer.machine.place.id} is not understood: {why}."
            ) from why

    async def _follow(self, asker: Backend, wanted: Replay) -> Answer:
        self._part()
        self._replays += 1
        if self._replays > MOST_REPLAYS:
            raise GatewayError(502, f"The request has been replayed {MOST_REPLAYS} times already.")
        if not self._body.repeatable:
            raise GatewayError(502, TOO_LONG)
        began = self._clock.seconds()
        try:
            machine, side = await self._dialer.reach(wanted, self._client.entry.region, asker.place)
        except Unreached as why:
            return await self._fall_back(asker, wanted, why.reason, self._clock.seconds() - began)
        self.log.info(
            "{target}: replayed from {asker} to {machine}",
            target=self._request.target.decode("latin-1"),
            asker=asker.place.id,
            machine=machine.place.id,
        )
        told = replay.source(
            instance=asker.place.id,
            region=asker.place.region,
            now=self._clock.seconds(),
            state=wanted.state,
        )
        try:
            return await self._ask(machine, side, {replay.SOURCE_HEADER: told})
        except NoAnswer as why:
            # The connection was open, so for Fly the replay has succeeded, and there is no fallback.
            raise GatewayError(502, f"Machine {machine.place.id} has not answered a replay: {why}.") from why

    async def _fall_back(self, asker: Backend, wanted: Replay, reason: Reason, elapsed: float) -> Answer:
        sentence = f"The replay from machine {asker.place.id} has failed ({reason})."
        if wanted.fallback is None:
            raise GatewayError(504 if reason is Reason.TIMEOUT else 502, sentence)
        machine = self._balance.find(asker.place.id)
        if machine is None and wanted.fallback is Fallback.PREFER_SELF:
            machine = self._balance.pick(self._client.entry.region)
        if machine is None:
            raise GatewayError(502, f"{sentence} The machine itself is gone, too.")
        self._final = True
        told = replay.failed(
            wanted,
            app=self._app,
            region=self._balance.region_of(wanted.instance or wanted.prefer_instance),
            replay_source=asker.place.id,
            reason=reason,
            elapsed=elapsed,
        )
        self.log.info(
            "{target}: back to {machine}: {told}",
            target=self._request.target.decode("latin-1"),
            machine=machine.place.id,
            told=told,
        )
        try:
            return await self._ask(
                machine, await self._dialer.dial(machine.place), {replay.FAILED_HEADER: told}
            )
        except NoAnswer as why:
            raise GatewayError(502, f"{sentence} The machine itself has not answered, either.") from why

    # -- the two connections ---------------------------------------------------------------------------

    def _join(self, side: MachineSide) -> None:
        self._side = side
        client = self._client
        client.transport.registerProducer(side.valve, True)
        side.transport.registerProducer(client.valve, True)
        side.feed_by(client.valve)
        client.valve.let(WAITING)

    def _part(self) -> None:
        """Be done with the machine that was asked last."""
        side, self._side = self._side, None
        if side is None:
            return
        self._body.stop()
        side.transport.unregisterProducer()
        side.cut_off()
        client = self._client
        client.transport.unregisterProducer()
        if not self._body.complete:
            client.valve.hold(WAITING)
        for reason in (PEER, CUT):
            client.valve.let(reason)

    def _hand_over(self, answer: Answer) -> None:
        told = headers.to_client(answer.head, answer.machine.place.id)
        status, reason = answer.head.status_code, answer.head.reason
        side = answer.side
        if isinstance(answer.head, h11.InformationalResponse):
            head = h11.InformationalResponse(status_code=status, headers=told, reason=reason)
            self._side = None
            self._client.switch(head, side.transport.write, lambda clean: _end(side.transport, clean))
            side.switch(self._client.transport.write, lambda clean: _end(self._client.transport, clean))
        else:
            self._client.respond(h11.Response(status_code=status, headers=told, reason=reason))
            side.deliver(self)

    # -- from the machine ------------------------------------------------------------------------------

    def body(self, data: bytes) -> None:
        self._client.body(data)

    def body_ended(self) -> None:
        self._finish()
        self._client.complete()

    def broken(self) -> None:
        self._part()
        self._client.broken()

    def _finish(self) -> None:
        self._part()
        # What is left of the request's body is read, though nobody wants it.
        self._client.valve.let(WAITING)


def _end(transport: Any, clean: bool) -> None:
    """The other side of an open WebSocket is gone: after what was sent before, so is this one."""
    transport.unregisterProducer()
    if clean:
        transport.loseConnection()
    else:
        transport.abortConnection()
