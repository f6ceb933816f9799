"""The Dockerfile says what it should; tests/integration/test_image.py does by hand what it says."""

from __future__ import annotations

import re
import shlex
import tomllib

from twisted.trial.unittest import TestCase

from tests.deploy.case import ROOT
from tests.deploy.dockerfile import ignored, stage, stages
from wingthing.names import FLEET_PORT, FLY_VOLUME

COMPILERS = re.compile(
    r"\b(gcc|g\+\+|clang|make|build-essential|cargo|rustc|node|npm|python3?-dev|apt-get|apk)\b"
)


class StagesTests(TestCase):
    def test_three_of_them(self) -> None:
        self.assertEqual([stage.name for stage in stages()], ["app", "wheel", "image"])

    def test_what_they_stand_on(self) -> None:
        app, wheel, image = stages()
        self.assertRegex(app.base, r"^node:\d+-\w+-slim$")
        self.assertRegex(image.base, r"^python:3\.\d+-slim-\w+$")
        # The virtual environment is taken over with its links into the interpreter.
        self.assertEqual(wheel.base, image.base)

    def test_the_python_is_one_that_is_tested(self) -> None:
        oldest = re.search(r"python_requires = >=(\S+)", (ROOT / "setup.cfg").read_text())
        assert oldest is not None
        self.assertIn(f"python:{oldest[1]}-", stage("image").base)

    def test_node_is_recent_enough(self) -> None:
        needed = re.search(r'"node": ">=(\d+)', (ROOT / "webapp" / "package.json").read_text())
        version = re.search(r"node:(\d+)", stage("app").base)
        assert needed is not None
        assert version is not None
        self.assertGreater(int(version[1]), int(needed[1]))

    def test_packages_are_installed_as_they_are_locked(self) -> None:
        self.assertIn("npm ci", stage("app").all("RUN")[0].text)

    def test_everything_comes_as_a_wheel(self) -> None:
        runs = " ".join(run.text for run in stage("wheel").all("RUN"))
        self.assertIn("--only-binary=:all:", runs)
        self.assertIn("install --no-cache-dir --no-index --find-links=/wheels wingthing", runs)

    def test_the_wheel_is_built_without_the_sources_of_the_app(self) -> None:
        """With them, file times would decide whether Node is fetched a second time."""
        for origin, sources, _target in stage("wheel").copied():
            if origin is None:
                self.assertFalse([source for source in sources if source.startswith("webapp")])


class ImageTests(TestCase):
    def setUp(self) -> None:
        self.image = stage("image")

    def test_it_runs_without_rights(self) -> None:
        user = self.image.only("USER").text
        (add,) = self.image.all("RUN")
        self.assertTrue(add.text.startswith("useradd ") and add.words[-1] == user, add)
        self.assertNotIn(user, ("root", "0"))
        after = self.image.instructions.index(self.image.only("USER"))
        self.assertFalse(
            [i for i in self.image.instructions[after:] if i.name in ("RUN", "COPY", "ENTRYPOINT")]
        )
        self.assertEqual(self.image.all("ENTRYPOINT"), [], "nothing runs before, and so nothing as root")

    def test_nothing_that_builds_is_in_it(self) -> None:
        for run in self.image.all("RUN"):
            self.assertIsNone(COMPILERS.search(run.text), run)
            self.assertNotIn("pip", run.text)
        self.assertEqual([origin for origin, _sources, _target in self.image.copied()], ["wheel"])

    def test_it_has_no_volume_of_its_own(self) -> None:
        """The directory alone makes a node login."""
        for instruction in self.image.instructions:
            self.assertNotEqual(instruction.name, "VOLUME")
            self.assertNotIn(FLY_VOLUME, instruction.text.split())

    def test_it_does_what_fly_does(self) -> None:
        fly = tomllib.loads((ROOT / "fly.toml").read_text())
        command = self.image.only("CMD").words
        self.assertEqual(command, ["wt", "serve"])
        self.assertEqual({shlex.join(command)}, set(fly["processes"].values()))
        self.assertEqual(self.image.only("EXPOSE").text, str(FLEET_PORT))

    def test_its_health_is_that_of_the_checks(self) -> None:
        health = self.image.only("HEALTHCHECK")
        (check,) = tomllib.loads((ROOT / "fly.toml").read_text())["http_service"]["checks"]
        self.assertIn(f"http://127.0.0.1:{FLEET_PORT}{check['path']}", health.text)

    def test_signals_reach_the_program(self) -> None:
        """A command in the shell form would be a shell, which does not hand SIGTERM on."""
        for name in ("CMD", "HEALTHCHECK"):
            self.assertIn("[", self.image.only(name).text)

    def test_the_program_is_on_the_path(self) -> None:
        (_origin, (source,), target) = self.image.copied()[0]
        self.assertEqual(source, target)
        self.assertIn(f"PATH={target}bin:$PATH", self.image.only("ENV").text)


class ContextTests(TestCase):
    def test_what_is_copied_is_there_and_admitted(self) -> None:
        for each in stages():
            for origin, sources, _target in each.copied():
                for source in sources if origin is None else ():
                    self.assertTrue((ROOT / source).exists(), source)
                    self.assertFalse(ignored(source.rstrip("/")), source)

    def test_what_setup_cfg_names_is_copied(self) -> None:
        copied = [
            source for origin, sources, _ in stage("wheel").copied() if origin is None for source in sources
        ]
        for name in ("LICENSE", "README.md", "setup.cfg", "pyproject.toml"):
            self.assertIn(name, copied)

    def test_nothing_else_gets_in(self) -> None:
        admitted = {path.name for path in ROOT.iterdir() if not ignored(path.name)}
        copied = {
            source.partition("/")[0]
            for each in stages()
            for origin, sources, _target in each.copied()
            if origin is None
            for source in sources
        }
        self.assertEqual(admitted, copied | {"Dockerfile"})

    def test_what_was_built_elsewhere_stays_out(self) -> None:
        for path in (
            ".git/config",
            ".env",
            "jwt_key",
            "wingthing.db",
            "tests/vectors.json",
            "webapp/node_modules/vite/package.json",
            "wingthing/web/static/app/index.html",
            "wingthing/__pycache__/names.cpython-311.pyc",
            "wingthing/wire/__pycache__/codec.cpython-311.pyc",
            "twisted/plugins/dropin.cache",
        ):
            self.assertTrue(ignored(path), path)
        for path in (
            "webapp/src/main.ts",
            "wingthing/web/static/pages.css",
            "twisted/plugins/wingthing_plugin.py",
        ):
            self.assertFalse(ignored(path), path)
