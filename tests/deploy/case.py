"""A `fly` that only notes how it was called, and make targets that find it in place of the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[2]

NOTED = "WT_TEST_FLY_LOG"
FAILS_ON = "WT_TEST_FLY_FAILS_ON"
FAKE = f"""#!{sys.executable} -IS
import json, os, sys
with open(os.environ[{NOTED!r}], "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), os.getcwd(), *sys.argv[1:]]) + "\\n")
sys.exit(3 if os.environ.get({FAILS_ON!r}, "nothing") in sys.argv else 0)
"""

WORDS = ("REGIONS", "COUNT", "LOGIN", "EDGE", "FORCE", "ARGS", "CHECK", "PYTHON")
NEEDED = ("bash", "sh", "env", "make", "find", "grep", "sed", "mkdir", "touch")


class FleetCase(TestCase):
    """`self.make(...)` runs a target; `self.noted()` has the command lines that reached `fly`."""

    program: str | None = "fly"
    """What the fake is called; None: it is not installed."""

    def setUp(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        self._log = folder / "fly.log"
        path = folder / "bin"
        path.mkdir()
        # Only what is needed, so that a `fly` that this machine may have is never found.
        for name in NEEDED:
            for place in ("/usr/bin", "/bin"):
                if (there := Path(place, name)).exists():
                    (path / name).symlink_to(there)
                    break
        (path / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (path / "python3").chmod(0o755)
        if self.program is not None:
            (path / self.program).write_text(FAKE)
            (path / self.program).chmod(0o755)
        # A make that runs these tests hands its own words down.
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in WORDS and not name.startswith(("MAKE", "MFLAGS", "FLY_", "WT_"))
        }
        self.environment = {**kept, "PATH": str(path), NOTED: str(self._log)}

    def run_line(self, line: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """A line as somebody types it into a shell at the top of the tree."""
        return subprocess.run(
            ["/bin/bash", "-c", line],
            cwd=ROOT,
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def ran(self, line: str, **extra: str) -> list[str]:
        """The command lines of `fly` that a line stands for, which must succeed."""
        done = self.run_line(line, **extra)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.noted()

    def refused(self, line: str) -> str:
        """The sentence of a line that must not come to anything."""
        done = self.run_line(line)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(self.noted(), [], "nothing was asked of Fly")
        self.assertNotIn("Traceback", done.stderr)
        sentence, *rest = done.stderr.splitlines()
        self.assertTrue(all(line.startswith("make:") for line in rest), done.stderr)
        return sentence

    def noted(self) -> list[str]:
        """What reached `fly` since the last look, each as one line. All of it was run beside fly.toml."""
        if not self._log.exists():
            return []
        calls = [json.loads(line) for line in self._log.read_text().splitlines()]
        self._log.unlink()
        for _name, folder, *_words in calls:
            self.assertEqual(Path(folder), ROOT)
        return [" ".join([name, *words]) for name, _folder, *words in calls]
