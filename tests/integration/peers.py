"""A wing and a browser that share no code with the package: protocol.md written once more, from its text.

They show that programs of others work against the node, and they say things that our own never would.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATIENCE_SECONDS = 15.0


class Key:
    """An X25519 key pair and the two domains of section 5."""

    def __init__(self) -> None:
        self.private = X25519PrivateKey.generate()
        self.public = base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    def _aead(self, peer: str, info: bytes) -> AESGCM:
        shared = self.private.exchange(X25519PublicKey.from_public_bytes(base64.b64decode(peer)))
        return AESGCM(HKDF(SHA256(), 32, salt=bytes(32), info=info).derive(shared))

    def seal(self, peer: str, plaintext: bytes, info: bytes = b"wt-pty") -> str:
        nonce = os.urandom(12)
        return base64.b64encode(nonce + self._aead(peer, info).encrypt(nonce, plaintext, None)).decode()

    def open(self, peer: str, message: str, info: bytes = b"wt-pty") -> bytes:
        raw = base64.b64decode(message)
        return self._aead(peer, info).decrypt(raw[:12], raw[12:], None)


class Socket:
    """A WebSocket of JSON messages."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, origin: str | None = None) -> None:
        self.socket = connect(
            url,
            additional_headers=headers or {},
            origin=origin,  # type: ignore[arg-type]
            open_timeout=PATIENCE_SECONDS,
            close_timeout=2,
            max_size=None,
            compression=None,
            legacy=True,
        )

    def say(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def hear(self, *kinds: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next message of one of these types (of any type when none is named); others are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(
                self.socket.recv(timeout=max(0.01, deadline - time.monotonic()))
            )
            if not kinds or message["type"] in kinds:
                return message

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for that long."""
        try:
            self.socket.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False

    def close_code(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the other side to close; its code."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.socket.recv(timeout=max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as end:
            assert end.rcvd is not None, "the line was cut without a close frame"
            return end.rcvd.code

    def close(self) -> None:
        self.socket.close()


class FieldWing(Socket):
    """A wing of somebody else."""

    def __init__(self, ws: str, token: str, wing_id: str | None = None, **fields: Any) -> None:
        super().__init__(f"{ws}/ws/wing", {"Authorization": f"Bearer {token}"})
        self.wing_id = wing_id or secrets.token_hex(12)
        self.key = Key()
        self.say(
            "wing.register",
            wing_id=self.wing_id,
            hostname="field",
            platform="linux",
            version="9.9",
            agents=["shell"],
            skills=None,
            labels=None,
            identities=None,
            public_key=self.key.public,
            locked=False,
            **fields,
        )
        self.ack = self.hear("registered")

    def start(self, message: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take a `pty.start` (or `pty.attach`) and answer `pty.started`."""
        message = message or self.hear("pty.start", "pty.attach")
        extra = {"viewer_id": message["viewer_id"]} if message.get("viewer_id") else {}
        self.say(
            "pty.started",
            session_id=message["session_id"],
            agent=message.get("agent", "shell"),
            public_key=self.key.public,
            **extra,
        )
        return message

    def output(self, to: dict[str, Any], plaintext: bytes, *, compressed: bool = False) -> None:
        """Send output to whoever sent `to` (its `pty.start` or `pty.attach`)."""
        data = gzip.compress(plaintext) if compressed else plaintext
        extra: dict[str, Any] = {"compressed": True} if compressed else {}
        if to.get("viewer_id"):
            extra["viewer_id"] = to["viewer_id"]
        self.say(
            "pty.output", session_id=to["session_id"], data=self.key.seal(to["public_key"], data), **extra
        )


class FieldBrowser(Socket):
    """A web app of somebody else."""

    def __init__(
        self, ws: str, headers: dict[str, str], wing_id: str = "", path: str = "/ws/pty", **options: Any
    ) -> None:
        query = f"?wing_id={wing_id}" if wing_id else ""
        super().__init__(f"{ws}{path}{query}", headers, **options)
        self.key = Key()

    def start(self, agent: str = "shell", **fields: Any) -> None:
        self.say(
            "pty.start", **{"agent": agent, "cols": 80, "rows": 24, "public_key": self.key.public, **fields}
        )

    def attach(self, session_id: str, **fields: Any) -> None:
        self.say("pty.attach", session_id=session_id, public_key=self.key.public, **fields)

    def read(self, wing_public: str, **options: Any) -> bytes:
        """The plaintext of the next `pty.output`."""
        message = self.hear("pty.output", **options)
        plaintext = self.key.open(wing_public, message["data"])
        return gzip.decompress(plaintext) if message.get("compressed") else plaintext

    def read_until(self, wing_public: str, wanted: bytes, seconds: float = PATIENCE_SECONDS) -> bytes:
        """All output up to and including the message that completes `wanted`."""
        seen = b""
        deadline = time.monotonic() + seconds
        while wanted not in seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} did not come; seen: {seen[-2000:]!r}"
            seen += self.read(wing_public, seconds=left)
        return seen

    def type(self, session_id: str, wing_public: str, plaintext: bytes) -> None:
        self.say("pty.input", session_id=session_id, data=self.key.seal(wing_public, plaintext))

    def ask(self, wing_id: str, wing_public: str, what: str, **fields: Any) -> Any:
        """One request through the tunnel and its plain answer."""
        request_id = self.request(wing_id, wing_public, what, **fields)
        answer = self.hear("tunnel.res", "error")
        assert answer["type"] == "tunnel.res", answer
        assert answer["request_id"] == request_id
        return json.loads(self.key.open(wing_public, answer["payload"], b"wt-tunnel"))

    def request(self, wing_id: str, wing_public: str, what: str, **fields: Any) -> str:
        request_id = secrets.token_hex(16)
        payload = self.key.seal(wing_public, json.dumps({"type": what, **fields}).encode(), b"wt-tunnel")
        self.say(
            "tunnel.req", wing_id=wing_id, request_id=request_id, sender_pub=self.key.public, payload=payload
        )
        return request_id
