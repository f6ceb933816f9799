"""An edge that is nothing but its proxy, and a login that takes and gives any number of bytes: two programs.

`proxy_programs.py login` and `proxy_programs.py edge PORT`; each prints the port that it listens on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

PIECE = bytes(range(256)) * 256


class Login(BaseHTTPRequestHandler):
    """What the test asks of login. `?hold` waits for a request to /go before it reads or writes anything."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0
    moved: ClassVar[dict[str, int]] = {"sent": 0, "read": 0, "cut": 0}
    go: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        query = parse_qs(where.query, keep_blank_values=True)
        if where.path == "/moved":
            self._json(self.moved)
        elif where.path == "/go":
            self.go.set()
            self._json({})
        elif where.path == "/headers":
            self._json(self.headers.items())
        else:
            self._down(int(query["bytes"][0]), chunked="chunked" in query)

    def do_POST(self) -> None:
        if self.path == "/refuse":
            self.close_connection = True
            self._json({"error": "too large"}, 413)
            self._linger()
            return
        if "hold" in self.path:
            self.go.clear()
            self.go.wait()
        digest = hashlib.sha256()
        self.moved["read"] = 0
        for piece in self._pieces():
            digest.update(piece)
            self.moved["read"] += len(piece)
        self._json({"bytes": self.moved["read"], "sha256": digest.hexdigest()})

    def _linger(self) -> None:
        """Read on, as a server must that refuses early: closing on unread data takes the answer along."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(10)
        with contextlib.suppress(OSError):
            while self.connection.recv(65536):
                pass

    def _pieces(self):  # type: ignore[no-untyped-def]
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read(min(left, len(PIECE)))
            left -= len(piece)
            yield piece

    def _down(self, size: int, *, chunked: bool) -> None:
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))))
        self.end_headers()
        self.moved["sent"] = 0
        try:
            while self.moved["sent"] < size:
                piece = PIECE[: size - self.moved["sent"]]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                self.moved["sent"] += len(piece)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.moved["cut"] += 1
            self.close_connection = True

    def _json(self, value: object, status: int = 200) -> None:
        body = json.dumps(value if isinstance(value, dict) else list(value)).encode()  # type: ignore[call-overload]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def login() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Login)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def edge(login_port: int) -> None:
    from twisted.internet import reactor
    from twisted.logger import globalLogBeginner, textFileLogObserver
    from twisted.web.resource import Resource

    from wingthing.cluster.proxy import ReverseProxy
    from wingthing.web.answers import refuse
    from wingthing.web.guard import Guard
    from wingthing.web.site import BoundedRequest, QuietSite

    async def address() -> tuple[str, int]:
        return "127.0.0.1", login_port

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    proxy = ReverseProxy(reactor, login=address, edge_token=lambda: "token", refuse=refuse)
    site = QuietSite(Guard(), Resource(), reactor=reactor)
    site.requestFactory = proxy.requests(BoundedRequest)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
    print(port.getHost().port, flush=True)
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    if sys.argv[1] == "login":
        login()
    else:
        edge(int(sys.argv[2]))
