"""nginx as a reverse proxy, to hold the edge's own against: one process, on loopback, in a temporary folder.

Run as a program it installs Debian's package where it may, as `tests/browser/chromium.py` does for Chromium.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

PATIENCE_SECONDS = 20.0
PATHS = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin")
HOST = "127.0.0.1"

CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 100000000;
  sendfile on;
  tcp_nodelay on;
  upstream login {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://login;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }}
  }}
}}
"""


class NoNginx(Exception):
    """There is none on this machine."""


@attrs.frozen
class Running:
    """An nginx that passes everything on."""

    port: int
    pid: int


def find() -> str | None:
    """The path of an installed nginx, or None."""
    return shutil.which("nginx", path=os.pathsep.join(PATHS))


def install() -> None:
    """Install Debian's package, and do not let it start its service. Raises CalledProcessError."""
    # invoke-rc.d starts nothing in runlevel 1.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "nginx"]):
        subprocess.run(["apt-get", "--quiet=2", *words], check=True, env=environment, stdout=sys.stderr)


def found_or_installed() -> str:
    """The path of nginx, installed if that may be. Raises NoNginx, and says how to get one."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing nginx to compare with (apt-get install nginx) ...", file=sys.stderr)
        try:
            install()
        except subprocess.CalledProcessError as why:
            print(f"apt-get failed: {why}", file=sys.stderr)
    path = find()
    if path is None:
        raise NoNginx("nginx is not installed (sudo apt-get install nginx)")
    return path


def configuration(folder: Path, port: int, upstream: str) -> str:
    """nginx.conf: requests to `port` go to `upstream` (HOST:PORT), bodies are streamed both ways as an edge
    streams them, and nothing is written outside of `folder`."""
    return CONFIGURATION.format(folder=folder, port=port, upstream=upstream, host=HOST)


@contextmanager
def nginx(upstream: str) -> Iterator[Running]:
    """An nginx before `upstream`. Raises NoNginx."""
    path = found_or_installed()
    with tempfile.TemporaryDirectory(prefix="wt-bench-") as name:
        folder = Path(name)
        port = free_port()
        config = folder / "nginx.conf"
        config.write_text(configuration(folder, port, upstream))
        words = [path, "-e", str(folder / "error.log"), "-p", name, "-c", str(config)]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        try:
            _wait_for(port, process, folder / "error.log")
            yield Running(port, process.pid)
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                told = log.read_text() if log.exists() else ""
                raise RuntimeError(f"nginx did not start: {told}") from None
            time.sleep(0.05)
        else:
            return
