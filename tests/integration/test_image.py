"""The image's steps by hand, from the Dockerfile itself: its COPY and RUN lines in folders of their own.

What a container engine would do and this does not: fetch the base images, make the user, and keep the rest of
the machine out of sight. The interpreter, pip and Node are those that the tests run with.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.deploy.case import ROOT
from tests.deploy.dockerfile import ignored, stage
from tests.integration.program import DEADLINE_SECONDS, eventually
from wingthing import __version__
from wingthing.crypto.keys import load_signing_key

NOBODY = 65534
"""Whom the program runs as when the tests run as root; otherwise it is whoever runs them."""

STEP_SECONDS = 300.0
"""How long one step of the build may take: packages come over the network."""


@attrs.frozen
class Image:
    """A folder that holds what the image holds, under the same names below it."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the image sets, and no more: a home that is not there, nothing of this machine's."""
        pairs = dict(word.partition("=")[::2] for word in stage("image").only("ENV").words)
        path = pairs.pop("PATH").replace("/opt/", f"{self.root}/opt/").replace("$PATH", "/usr/bin:/bin")
        # A copied interpreter looks for a library of its own where it came from.
        library = {"LD_LIBRARY_PATH": str(place)} if (place := self.root / "python" / "lib").exists() else {}
        return {**pairs, **library, "PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8"}

    def start(self, *words: str, log: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start a command of the image as its user would: without rights and without a home."""
        program = shutil.which(words[0], path=self.environment["PATH"])
        assert program is not None
        assert program.startswith(f"{self.root}/"), program
        root = os.geteuid() == 0
        return subprocess.Popen(
            [program, *words[1:]],
            cwd="/",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            umask=0o022,
            user=NOBODY if root else None,
            group=NOBODY if root else None,
            extra_groups=[] if root else None,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run one to its end: exit code, standard output, standard error."""
        process = self.start(*words)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, out, err

    def volume(self) -> Path:
        """A directory as Fly mounts one: the user's own, and root's `lost+found` in it."""
        place = Path(tempfile.mkdtemp(prefix="data-", dir=self.root))
        place.chmod(0o755)
        (place / "lost+found").mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        return place


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, built once."""
    with tempfile.TemporaryDirectory(prefix="wt-image-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        build(root)
        yield Image(root)


def build(root: Path) -> None:
    """The three stages. What they copy from each other lies where they expect it, below `root`."""
    tools = root / "tools"
    tools.mkdir()
    python = interpreter(root)
    # `pip` is the one of the tests: the copy of the interpreter has no packages.
    for name, command in {"python": [str(python)], "pip": [sys.executable, "-m", "pip"]}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
        (tools / name).chmod(0o755)

    copy_stage("app", root)
    # npm as the build backend finds it: a machine may have none of its own.
    shutil.copytree(ROOT / "build_backend", root / "src" / "build_backend")
    for run in stage("app").all("RUN"):
        program, *words = run.words
        assert program == "npm"
        do([sys.executable, "build_backend/webapp.py", *words], root / "src")
    built = root / "app"
    (root / "src").rename(built)

    copy_stage("wheel", root, app=built)
    assert not (root / "src" / "webapp").exists(), "Node would be fetched again"
    for run in stage("wheel").all("RUN"):
        line = run.text.replace("--no-cache-dir ", "")
        for place in ("/wheels", "/opt/"):
            line = line.replace(place, f"{root}{place}")
        do(["/bin/bash", "-ec", line], root / "src", PATH=f"{tools}:/usr/bin:/bin")

    (source, target) = stage("image").copied()[0][1:]
    assert source == [target], "it is taken over as it lies"


def interpreter(root: Path) -> Path:
    """A Python without packages that everybody may read: this one, or a copy when it lies in a home."""
    own = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid() != 0 or all(
        stat.S_IMODE(folder.stat().st_mode) & 0o005 == 0o005 for folder in (own, *own.parents)
    ):
        return own / "bin" / name
    copy = root / "python"
    left_out = shutil.ignore_patterns("site-packages", "test", "idlelib", "__pycache__", "*.a", "ensurepip")
    shutil.copytree(own / "lib" / name, copy / "lib" / name, ignore=left_out)
    (copy / "bin").mkdir()
    shutil.copy(own / "bin" / name, copy / "bin" / name)
    for library in (own / "lib").glob("libpython*.so*"):
        shutil.copy(library, copy / "lib" / library.name)
    return copy / "bin" / name


def copy_stage(name: str, root: Path, **others: Path) -> None:
    """Do the COPY lines of a stage; `others` are the folders of the stages that it takes from."""
    folder = root / stage(name).only("WORKDIR").text.lstrip("/") if name == "app" else root / "src"
    for origin, sources, target in stage(name).copied():
        into = folder / target
        for source in sources:
            if origin is not None:
                shutil.copytree(others[origin] / source.removeprefix("/src/"), into, dirs_exist_ok=True)
            elif (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, dirs_exist_ok=True, ignore=left_out_of_the_context)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / source, into)


def left_out_of_the_context(folder: str, names: list[str]) -> set[str]:
    """What .dockerignore keeps out of one folder."""
    here = Path(folder).relative_to(ROOT)
    return {name for name in names if ignored(str(here / name))}


def do(command: list[str], folder: Path, **extra: str) -> None:
    """One step of the build."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
        umask=0o022,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}"


