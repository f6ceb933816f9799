"""The secret of the one-time link that lets a browser into a server without sign-in."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from pathlib import Path

from wingthing import files
from wingthing.names import LOCAL_KEY_FILE

KEY_BYTES = 32


class LocalKey:
    """The key in the file `local_key` of the data directory.

    The file is read for every use: `wt url` and an operator who deletes it need not tell the server.
    """

    def __init__(self, data_dir: Path, randomness: Callable[[int], bytes]) -> None:
        self._path = data_dir / LOCAL_KEY_FILE
        self._randomness = randomness

    def current(self) -> str:
        """The key of the next link, made when there is none. Raises OperatorError when it cannot be kept."""
        text = (files.read_secret(self._path) or "").strip()
        if not text:
            self._renew()
            text = (files.read_secret(self._path) or "").strip()
        return text

    def spend(self, key: str) -> bool:
        """Whether `key` is the current one; if so it is replaced at once and never counts again."""
        if not hmac.compare_digest(key.encode(), self.current().encode()):
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        fresh = base64.urlsafe_b64encode(self._randomness(KEY_BYTES)).decode().rstrip("=")
        files.write_text(self._path, fresh + "\n")


def link(base_url: str, key: str) -> str:
    """The link that carries a key."""
    return f"{base_url}/auth/local?key={key}"
