"""From options and environment to one checked configuration of a server."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path

import attrs
import hyperlink

from wingthing import files
from wingthing.assembly.plan_config import plan_settings
from wingthing.assembly.roles import Role, decide
from wingthing.assembly.sign_in_config import sign_in
from wingthing.errors import OperatorError
from wingthing.names import (
    DEFAULT_ADDR,
    DEFAULT_DIR,
    DEFAULT_NTFY_URL,
    ENV_BASE_URL,
    ENV_DIR,
    ENV_DNS,
    ENV_FLY_APP_NAME,
    ENV_FLY_MACHINE_ID,
    ENV_FLY_REGION,
    ENV_LOGIN_ADDR,
    ENV_NTFY_URL,
    FILE_MODE,
    FLEET_ADDR,
    FLY_VOLUME,
)
from wingthing.web.plan_settings import USUAL, PlanSettings
from wingthing.web.sign_in_settings import SignIn
from wingthing.wire.internal import NO_LIMITS, Terms


@attrs.frozen
class ServerOptions:
    """What can be said on the command line, the same for `wt serve` and `twistd wingthing`."""

    addr: str | None = None
    """None: DEFAULT_ADDR, or FLEET_ADDR in a fleet."""

    data_dir: str | None = None
    base_url: str | None = None
    allow_remote: bool = False


@attrs.frozen
class FleetPlace:
    """Where this node stands in its fleet."""

    app: str
    machine: str
    region: str
    login_addr: tuple[str, int] | None
    """Where login is, when it is not found by its name."""

    dns: tuple[str, int] | None
    """The DNS server, when it is not the one of /etc/resolv.conf."""


@attrs.frozen
class Config:
    """Everything that building the service needs to know."""

    role: Role
    endpoint: str
    """A Twisted server endpoint description."""

    exposed: bool
    """Whether the endpoint can be reached from another machine."""

    data_dir: Path | None
    """None on an edge, which keeps nothing."""

    base_url: str | None
    """The public URL without a trailing slash, when it was given."""

    allow_remote: bool
    with_wing: bool = False
    """Whether a wing lives in this process (`wt roost`)."""

    wing_paths: tuple[str, ...] = ()
    """Folders for it, in place of those of wing.yaml."""

    fleet: FleetPlace | None = None
    """None on a node that is alone."""

    ntfy_url: str = DEFAULT_NTFY_URL
    """The ntfy server."""

    sign_in: SignIn | None = None
    """None in local mode: there is one user, whom a one-time link lets in."""

    plans: PlanSettings = USUAL
    """Of no account in local mode: there the one user has everything."""

    @property
    def terms(self) -> Terms:
        """The cap and the rate that hold for the users of this server, or of its fleet."""
        return NO_LIMITS if self.sign_in is None else self.plans.terms


def resolve(options: ServerOptions, environment: Mapping[str, str] = os.environ) -> Config:
    """Check the options. Raises OperatorError with one sentence for what must be put right."""
    role = decide(environment, has_volume=Path(FLY_VOLUME).is_dir())
    fleet = None if role is Role.SINGLE else fleet_place(environment)
    addr = options.addr or (DEFAULT_ADDR if fleet is None else FLEET_ADDR)
    endpoint, exposed = parse_addr(addr)
    signing_in = sign_in(environment)
    base_url = parse_base_url(options.base_url or environment.get(ENV_BASE_URL) or _fly_url(fleet))
    if signing_in is not None and base_url is None:
        raise OperatorError(
            "A server with sign-in must know its public URL, which providers and mails send people back to: "
            f"add --base-url, or set {ENV_BASE_URL}."
        )
    if fleet is None and signing_in is None and exposed and not options.allow_remote:
        raise OperatorError(
            f"Listening on {addr} would offer a shell on this machine to the network. "
            "Add --allow-remote if that is what you want; otherwise use 127.0.0.1 and an SSH tunnel."
        )
    return Config(
        role=role,
        endpoint=endpoint,
        exposed=exposed,
        data_dir=None if role is Role.EDGE else data_directory(options.data_dir, environment),
        base_url=base_url,
        allow_remote=options.allow_remote,
        fleet=fleet,
        sign_in=signing_in,
        ntfy_url=parse_ntfy_url(environment.get(ENV_NTFY_URL)),
        plans=plan_settings(environment, with_sign_in=signing_in is not None),
    )


def fleet_place(environment: Mapping[str, str]) -> FleetPlace:
    """Where this node stands, from what Fly tells it. Raises OperatorError when that is not enough."""
    missing = [name for name in (ENV_FLY_APP_NAME, ENV_FLY_MACHINE_ID) if not environment.get(name)]
    if missing:
        raise OperatorError(
            f"{missing[0]} is not set: a node of a fleet runs on Fly.io, which sets it, or in a rehearsal "
            "('wt fleet up'). To run a server on its own here, unset WT_NODE_ROLE."
        )
    login, dns = environment.get(ENV_LOGIN_ADDR), environment.get(ENV_DNS)
    return FleetPlace(
        app=environment[ENV_FLY_APP_NAME],
        machine=environment[ENV_FLY_MACHINE_ID],
        region=environment.get(ENV_FLY_REGION) or "",
        login_addr=parse_host_port(login, ENV_LOGIN_ADDR) if login else None,
        dns=parse_host_port(dns, ENV_DNS) if dns else None,
    )


def _fly_url(fleet: FleetPlace | None) -> str | None:
    return None if fleet is None else f"https://{fleet.app}.fly.dev"


def data_directory(given: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory, made (mode 0700) when it is missing.

    It is what was given, else `WINGTHING_DIR`, else on a machine of Fly.io its volume, else `~/.wingthing`.

    Raises OperatorError when it cannot be made, read or written.
    """
    on_fly = bool(environment.get(ENV_FLY_MACHINE_ID)) and Path(FLY_VOLUME).is_dir()
    usual = FLY_VOLUME if on_fly else DEFAULT_DIR
    path = Path(given or environment.get(ENV_DIR) or usual).expanduser().absolute()
    return files.make_directory(path)


