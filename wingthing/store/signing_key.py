"""The keys of a node with a disk: `WT_JWT_KEY`, else a file of the data directory that is made once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from wingthing import files
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import dump_signing_key, load_signing_key, new_signing_key
from wingthing.names import ENV_JWT_KEY, JWT_KEY_FILE


def signing_keys(data_dir: Path, environment: Mapping[str, str] = os.environ) -> KeyRing:
    """The keys of this node. Raises OperatorError when what is there is no P-256 key."""
    given = environment.get(ENV_JWT_KEY)
    if given:
        return KeyRing.of(load_signing_key(given, source=ENV_JWT_KEY), environment)
    path = data_dir / JWT_KEY_FILE
    text = files.read_secret(path)
    if text is None:
        files.create_text(path, dump_signing_key(new_signing_key()) + "\n")
        text = files.read_secret(path)
    key = load_signing_key(text or "", source=f"The file {path}", advice=MEND)
    return KeyRing.of(key, environment)


MEND = "put the backup back, or delete it to make a new key (all wings must then log in again)"
