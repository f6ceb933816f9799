"""Finds the Chromium that the browser tests drive; run as a program, it installs it where it may.

Debian's package is installed when this is root on a machine with apt-get. Where that is not possible the
browser tests are left out, loudly; with CI=true leaving them out is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find() -> str | None:
    """The path of an installed Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's package. Raises CalledProcessError when apt-get fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "--quiet=2", *words], check=True, env=environment, stdout=sys.stderr)


def main() -> int:
    if find():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests (apt-get install chromium) ...", file=sys.stderr)
        try:
            install()
        except subprocess.CalledProcessError as why:
            print(f"apt-get failed: {why}", file=sys.stderr)
        if find():
            return 0
    print(
        "\n*** NO CHROMIUM: THE BROWSER TESTS ARE LEFT OUT. ***\n"
        "*** Install it with: sudo apt-get install chromium ***\n",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
