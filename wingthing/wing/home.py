"""The wing's directory: machine id, key and login, in the files of protocol.md section 6.

Wing programs written by others keep the same files, so one can take over from the other.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from wingthing import files
from wingthing.crypto.keys import dump_wing_key, load_wing_key, new_wing_key
from wingthing.errors import OperatorError
from wingthing.names import (
    DEFAULT_ADDR,
    DEFAULT_DIR,
    DEVICE_TOKEN_FILE,
    ENV_DIR,
    SERVER_FILE,
    WING_CONFIG_FILE,
    WING_ID_FILE,
    WING_KEY_FILE,
)
from wingthing.wing.config import ConfigFile
from wingthing.wing.roost import Roost

WING_ID = re.compile(r"[0-9a-fA-F]{20,32}\Z")
WING_ID_BYTES = 12


class DeviceToken(msgspec.Struct, frozen=True, kw_only=True):
    """This machine's login. Times are Unix seconds; 0 where the file does not say."""

    device_token: str
    expires_at: int = 0
    issued_at: int = 0
    device_id: str = ""
    public_key: str = ""
    roost: str = ""
    """URL of the server that gave it, the only one that may see it. Files of other programs do not say."""


@attrs.frozen
class Home:
    """The files of one wing. Every method raises OperatorError for a file that is damaged or unusable."""

    directory: Path

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> Home:
        """The directory of `$WINGTHING_DIR`, else `~/.wingthing`; made (0700) when it is missing."""
        path = Path(environment.get(ENV_DIR) or DEFAULT_DIR).expanduser().absolute()
        return cls(files.make_directory(path))

    def roost(self, given: str | None = None) -> Roost:
        """The server of this wing: `given`, else wing.yaml's, else the one that runs beside it, else the one
        that its login is from, else the usual one of this machine."""
        named = given or self.config.read().roost
        if named:
            return Roost.parse(named)
        note = files.read_text(self.directory / SERVER_FILE)
        try:
            beside = msgspec.json.decode(note or "{}", type=dict[str, Any]).get("url")
        except msgspec.DecodeError:
            beside = None
        return Roost.parse(str(beside or self._roost_of_login() or f"http://{DEFAULT_ADDR}"))

    def _roost_of_login(self) -> str:
        # A damaged login is told of where a login is needed; `wt login` replaces it.
        with contextlib.suppress(OperatorError):
            token = self.token()
            return token.roost if token is not None else ""
        return ""

    @property
    def config(self) -> ConfigFile:
        """`wing.yaml`."""
        return ConfigFile(self.directory / WING_CONFIG_FILE)

    def known_wing_id(self) -> str | None:
        """The machine id, or None when this machine has none yet.

        `wing_id` in wing.yaml, where somebody has put it, wins over the file `wing-id`.
        """
        named = self.config.read().wing_id
        if named:
            return _checked_id(named, self.directory / WING_CONFIG_FILE)
        path = self.directory / WING_ID_FILE
        text = files.read_text(path)
        return None if text is None else _checked_id(text.strip(), path)

    def wing_id(self) -> str:
        """The machine id, made and kept for ever when there is none."""
        known = self.known_wing_id()
        if known is not None:
            return known
        files.create_text(self.directory / WING_ID_FILE, secrets.token_hex(WING_ID_BYTES) + "\n")
        made = self.known_wing_id()
        assert made is not None
        return made

    def known_wing_key(self) -> X25519PrivateKey | None:
        """The private key, or None when this machine has none yet."""
        path = self.directory / WING_KEY_FILE
        text = files.read_secret(path)
        return None if text is None else load_wing_key(text, source=f"The file {path}")

    def wing_key(self) -> X25519PrivateKey:
        """The private key, made when there is none. A damaged one is never replaced."""
        known = self.known_wing_key()
        if known is not None:
            return known
        files.create_text(self.directory / WING_KEY_FILE, dump_wing_key(new_wing_key()) + "\n")
        made = self.known_wing_key()
        assert made is not None
        return made

    def token(self) -> DeviceToken | None:
        """This machine's login, or None when it has none."""
        path = self.directory / DEVICE_TOKEN_FILE
        text = files.read_secret(path)
        if text is None:
            return None
        damaged = OperatorError(f"The file {path} is damaged: run 'wt logout' and then 'wt login'.")
        try:
            said = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as why:
            raise damaged from why
        if not isinstance(said, dict) or not isinstance(said.get("device_token"), str):
            raise damaged
        if not said["device_token"].strip():
            raise damaged
        roost = str(said.get("roost") or "")
        try:
            if roost:
                Roost.parse(roost)
            return DeviceToken(
                device_token=said["device_token"].strip(),
                expires_at=unix_seconds(said.get("expires_at")),
                issued_at=unix_seconds(said.get("issued_at")),
                device_id=str(said.get("device_id") or ""),
                public_key=str(said.get("public_key") or ""),
                roost=roost,
            )
        except (ValueError, OperatorError) as why:
            raise damaged from why

    def issuer(self, token: DeviceToken) -> Roost | None:
        """The server that gave a login; None when nothing says which. A file of another program does not,
        and then it is the server that wing.yaml names."""
        named = token.roost or self.config.read().roost
        return Roost.parse(named) if named else None

    def login_is_for(self, token: DeviceToken, roost: Roost) -> bool:
        """Whether a login may be shown to a server: it is as good as a password there."""
        issuer = self.issuer(token)
        return issuer is None or issuer.is_same(roost)

    def login_at(self, roost: Roost) -> DeviceToken:
        """This machine's login at a server. Raises OperatorError also when it is another server's."""
        token = self.token()
        if token is None or not self.login_is_for(token, roost):
            raise OperatorError(
                f"This machine is not logged in to {roost.url}: run 'wt login --roost {roost.url}' first."
            )
        return token

    def save_token(self, token: DeviceToken) -> None:
        """Keep a login (mode 0600)."""
        text = yaml.safe_dump(msgspec.to_builtins(token), sort_keys=False)
        files.write_text(self.directory / DEVICE_TOKEN_FILE, text)

    def forget_token(self) -> bool:
        """Forget the login, damaged or not; whether there was one."""
        return files.remove(self.directory / DEVICE_TOKEN_FILE)


def unix_seconds(value: Any) -> int:
    """A time as it is found in files of others: a Unix number, an ISO 8601 string, a YAML timestamp, nothing.

    Raises ValueError for anything else. The year 1, which is "no time" in some programs, is 0.
    """
    if value is None or value == "":
        return 0
    if isinstance(value, str):
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return int(float(value))
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, bool):
        raise ValueError("a time cannot be true or false")
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.UTC)
        return max(0, int((value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds()))
    if isinstance(value, datetime.date):
        return unix_seconds(datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC))
    raise ValueError(f"not a time: {value!r}")


def _checked_id(text: str, path: Path) -> str:
    if WING_ID.match(text) is None:
        raise OperatorError(
            f"The machine id in {path} is damaged: it must be 20 to 32 hex digits. Restore it, or delete it "
            "to become a new machine."
        )
    return text
