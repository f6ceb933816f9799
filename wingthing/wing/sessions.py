"""The terminals of this wing as browsers see them: `pty.*` in both directions (protocol.md sections 3-5).

A browser's key comes with its `pty.start` or `pty.attach`. Nothing is sent under an old key once a new one
has come, nobody without a usable key has a session, and nothing a browser says can end the link.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from wingthing.crypto.box import PTY, Box
from wingthing.crypto.keys import public_text
from wingthing.errors import DecryptionFailed, Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.wing.access import NOT_ALLOWED, Person
from wingthing.wing.admission import Admission, Admitted
from wingthing.wing.painter import Painter, Sender
from wingthing.wing.passkeys import LockRules, Passkeys
from wingthing.wing.terminal_types import TerminalInfo, TerminalSpec
from wingthing.wing.viewing import Audience, Viewing
from wingthing.wire import codec
from wingthing.wire.messages import (
    PasskeyResponse,
    PtyAttach,
    PtyAttentionAck,
    PtyExited,
    PtyInput,
    PtyKill,
    PtyResize,
    PtyStart,
    PtyStarted,
    SessionAttention,
)
from wingthing.wire.node_messages import PtyDetached
from wingthing.wire.wing_limits import MAX_UNSENT_EXITS

REFUSED_EXIT_CODE = -1


class TerminalControl(Protocol):
    """What is needed of `Terminals`."""

    async def start_terminal(self, spec: TerminalSpec) -> TerminalInfo: ...
    def get(self, session_id: str) -> TerminalInfo | None: ...
    def write(self, session_id: str, data: bytes) -> None: ...
    def resize(self, session_id: str, cols: int, rows: int) -> None: ...
    def kill(self, session_id: str) -> None: ...
    def attention_ack(self, session_id: str) -> None: ...
    async def snapshot(self, session_id: str) -> bytes: ...
    def pause_output(self) -> None: ...
    def resume_output(self) -> None: ...


class Rules(LockRules, Protocol):
    """The configuration as it is now."""

    @property
    def spectate(self) -> bool:
        """Whether this wing lets anybody watch."""

    def working_directory(self, cwd: str | None, person: Person) -> str:
        """The folder a terminal of this person starts in. Raises PeerError."""


class _Starting:
    """A terminal that is being started: what its browser has said meanwhile."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self.killed = False


