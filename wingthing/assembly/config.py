"""From options and environment to one checked configuration of a server."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

import attrs
import hyperlink

from wingthing import files
from wingthing.assembly.roles import Role, decide
from wingthing.errors import OperatorError
from wingthing.names import (
    DEFAULT_ADDR,
    DEFAULT_DIR,
    ENV_BASE_URL,
    ENV_DIR,
    FLY_VOLUME,
    SIGN_IN_VARIABLES,
)


@attrs.frozen
class ServerOptions:
    """What can be said on the command line, the same for `wt serve` and `twistd wingthing`."""

    addr: str = DEFAULT_ADDR
    data_dir: str | None = None
    base_url: str | None = None
    allow_remote: bool = False


@attrs.frozen
class Config:
    """Everything that building the service needs to know."""

    role: Role
    endpoint: str
    """A Twisted server endpoint description."""

    exposed: bool
    """Whether the endpoint can be reached from another machine."""

    data_dir: Path
    base_url: str | None
    """The public URL without a trailing slash, when it was given."""

    allow_remote: bool
    with_wing: bool = False
    """Whether a wing lives in this process (`wt roost`)."""

    wing_paths: tuple[str, ...] = ()
    """Folders for it, in place of those of wing.yaml."""


def resolve(options: ServerOptions, environment: Mapping[str, str] = os.environ) -> Config:
    """Check the options. Raises OperatorError with one sentence for what must be put right."""
    role = decide(environment, has_volume=Path(FLY_VOLUME).is_dir())
    if role is not Role.SINGLE:
        raise OperatorError(
            f"The role '{role}' belongs to a fleet, and this release runs a single node only: "
            "set WT_NODE_ROLE=single to run one here."
        )
    endpoint, exposed = parse_addr(options.addr)
    for name in SIGN_IN_VARIABLES:
        if environment.get(name):
            raise OperatorError(
                f"{name} configures a sign-in provider, and this release has none yet: unset it to run with "
                "one local user."
            )
    if exposed and not options.allow_remote:
        raise OperatorError(
            f"Listening on {options.addr} would offer a shell on this machine to the network. "
            "Add --allow-remote if that is what you want; otherwise use 127.0.0.1 and an SSH tunnel."
        )
    return Config(
        role=role,
        endpoint=endpoint,
        exposed=exposed,
        data_dir=data_directory(options.data_dir, environment),
        base_url=parse_base_url(options.base_url or environment.get(ENV_BASE_URL)),
        allow_remote=options.allow_remote,
    )


def data_directory(given: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory, made (mode 0700) when it is missing.

    Raises OperatorError when it cannot be made, read or written.
    """
    path = Path(given or environment.get(ENV_DIR) or DEFAULT_DIR).expanduser().absolute()
    return files.make_directory(path)


def parse_addr(addr: str) -> tuple[str, bool]:
    """`HOST:PORT`, `:PORT` or a Twisted endpoint string -> (endpoint string, whether it is exposed).

    Raises OperatorError for anything else.
    """
    wrong = OperatorError(
        f"--addr {addr!r} is no address: use HOST:PORT, :PORT or a Twisted endpoint such as unix:/path."
    )
    kind = addr.partition(":")[0]
    if kind in ("tcp", "tcp6", "ssl", "tls", "unix", "systemd", "haproxy", "fd"):
        return addr, not (kind == "unix" or "interface=127." in addr or "interface=\\:\\:1" in addr)
    host, separator, port = addr.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise wrong
    host = host.removeprefix("[").removesuffix("]")
    if not host:
        # Dual stack: Linux serves IPv4 on the same socket.
        return f"tcp6:{int(port)}:interface=\\:\\:", True
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise OperatorError(
            f"--addr {addr!r}: {host!r} is not an IP address. Use one of this machine's, or 127.0.0.1."
        ) from None
    escaped = str(address).replace(":", "\\:")
    protocol = "tcp6" if address.version == 6 else "tcp"
    return f"{protocol}:{int(port)}:interface={escaped}", not address.is_loopback


def parse_base_url(given: str | None) -> str | None:
    """The public URL, without a trailing slash. Raises OperatorError when it is no http(s) URL."""
    if not given:
        return None
    try:
        url = hyperlink.parse(given)
    except (hyperlink.URLParseError, ValueError) as why:
        raise OperatorError(f"--base-url {given!r} is not a URL.") from why
    if url.scheme not in ("http", "https") or not url.host or url.path not in ((), ("",)) or url.query:
        raise OperatorError(
            f"--base-url {given!r}: write scheme and host only, as in https://wt.example.com."
        )
    return given.rstrip("/")
