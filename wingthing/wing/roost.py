"""The server of a wing, as people name it: `https://example.org`, or `http://127.0.0.1:8080`."""

from __future__ import annotations

import ipaddress
import urllib.parse

import msgspec

from wingthing.errors import OperatorError


class Roost(msgspec.Struct, frozen=True):
    """A server's base URL in parts. `path` has no trailing slash."""

    secure: bool
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Roost:
        """Raises OperatorError when `url` is no http or https URL.

        Without a scheme it is https, and http for this machine.
        """
        text = url.strip()
        wrong = OperatorError(f"{url!r} is no address of a server: use one like https://wings.example.org.")
        bare = "://" not in text
        if bare:
            text = "https://" + text
        try:
            parts = urllib.parse.urlsplit(text)
            port = parts.port
        except ValueError as why:
            raise wrong from why
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        if scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise wrong
        if parts.username is not None or any(character.isspace() for character in text):
            raise wrong
        if port == 0:
            raise wrong
        secure = scheme == "https" and not (bare and _is_this_machine(parts.hostname))
        return cls(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/"))

    @property
    def url(self) -> str:
        """Without a trailing slash."""
        return f"http{'s' if self.secure else ''}://{self._authority}{self.path}"

    @property
    def websocket_url(self) -> str:
        """Where a wing connects: protocol.md section 2."""
        return f"ws{'s' if self.secure else ''}://{self._authority}{self.path}/ws/wing"

    def is_same(self, other: Roost) -> bool:
        """Whether both name one server: this machine has several names, and they are one."""
        return msgspec.structs.replace(self, host=_one_name(self.host)) == msgspec.structs.replace(
            other, host=_one_name(other.host)
        )

    @property
    def exposes_token(self) -> bool:
        """Whether the login would cross a network in the clear: http to another machine."""
        return not self.secure and not self.is_this_machine

    @property
    def is_this_machine(self) -> bool:
        """Whether it is addressed as this very machine."""
        return _is_this_machine(self.host)

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def _one_name(host: str) -> str:
    """The usual names of this machine as one. Not all of 127/8: another address may have another server."""
    return "localhost" if host in ("127.0.0.1", "::1") else host


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
