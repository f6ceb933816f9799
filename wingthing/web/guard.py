"""What every HTTP request and every WebSocket upgrade must pass before anything looks at it.

- `Host` must be a name that this server serves: a page that lets its own DNS name point at this machine (DNS
  rebinding) gets nowhere.
- `Origin` must be this server for every write and every WebSocket that carries one, and must be there for a
  write with the login cookie: browsers send it with each of those, so what lacks it is either no browser, and
  then it has no cookie to abuse, or is refused.
"""

from __future__ import annotations

import ipaddress
import socket

import attrs
import hyperlink

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def machine_names() -> frozenset[str]:
    """The names under which other machines know this one."""
    name = socket.gethostname().lower()
    return frozenset({name, f"{name.partition('.')[0]}.local", socket.getfqdn().lower()})


@attrs.frozen
class Guard:
    """What this server serves. `base_url` is its public URL if it has one."""

    base_url: str | None = None
    allow_remote: bool = False
    names: frozenset[str] = frozenset()
    """Further host names that are served with `allow_remote`."""

    def host_allowed(self, host: str) -> bool:
        """Whether a request with this `Host` header is for us. The port may be any: tunnels change it."""
        name = host_name(host)
        if name is None:
            return False
        if name == "localhost" or name.endswith(".localhost") or self._is_public_name(name):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return self.allow_remote and name in self.names
        return address.is_loopback or self.allow_remote

    def origin_allowed(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may write here, or open a WebSocket, on a request with `host`."""
        scheme, separator, authority = origin.lower().partition("://")
        if not separator or scheme not in ("http", "https") or not self.host_allowed(authority):
            return False
        if self.base_url is not None:
            public = self.base_url.lower()
            if origin.lower() == public:
                return True
            if authority == public.partition("://")[2]:
                # The public name in clear text where the server is reached through TLS: anybody on the way.
                return False
        return authority == host.lower()

    def write_refused(self, *, method: str, origin: str | None, host: str, has_cookie: bool) -> bool:
        """Whether a request is a write that a foreign page may be behind."""
        if method in SAFE_METHODS:
            return False
        if origin is None:
            return has_cookie
        return not self.origin_allowed(origin, host)

    def _is_public_name(self, name: str) -> bool:
        return self.base_url is not None and hyperlink.parse(self.base_url).host.lower() == name


def host_name(host: str) -> str | None:
    """The name in a `Host` header, lower case, without port and brackets; None when it is malformed."""
    text = host.strip().lower()
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    if port and not port.isdecimal():
        return None
    return name.rstrip(".") or None
