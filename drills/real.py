"""A real wing: `wt start` in a directory of its own, with real terminals in which a small program counts."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from drills.browser import WingName
from tests.integration.program import Program, end_eggs
from wingthing.crypto.keys import public_text
from wingthing.wing.home import DeviceToken, Home

COUNT = """\
import select, sys
count, going = 0, True
while going:
    count += 1
    print(f"n{count}.", flush=True)
    going = not select.select([sys.stdin], [], [], float(sys.argv[1]))[0]
sys.stdin.readline()
print(f"counted {count} numbers", flush=True)
"""
STOP = b"stop\r"
"""Not Ctrl-C: the kernel then throws away what the terminal has not read yet."""

PROMPT = "ready> "
COUNTED = re.compile(rb"counted (\d+) numbers.*ready> \Z", re.DOTALL)
"""The end of what a terminal shows once its program has been stopped and its shell has the word again."""

TOKEN_SECONDS = 24 * 3600


class RealWing:
    """Runs until `close`. It enters the fleet at `url`."""

    def __init__(self, home: Path, url: str, token: str) -> None:
        home.mkdir()
        files = Home(home)
        now = int(time.time())
        files.save_token(
            DeviceToken(device_token=token, issued_at=now, expires_at=now + TOKEN_SECONDS, roost=url)
        )
        self.home = home
        self.name = WingName(files.wing_id(), public_text(files.wing_key()))
        self._counter = home / "count.py"
        self._counter.write_text(COUNT)
        self.program = Program(home, "wing", "start", "--foreground", "--paths", str(home))

    def count_up(self, seconds: float) -> bytes:
        """The keys that make a terminal of this wing count, a number every so many seconds."""
        return f"PS1='{PROMPT}'; {sys.executable} -S -E {self._counter} {seconds}\r".encode()

    def tracebacks(self) -> list[str]:
        """Its logs that have a traceback in them."""
        logs = [self.program.log, *self.home.rglob("*.log")]
        return [str(log) for log in logs if log.is_file() and "Traceback" in log.read_text(errors="replace")]

    def close(self) -> None:
        """End it and its terminals."""
        try:
            self.program.stop()
        finally:
            end_eggs(self.home)
