"""A browser, and what is around the parts of a wing, for the unit tests of this folder."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from wingthing.crypto.box import PTY, TUNNEL, Box, decompress
from wingthing.crypto.keys import new_wing_key, public_text
from wingthing.errors import NotFound, OperatorError, PeerError
from wingthing.wing import allow_list
from wingthing.wing.access import Access, Person
from wingthing.wing.config import WingConfig, allow_key
from wingthing.wing.terminal_types import TerminalInfo, TerminalSpec
from wingthing.wire import codec
from wingthing.wire.messages import Message

OWNER = "owner"
WING_KEY = new_wing_key()
WING_PUBLIC = public_text(WING_KEY)
ENOUGH_BYTES = 64 * 1024 * 1024


class Browser:
    """One browser's key, and what it would say."""

    def __init__(self, user_id: str = OWNER, email: str = "", passkeys: tuple[str, ...] = ()) -> None:
        self.key = new_wing_key()
        self.public = public_text(self.key)
        self.user_id = user_id
        self.email = email
        self.passkeys = list(passkeys)

    def box(self, info: bytes = PTY) -> Box:
        return Box.between(self.key, WING_PUBLIC, info)

    def start(self, session_id: str, **fields: Any) -> bytes:
        said = {
            "type": "pty.start",
            "session_id": session_id,
            "agent": "shell",
            "cols": 80,
            "rows": 24,
            "public_key": self.public,
            "user_id": self.user_id,
            "email": self.email,
            "passkeys": self.passkeys,
        }
        return codec.write(said | fields)

    def attach(self, session_id: str, **fields: Any) -> bytes:
        said = {
            "type": "pty.attach",
            "session_id": session_id,
            "public_key": self.public,
            "user_id": self.user_id,
            "email": self.email,
            "passkeys": self.passkeys,
        }
        return codec.write(said | fields)

    def typed(self, session_id: str, data: bytes) -> bytes:
        return codec.write({"type": "pty.input", "session_id": session_id, "data": self.box().seal(data)})

    def asks(self, request_id: str, kind: str, **fields: Any) -> bytes:
        payload = self.box(TUNNEL).seal(msgspec.json.encode({"type": kind, **fields}))
        return self.sends(request_id, payload)

    def sends(self, request_id: str, payload: str, **fields: Any) -> bytes:
        said = {
            "type": "tunnel.req",
            "wing_id": "a" * 24,
            "request_id": request_id,
            "sender_pub": self.public,
            "payload": payload,
            "sender_user_id": self.user_id,
            "sender_email": self.email,
            "sender_passkeys": self.passkeys,
        }
        return codec.write(said | fields)

    def reads(self, message: dict[str, Any]) -> bytes:
        """The plaintext of a `pty.output`. Raises DecryptionFailed when it is not for this browser."""
        plaintext = self.box().open(message["data"])
        return decompress(plaintext, most=ENOUGH_BYTES) if message.get("compressed") else plaintext

    def answer(self, message: dict[str, Any]) -> Any:
        """The plain answer in a `tunnel.res` or `tunnel.stream`."""
        return msgspec.json.decode(self.box(TUNNEL).open(message["payload"]))


class FakeSender:
    """A link: what was sent, as a node would read it."""

    def __init__(self) -> None:
        self.online = True
        self.epoch = 1
        self.sent: list[dict[str, Any]] = []
        self.complaints: list[tuple[str, str]] = []
        """Session or request, and what its browser was told."""

        self.waiting: list[Deferred[None]] = []
        self.full = False

    def send(self, message: Message) -> bool:
        if self.online:
            self.sent.append(msgspec.json.decode(codec.write(message)))
        return self.online

    def complain(self, why: str, *, session_id: str | None = None, request_id: str | None = None) -> None:
        self.complaints.append((session_id or request_id or "", why))

    async def room(self) -> None:
        if self.full:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting

    def drain(self) -> None:
        """The node has read what waited."""
        self.full = False
        waiting, self.waiting = self.waiting, []
        for deferred in waiting:
            deferred.callback(None)

    def take(self) -> list[dict[str, Any]]:
        """What was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


class FakeTerminals:
    """Terminals that do what the test says."""

    def __init__(self) -> None:
        self.infos: dict[str, TerminalInfo] = {}
        self.done: list[tuple[Any, ...]] = []
        self.snapshots: list[Deferred[bytes]] = []
        self.starting: list[Deferred[None]] = []
        self.hold_start = False
        self.refusal: PeerError | None = None
        self.paused = False

    def add(self, session_id: str, user_id: str = OWNER, **fields: Any) -> TerminalInfo:
        info = TerminalInfo(
            session_id=session_id,
            agent="shell",
            cwd="/tmp",
            user_id=user_id,
            email="",
            cols=80,
            rows=24,
            created_at=1000.5,
            **fields,
        )
        self.infos[session_id] = info
        return info

    async def start_terminal(self, spec: TerminalSpec) -> TerminalInfo:
        if self.refusal is not None:
            raise self.refusal
        if self.hold_start:
            waiting: Deferred[None] = Deferred()
            self.starting.append(waiting)
            await waiting
        self.done.append(("start", spec))
        return self.add(spec.session_id, spec.user_id)

    def get(self, session_id: str) -> TerminalInfo | None:
        return self.infos.get(session_id)

    def list(self) -> list[TerminalInfo]:
        return list(self.infos.values())

    def write(self, session_id: str, data: bytes) -> None:
        self.done.append(("write", session_id, data))

    def resize(self, session_id: str, cols: int, rows: int) -> None:
        self.done.append(("resize", session_id, cols, rows))

    def kill(self, session_id: str) -> None:
        self.done.append(("kill", session_id))

    def attention_ack(self, session_id: str) -> None:
        self.done.append(("attention_ack", session_id))

    async def snapshot(self, session_id: str) -> bytes:
        if session_id not in self.infos:
            raise NotFound("session not found")
        waiting: Deferred[bytes] = Deferred()
        self.snapshots.append(waiting)
        return await waiting

    def pause_output(self) -> None:
        self.paused = True

    def resume_output(self) -> None:
        self.paused = False


class FakeRules:
    """A configuration in memory."""

    def __init__(self, **values: Any) -> None:
        self.config = WingConfig(**values)
        self.refusal: PeerError | None = None
        self.unwritable = False

    @property
    def access(self) -> Access:
        return Access(self.config, OWNER)

    @property
    def spectate(self) -> bool:
        return self.config.spectate

    def change(self, **values: Any) -> None:
        """Somebody has written another file."""
        self.config = msgspec.structs.replace(self.config, **values)

    def pin(self, person: Person, key: str) -> None:
        if self.unwritable:
            raise OperatorError("the disk is full")
        entries = msgspec.to_builtins(self.config.allow_keys)
        self.change(allow_keys=tuple(map(allow_key, allow_list.pinned(entries, person, key))))

    def working_directory(self, cwd: str | None, person: Person) -> str:
        if self.refusal is not None:
            raise self.refusal
        return cwd or "/tmp"
