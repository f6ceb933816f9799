"""A machine's program for tests, `python stub.py --addr HOST:PORT`: an HTTP server that tells what it sees.

`STUB_FAIL` in its environment makes it end at once with a sentence, `STUB_SICK` makes /health answer 500, and
`STUB_DEAF` makes it ignore SIGINT.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body = 200, b""
        if self.path == "/health":
            status, body = (500 if "STUB_SICK" in os.environ else 200), b'{"ok":true}'
        elif self.path == "/metrics":
            body = b'wingthing_wings 3.0\nwingthing_browsers{a="1"} 1.0\nwingthing_browsers{a="2"} 1\n'
        elif self.path == "/env":
            seen = {"environment": dict(os.environ), "cwd": str(Path.cwd()), "home": os.listdir()}  # noqa: PTH208
            body = json.dumps(seen).encode()
        else:
            body = json.dumps(dict(self.headers)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def main() -> None:
    if "STUB_FAIL" in os.environ:
        sys.exit("wt: The stub was told to fail.")
    if "STUB_DEAF" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    host, _, port = sys.argv[sys.argv.index("--addr") + 1].rpartition(":")
    try:
        Path("left").touch()
        ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
    except KeyboardInterrupt:
        print("stub: SIGINT")


if __name__ == "__main__":
    main()