def test_only_what_is_needed_to_run_is_there(image: Image) -> None:
    """The wheel and what it needs, all of it as wheels; no pip, and nothing that the program could change."""
    place = image.root / "opt" / "wingthing"
    wheels = {path.name.partition("-")[0].lower() for path in (image.root / "wheels").iterdir()}
    assert all(path.suffix == ".whl" for path in (image.root / "wheels").iterdir())
    assert {"wingthing", "twisted", "autobahn", "cryptography", "pyghostty"} <= wheels
    assert not {"pytest", "ruff", "mypy", "setuptools", "pip"} & wheels
    assert (place / "bin" / "wt").exists()
    assert not (place / "bin" / "pip").exists()
    assert (next(place.glob("lib/*/site-packages")) / "wingthing/web/static/app/index.html").exists()
    if os.geteuid() == 0:
        assert not [path for path in place.rglob("*") if path.stat().st_uid == NOBODY]


def test_the_program_says_its_version(image: Image) -> None:
    assert image.run("wt", "--version") == (0, f"wt, version {__version__}\n", "")


def test_a_key_is_made_without_a_home(image: Image) -> None:
    code, out, _err = image.run("wt", "keygen")
    assert code == 0
    load_signing_key(out, source="wt keygen")


def test_a_volume_that_is_not_its_own_is_one_sentence(image: Image) -> None:
    """As when the volume was filled by root."""
    if os.geteuid() == 0:
        place = image.volume()
        os.chown(place, 0, 0)
    else:
        place = Path("/nonexistent")
    code, out, err = image.run("wt", "serve", "--addr", "127.0.0.1:0", "--data-dir", str(place))
    assert code == 2, out + err
    assert str(place) in err
    assert "Traceback" not in out + err


def test_it_serves_and_ends(image: Image) -> None:
    data = image.volume()
    log = image.root / "serve.log"
    with log.open("w") as sink:
        process = image.start(
            "wt", "serve", "--addr", "127.0.0.1:0", "--data-dir", str(data), log=sink.fileno()
        )
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return (data / "server.json").exists()

        eventually(ready, "the server listens")
        url = json.loads((data / "server.json").read_text())["url"]

        told = Path(f"/proc/{process.pid}/status").read_text()
        fields = dict(line.partition(":\t")[::2] for line in told.splitlines())
        assert fields["Uid"].split() == [str(NOBODY if os.geteuid() == 0 else os.geteuid())] * 4
        if os.geteuid() == 0:
            assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
            assert fields["Groups"].split() == []

        assert json.loads(get(f"{url}/health")) == {"ok": True}
        assert healthy(image, url)
        # The app that was built in the first stage is what is served.
        assets = image.root / "app" / "wingthing" / "web" / "static" / "app" / "assets"
        script = next(assets.glob("index-*.js"))
        assert get(f"{url}/app/assets/{script.name}") == script.read_bytes()

        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(DEADLINE_SECONDS)
    assert "Traceback" not in log.read_text(), log.read_text()
    assert (data / "wingthing.db").exists()
    assert not healthy(image, url), "the health check fails when nobody answers"


def get(url: str) -> bytes:
    """The body of a page."""
    with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as answer:
        body: bytes = answer.read()
    return body


def healthy(image: Image, url: str) -> bool:
    """What HEALTHCHECK says of the server at `url`."""
    _flags, _, command = stage("image").only("HEALTHCHECK").text.partition(" CMD ")
    words: list[str] = json.loads(command)
    code, _out, _err = image.run(*(word.replace("http://127.0.0.1:8080", url) for word in words))
    return code == 0
