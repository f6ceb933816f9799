"""An ntfy server and a push service on loopback: real HTTP, and what came is kept.

Written from their documents (docs.ntfy.sh; RFC 8030, 8188, 8291, 8292); shares no code with the package.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@attrs.frozen
class Request:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Takes every POST, and answers as it is told to."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.status = 201
        self.answer_headers: dict[str, str] = {}
        self.words = b"ok"
        self.delay = 0.0
        """How long it takes for an answer."""

        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0))
                sent = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, sent, body))
                time.sleep(receiver.delay)
                self.send_response(receiver.status)
                for name, value in receiver.answer_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.words)))
                self.end_headers()
                self.wfile.write(receiver.words)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Browser:
    """A browser's end of Web Push: its keys, its endpoint at a service, and what it makes of a push."""

    def __init__(self, service: str, name: str = "browser") -> None:
        self.endpoint = f"{service}/push/{name}"
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"0123456789abcdef"

    def subscription(self) -> dict[str, Any]:
        """As PushSubscription.toJSON gives it."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint,
            "expirationTime": None,
            "keys": {"p256dh": _base64url(point), "auth": _base64url(self.auth)},
        }

    def read(self, request: Request, server_key: str, service: str) -> Any:
        """The payload of a push. Raises when it is for another browser, or of a server with another key."""
        scheme, _, words = request.headers["authorization"].partition(" ")
        said = dict(word.strip().split("=", 1) for word in words.split(","))
        assert scheme == "vapid"
        assert said["k"] == server_key, "another server's key: the service would answer 403"
        point = base64.urlsafe_b64decode(said["k"] + "=" * (-len(said["k"]) % 4))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        claims = jwt.decode(said["t"], key, algorithms=["ES256"], audience=service)
        assert 0 < claims["exp"] - time.time() <= 24 * 3600
        assert request.headers["content-encoding"] == "aes128gcm"
        assert int(request.headers["ttl"]) > 0
        plain = http_ece.decrypt(
            request.body, private_key=self.private, auth_secret=self.auth, version="aes128gcm"
        )
        return json.loads(plain)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