class Sessions:
    """Implements TerminalEvents for the terminals, and takes `pty.*` from the link."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        sender: Sender,
        terminals: TerminalControl,
        key: X25519PrivateKey,
        rules: Rules,
        passkeys: Passkeys,
    ) -> None:
        self._sender = sender
        self._terminals = terminals
        self._key = key
        self._public_key = public_text(key)
        self._rules = rules
        self._admission = Admission(clock, sender, rules, passkeys, key)
        self._painter = Painter(clock, sender, terminals.snapshot, self._hold_for_repaint)
        self._audiences: dict[str, Audience] = {}
        self._starting: dict[str, _Starting] = {}
        self._unsent_exits: dict[str, PtyExited] = {}
        self._unsent_attention: dict[str, SessionAttention] = {}
        self._repaints = 0
        self._congested = False
        self._handlers: dict[str, Callable[[bytes], Awaitable[None]]] = {
            "pty.start": self._start,
            "pty.attach": self._attach,
            "pty.input": self._input,
            "pty.resize": self._resize,
            "pty.kill": self._kill,
            "pty.attention_ack": self._attention_ack,
            "pty.detached": self._detached,
            "passkey.response": self._passkey,
        }

    # -- what the link says ----------------------------------------------------------------------------------

    def received(self, kind: str, message: bytes) -> bool:
        """A message of a browser, or of the node about one. False when its type is none of ours."""
        handler = self._handlers.get(kind)
        if handler is None:
            return False
        handling = Deferred.fromCoroutine(self._handle(handler, message))
        handling.addErrback(lambda failure: self.log.failure("{kind} failed", failure=failure, kind=kind))
        return True

    def registered(self) -> None:
        """The wing is online (again): tell what happened meanwhile, and repaint what has a gap."""
        exits, self._unsent_exits = self._unsent_exits, {}
        for exited in exits.values():
            self._sender.send(exited)
        attention, self._unsent_attention = self._unsent_attention, {}
        for said in attention.values():
            self._sender.send(said)
        for audience in self._audiences.values():
            for viewing in list(audience.everybody()):
                if viewing.missed:
                    self._painter.repaint(audience, viewing)

    def disconnected(self) -> None:
        """The wing is offline. Keys are kept; how much of what was sent has got through, nobody knows."""
        self._admission.give_up_all()
        for audience in self._audiences.values():
            for viewing in audience.everybody():
                viewing.missed = True
        self.set_congested(False)

    def enforce_lock(self) -> None:
        """The lock, or the list of who may come in, may not be what it was: whoever would not be let in now
        neither sees a terminal nor types into one any more. The terminals themselves go on, for the owner to
        look at and to end."""
        for audience in list(self._audiences.values()):
            for viewing in list(audience.everybody()):
                refusal = self._rules.access.refusal(viewing.person, viewing.passkey)
                if refusal is not None and audience.has(viewing):
                    self._send_away(audience, viewing, refusal)

    def _send_away(self, audience: Audience, viewing: Viewing, refusal: str) -> None:
        if viewing.viewer_id is None:
            # A node takes this for the answer to who asks to be the controller, if somebody does; and it ends
            # the route of all who watch.
            self._admission.give_up(audience.session_id)
            audience.dismiss()
        else:
            del audience.spectators[viewing.viewer_id]
        self._send_refused(audience.session_id, refusal, viewing.viewer_id)
        self.log.info(
            "{who} has been sent away from {id}: {why}",
            who=viewing.person.name,
            id=audience.session_id,
            why=refusal,
        )

    def set_congested(self, congested: bool) -> None:
        """Let the terminals wait while the link cannot take their output."""
        before = self.paused()
        self._congested = congested
        self._apply(before)

    # -- TerminalEvents --------------------------------------------------------------------------------------

    def output(self, session_id: str, data: bytes) -> None:
        audience = self._audiences.get(session_id)
        if audience is not None:
            self._painter.output(audience, data)

    def exited(self, session_id: str, exit_code: int, error: str | None) -> None:
        self._admission.give_up(session_id)
        audience = self._audiences.pop(session_id, None)
        if audience is not None:
            audience.dismiss()
        self._unsent_attention.pop(session_id, None)
        message = PtyExited(session_id=session_id, exit_code=exit_code, error=error)
        if not self._sender.send(message):
            self._unsent_exits[session_id] = message
            if len(self._unsent_exits) > MAX_UNSENT_EXITS:
                del self._unsent_exits[next(iter(self._unsent_exits))]

    def attention(self, session_id: str, nonce: str) -> None:
        # Neither folder nor agent: the node has no need to know them.
        message = SessionAttention(session_id=session_id, nonce=nonce)
        if not self._sender.send(message):
            self._unsent_attention[session_id] = message

    def paused(self) -> bool:
        return self._congested or self._repaints > 0

    # -- what browsers say -----------------------------------------------------------------------------------

    async def _handle(self, handler: Callable[[bytes], Awaitable[None]], message: bytes) -> None:
        try:
            await handler(message)
        except PeerError as why:
            await self._refuse(message, why)

    async def _refuse(self, message: bytes, why: PeerError) -> None:
        """Answer a browser that waits for an answer; what nobody waits for is logged."""
        head = codec.read_head(message)
        if head.type in ("pty.start", "pty.attach") and head.session_id:
            if not head.viewer_id:
                await self._admission.turn(head.session_id)
            self._send_refused(head.session_id, str(why), head.viewer_id)
        else:
            self.log.info("{kind} was ignored: {why}", kind=head.type, why=why)
            if head.session_id:
                self._sender.complain(f"{head.type} was ignored: {why}", session_id=head.session_id)

    async def _start(self, message: bytes) -> None:
        start = codec.read(message, PtyStart)
        session_id = start.session_id
        if not session_id:
            raise InvalidMessage("the server gave no session_id")
        box = Box.between(self._key, start.public_key, PTY)
        person = Person(start.user_id or "", start.email or "", tuple(start.passkeys or ()))
        if session_id in self._starting or self._terminals.get(session_id) is not None:
            raise InvalidMessage("there is a session of this id already")
        starting = self._starting[session_id] = _Starting()
        try:
            admitted = await self._admission.admit(start, session_id, person)
            spec = TerminalSpec(
                session_id=session_id,
                agent=start.agent,
                cols=start.cols,
                rows=start.rows,
                cwd=self._rules.working_directory(start.cwd, person),
                user_id=person.user_id,
                email=person.email,
            )
            info = await self._terminals.start_terminal(spec)
        finally:
            del self._starting[session_id]
        audience = self._audience(session_id)
        audience.add(Viewing(person, box, passkey=admitted.key))
        self._send_started(info, None, admitted)
        if starting.size is not None:
            self._terminals.resize(session_id, *starting.size)
        if starting.killed:
            self._terminals.kill(session_id)
        # The wing may have been locked while the terminal was being started.
        self.enforce_lock()

    async def _attach(self, message: bytes) -> None:
        attach = codec.read(message, PtyAttach)
        session_id = attach.session_id
        info = self._terminals.get(session_id)
        if info is None:
            raise NotFound("session not found")
        box = Box.between(self._key, attach.public_key, PTY)
        person = Person(attach.user_id or "", attach.email or "", tuple(attach.passkeys or ()))
        if attach.spectate:
            if not self._rules.spectate:
                raise Forbidden("watching is switched off on this machine (spectate in wing.yaml)")
            if not attach.viewer_id:
                raise InvalidMessage("the server gave no viewer_id")
        if self._rules.access.refusal(person) == NOT_ALLOWED:
            raise Forbidden(NOT_ALLOWED)
        if not attach.spectate and not self._rules.access.controls(person, info.user_id):
            raise Forbidden("this session belongs to somebody else")
        admitted = await self._admission.admit(attach, session_id, person)
        viewing = Viewing(person, box, attach.viewer_id if attach.spectate else None, passkey=admitted.key)
        audience = self._audience(session_id)
        audience.add(viewing)
        if not attach.spectate and attach.cols and attach.rows:
            self._terminals.resize(session_id, attach.cols, attach.rows)
        self._send_started(info, viewing.viewer_id, admitted)
        self._painter.repaint(audience, viewing)

    async def _input(self, message: bytes) -> None:
        typed = codec.read(message, PtyInput)
        audience = self._audiences.get(typed.session_id)
        controller = audience.controller if audience is not None else None
        if controller is None:
            return
        try:
            data = controller.box.open(typed.data)
        except DecryptionFailed as why:
            if not controller.warned:
                controller.warned = True
                self.log.warn("input for {id} is ignored: {why}", id=typed.session_id, why=why)
                self._sender.complain(f"what you type is ignored: {why}", session_id=typed.session_id)
            return
        self._terminals.write(typed.session_id, data)

    async def _resize(self, message: bytes) -> None:
        resize = codec.read(message, PtyResize)
        starting = self._starting.get(resize.session_id)
        if starting is not None:
            starting.size = (resize.cols, resize.rows)
        elif self._is_controlled(resize.session_id):
            self._terminals.resize(resize.session_id, resize.cols, resize.rows)

    async def _kill(self, message: bytes) -> None:
        session_id = codec.read(message, PtyKill).session_id
        starting = self._starting.get(session_id)
        if starting is not None:
            starting.killed = True
            self._admission.give_up(session_id)
        elif self._is_controlled(session_id):
            self._terminals.kill(session_id)

    async def _passkey(self, message: bytes) -> None:
        self._admission.answered(codec.read(message, PasskeyResponse))

    async def _attention_ack(self, message: bytes) -> None:
        session_id = codec.read(message, PtyAttentionAck).session_id
        if self._is_controlled(session_id):
            self._terminals.attention_ack(session_id)

    async def _detached(self, message: bytes) -> None:
        """A spectator has left (an extension that this wing names in `wing.register`)."""
        left = codec.read(message, PtyDetached)
        audience = self._audiences.get(left.session_id)
        if audience is not None and left.viewer_id:
            audience.spectators.pop(left.viewer_id, None)

    # --------------------------------------------------------------------------------------------------------

    def _is_controlled(self, session_id: str) -> bool:
        """Whether somebody has shown a right to this terminal on this wing."""
        audience = self._audiences.get(session_id)
        return audience is not None and audience.controller is not None

    def _audience(self, session_id: str) -> Audience:
        audience = self._audiences.get(session_id)
        if audience is None:
            audience = self._audiences[session_id] = Audience(session_id)
        return audience

    def _send_refused(self, session_id: str, why: str, viewer_id: str | None) -> None:
        self._sender.send(
            PtyExited(session_id=session_id, exit_code=REFUSED_EXIT_CODE, error=why, viewer_id=viewer_id)
        )

    def _send_started(self, info: TerminalInfo, viewer_id: str | None, admitted: Admitted) -> None:
        self._sender.send(
            PtyStarted(
                session_id=info.session_id,
                agent=info.agent,
                public_key=self._public_key,
                cwd=info.cwd,
                auth_token=admitted.auth_token,
                sealed_token=admitted.sealed_token,
                viewer_id=viewer_id,
            )
        )

    def _hold_for_repaint(self, hold: bool) -> None:
        before = self.paused()
        self._repaints += 1 if hold else -1
        self._apply(before)

    def _apply(self, before: bool) -> None:
        if self.paused() and not before:
            self._terminals.pause_output()
        elif before and not self.paused():
            self._terminals.resume_output()