def parse_host_port(text: str, source: str) -> tuple[str, int]:
    """`HOST:PORT` or `[HOST]:PORT`. Raises OperatorError naming `source`."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise OperatorError(f"{source} is {text!r}: write HOST:PORT.")
    return host.removeprefix("[").removesuffix("]"), int(port)


BACKLOG = 1024
"""Connections that the kernel keeps for a node that is busy. Twisted's 50 are few when all wings come back at
once: whoever is not among them tries again a second later."""

_MODE = re.compile(r"(?<!\\):mode=")


def parse_addr(addr: str) -> tuple[str, bool]:
    """`HOST:PORT`, `:PORT` or a Twisted endpoint string -> (endpoint string, whether it is exposed).

    Raises OperatorError for anything else.
    """
    wrong = OperatorError(
        f"--addr {addr!r} is no address: use HOST:PORT, :PORT or a Twisted endpoint such as unix:/path."
    )
    kind = addr.partition(":")[0]
    if kind == "unix":
        # Twisted's default is 0666: every user of the machine could ask.
        return addr if _MODE.search(addr) else f"{addr}:mode={FILE_MODE:o}", False
    if kind in ("tcp", "tcp6", "ssl", "tls", "systemd", "haproxy", "fd"):
        return addr, not ("interface=127." in addr or "interface=\\:\\:1" in addr)
    host, separator, port = addr.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise wrong
    host = host.removeprefix("[").removesuffix("]")
    if not host:
        # Dual stack: Linux serves IPv4 on the same socket.
        return f"tcp6:{int(port)}:interface=\\:\\::backlog={BACKLOG}", True
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
    return f"{protocol}:{int(port)}:interface={escaped}:backlog={BACKLOG}", not address.is_loopback


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


def parse_ntfy_url(given: str | None) -> str:
    """The ntfy server. Raises OperatorError when it is no http(s) URL of one."""
    if not given:
        return DEFAULT_NTFY_URL
    wrong = OperatorError(f"{ENV_NTFY_URL} is {given!r}: write scheme and host, as in {DEFAULT_NTFY_URL}.")
    try:
        url = hyperlink.parse(given)
    except (hyperlink.URLParseError, ValueError) as why:
        raise wrong from why
    if url.scheme not in ("http", "https") or not url.host or any(url.userinfo) or url.query or url.fragment:
        raise wrong
    return given.rstrip("/")
