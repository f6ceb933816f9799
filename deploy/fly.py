"""Runs `fly` where fly.toml lies, and shows each command line before it runs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

from wingthing.errors import OperatorError

ROOT: Final = Path(__file__).resolve().parent.parent
NAMES: Final = ("fly", "flyctl")
"""What Fly's program is called: the first that is on PATH is used."""


class Fly:
    """Fly's command line."""

    def __init__(self, program: str) -> None:
        self._program = program

    @classmethod
    def find(cls) -> Fly:
        """The one that is on PATH. Raises OperatorError when there is none."""
        program = next((path for name in NAMES if (path := shutil.which(name))), None)
        if program is None:
            raise OperatorError(
                "Fly's command line is not on PATH: install flyctl (https://fly.io/docs/flyctl/install/), "
                "then 'fly auth login'."
            )
        return cls(program)

    def run_all(self, commands: list[list[str]]) -> int:
        """Run one after the other, whatever becomes of each; 0, or the exit code of the first that failed.

        Each of them sets a number that is right or not by itself, so one that fails is no reason to leave the
        others undone.
        """
        failed: list[tuple[list[str], int]] = []
        for words in commands:
            print(f"$ {shlex.join(['fly', *words])}", flush=True)
            code = subprocess.run([self._program, *words], cwd=ROOT, check=False).returncode  # noqa: S603
            if code:
                failed.append((words, code))
        if len(commands) > 1:
            for words, _code in failed:
                print(f"FAILED: {shlex.join(['fly', *words])}", flush=True)
        return failed[0][1] if failed else 0
