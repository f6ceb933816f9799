"""Asks a running rehearsal for something, from another process."""

from __future__ import annotations

import json
import socket
from typing import Any

from wingthing.errors import OperatorError
from wingthing.rehearsal.folder import Folder

ANSWER_SECONDS = 120.0
"""More than any command takes: a machine that is stopped, and started again."""


def call(folder: Folder, command: str, **arguments: object) -> Any:
    """What the rehearsal answers. Raises OperatorError with its sentence, or when none runs."""
    request = json.dumps({"command": command, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(folder.control))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except (FileNotFoundError, ConnectionRefusedError):
        raise OperatorError(
            f"No rehearsal runs in {folder.path}: start one with 'wt fleet up', or say where with --dir."
        ) from None
    except OSError as why:
        raise OperatorError(f"The rehearsal in {folder.path} does not answer: {why}.") from why
    if not line:
        raise OperatorError(f"The rehearsal in {folder.path} ended before it answered.")
    answer = json.loads(line)
    if "error" in answer:
        raise OperatorError(answer["error"])
    return answer["result"]
