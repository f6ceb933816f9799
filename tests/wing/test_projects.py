"""Projects are found within bounds, and again when there are new ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.wing.projects import Projects, find_projects
from wingthing.wire.wing_limits import MAX_PROJECTS, MAX_SCAN_SECONDS, PROJECT_SCAN_SECONDS


class ProjectsCase(TestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        self.root.mkdir()

    def repository(self, path: str) -> Path:
        folder = self.root / path
        (folder / ".git").mkdir(parents=True)
        return folder

    def found(self) -> list[str]:
        return sorted(project.name for project in find_projects([self.root], lambda: 0.0))


class FindTests(ProjectsCase):
    def test_repositories_to_depth_three(self) -> None:
        for path in ("one", "a/two", "a/b/three", "a/b/c/four"):
            self.repository(path)
        self.assertEqual(self.found(), ["one", "three", "two"])

    def test_parts_of_a_repository_with_an_egg(self) -> None:
        site = self.repository("a/b/site")
        for part in ("blog", "shop", "shop/deep"):
            (site / part).mkdir()
        for part in ("blog", "shop/deep"):
            (site / part / "egg.yaml").write_text("")
        (self.root / "plain").mkdir()
        (self.root / "plain" / "egg.yaml").write_text("")
        self.assertEqual(self.found(), ["site", "site/blog"])

    def test_the_folder_itself_and_work_trees(self) -> None:
        self.repository(".")
        (self.root / "tree").mkdir()
        (self.root / "tree" / ".git").write_text("gitdir: elsewhere")
        self.assertEqual(self.found(), sorted([self.root.name, "tree"]))

    def test_what_is_passed_over(self) -> None:
        self.repository("site/node_modules/dependency")
        self.repository(".cache/hidden")
        self.repository("real")
        (self.root / "link").symlink_to(self.root / "real")
        (self.root / "loop").symlink_to(self.root)
        (self.root / "caf\udce9").mkdir()
        unreadable = self.root / "unreadable"
        unreadable.mkdir(mode=0)
        self.addCleanup(unreadable.chmod, 0o700)
        self.assertEqual(self.found(), ["real"])
        self.assertEqual(find_projects([self.root / "nowhere"], lambda: 0.0), [])

    def test_the_last_changed_first(self) -> None:
        for name, time in (("old", 100), ("new", 300), ("middle", 200)):
            folder = self.repository(name)
            index = folder / ".git" / "index"
            index.write_text("")
            os.utime(index, (time, time))
            os.utime(folder, (1, 1))
        projects = find_projects([self.root], lambda: 0.0)
        self.assertEqual(
            [(project.name, project.mod_time) for project in projects],
            [("new", 300), ("middle", 200), ("old", 100)],
        )
        self.assertEqual(projects[0].path, str(self.root / "new"))

    def test_bounded_in_number_and_time(self) -> None:
        for number in range(MAX_PROJECTS + 10):
            self.repository(f"p{number}")
        self.assertEqual(len(self.found()), MAX_PROJECTS)
        times = iter([0.0, *[0.0] * 20, *[MAX_SCAN_SECONDS + 1] * 10])
        self.assertLess(len(find_projects([self.root], lambda: next(times))), 21)


class Threadless:
    """A reactor whose thread pool works at once."""

    def __init__(self) -> None:
        self.worked = 0

    def getThreadPool(self) -> Any:
        return self

    def callInThreadWithCallback(self, done: Any, function: Any, *args: Any) -> None:
        self.worked += 1
        try:
            done(True, function(*args))
        except Exception:
            from twisted.python.failure import Failure

            done(False, Failure())

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)


class ServiceTests(ProjectsCase):
    def test_rescans_every_minute_and_survives_an_error(self) -> None:
        clock = Clock()
        reactor = Threadless()
        broken: list[Exception] = []

        def folders() -> list[Path]:
            if broken:
                raise broken[0]
            return [self.root]

        projects = Projects(reactor, clock, folders)
        self.repository("one")
        projects.startService()
        self.addCleanup(projects.stopService)
        self.assertEqual([project.name for project in projects.found], ["one"])
        broken.append(RuntimeError("no folders"))
        self.repository("two")
        clock.advance(PROJECT_SCAN_SECONDS)
        broken.clear()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(reactor.worked, 2)
        clock.advance(PROJECT_SCAN_SECONDS)
        self.assertEqual(sorted(project.name for project in projects.found), ["one", "two"])
        self.assertEqual([p.name for p in projects.inside([self.root / "two"])], ["two"])
        projects.stopService()
        clock.advance(10 * PROJECT_SCAN_SECONDS)
        self.assertEqual(reactor.worked, 3)
        projects.startService()
        self.assertEqual(reactor.worked, 4)
