"""The projects under the folders of this wing: repositories, and folders in one that have an egg.yaml."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from wingthing.names import PROJECT_MARK
from wingthing.wire.wing_limits import (
    MAX_PROJECTS,
    MAX_SCAN_SECONDS,
    MAX_SCANNED_FOLDERS,
    PROJECT_DEPTH,
    PROJECT_SCAN_SECONDS,
)

REPOSITORY_MARK = ".git"
NOT_SOURCES = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
"""Folders full of other people's repositories and of no projects."""


class Project(msgspec.Struct, frozen=True):
    """A folder to open a terminal in. `mod_time` is Unix seconds."""

    name: str
    path: str
    mod_time: int


class _Folder(msgspec.Struct):
    path: str
    depth: int
    repository: str = ""
    """The path of the repository that it is in, or is."""


def find_projects(folders: list[Path], now: Callable[[], float]) -> list[Project]:
    """All projects, the one last changed first. Symlinks are not followed, hidden folders not entered.

    Blocks for MAX_SCAN_SECONDS of `now` at most: call it in a thread. What cannot be read is passed over.
    """
    deadline = now() + MAX_SCAN_SECONDS
    found: dict[str, Project] = {}
    seen: set[str] = set()
    # Breadth first: when there is too much to look at, what is near the top is what has been seen.
    waiting = deque(_Folder(str(folder), 0) for folder in folders)
    while waiting and len(seen) < MAX_SCANNED_FOLDERS and len(found) < MAX_PROJECTS and now() < deadline:
        folder = waiting.popleft()
        if folder.path in seen:
            continue
        seen.add(folder.path)
        children, names = _look(folder.path)
        if REPOSITORY_MARK in names and folder.depth <= PROJECT_DEPTH:
            folder.repository = folder.path
            found[folder.path] = _project(folder)
        elif folder.repository and PROJECT_MARK in names:
            found[folder.path] = _project(folder)
        # The children of a repository at the deepest level are still looked at for egg.yaml.
        if folder.depth < PROJECT_DEPTH or folder.repository == folder.path:
            for child in children:
                waiting.append(_Folder(child, folder.depth + 1, folder.repository))
    return sorted(found.values(), key=lambda project: (-project.mod_time, project.path))


def _look(path: str) -> tuple[list[str], set[str]]:
    """The paths of the folders to go on with, and all names."""
    children: list[str] = []
    names: set[str] = set()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                names.add(entry.name)
                if entry.name.startswith(".") or entry.name in NOT_SOURCES:
                    continue
                try:
                    entry.name.encode("utf-8")
                    if entry.is_dir(follow_symlinks=False):
                        children.append(entry.path)
                except (OSError, UnicodeEncodeError):
                    continue
    except OSError:
        return [], set()
    return children, names


def _project(folder: _Folder) -> Project:
    path = Path(folder.path)
    root = Path(folder.repository)
    # A part of a repository is called by both names: "site/blog".
    name = "/".join((root.name, *path.relative_to(root).parts)) or folder.path
    # The index changes with every add and commit, a folder only when a name in it does.
    marks = (path / REPOSITORY_MARK / "index", path)
    return Project(name, folder.path, max(_changed(mark) for mark in marks))


def _changed(path: Path) -> int:
    try:
        return int(path.stat().st_mtime)
    except OSError:
        return 0


class Projects(Service):
    """Looks for projects at the start and every minute, in a thread of the reactor's pool."""

    log = Logger()

    def __init__(self, reactor: Any, clock: IReactorTime, folders: Callable[[], list[Path]]) -> None:
        self._reactor = reactor
        self._clock = clock
        self._folders = folders
        self._loop = LoopingCall(self._scan)
        self._loop.clock = clock
        self.found: list[Project] = []
        """As of the last look."""

    def startService(self) -> None:
        super().startService()
        self._loop.start(PROJECT_SCAN_SECONDS)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _scan(self) -> Deferred[None]:
        scanning: Deferred[list[Project]] = deferToThreadPool(
            self._reactor,
            self._reactor.getThreadPool(),
            lambda: find_projects(self._folders(), self._clock.seconds),
        )

        def done(found: list[Project]) -> None:
            self.found = found

        # A LoopingCall ends for good at the first error.
        return scanning.addCallbacks(
            done, lambda why: self.log.failure("projects were not looked for", failure=why)
        )

    def inside(self, folders: list[Path]) -> list[Project]:
        """Those that lie in one of `folders`."""
        return [
            project
            for project in self.found
            if any(folder == Path(project.path) or folder in Path(project.path).parents for folder in folders)
        ]
