"""The project's own files agree with each other."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[1]
MAX_LINES = 400
PLUGIN_LINES = 10


def sources(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "node_modules" not in path.parts]


class PackagingTests(TestCase):
    def setUp(self) -> None:
        self.config = configparser.ConfigParser()
        self.config.read(ROOT / "setup.cfg")
        self.listed = self.config["options"]["packages"].split()

    def test_no_package_is_listed_twice(self) -> None:
        self.assertEqual(len(self.listed), len(set(self.listed)))

    def test_every_listed_package_exists(self) -> None:
        for name in self.listed:
            self.assertTrue((ROOT / name.replace(".", "/")).is_dir(), name)

    def test_every_package_is_listed(self) -> None:
        with_code = {
            ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "wingthing").rglob("*.py")
        }
        self.assertEqual(with_code - set(self.listed), set())

    def test_every_package_of_ours_is_a_package(self) -> None:
        for path in sources("wingthing"):
            self.assertTrue((path.parent / "__init__.py").is_file(), path)

    def test_the_plugin_folder_stays_open_to_others(self) -> None:
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse((ROOT / folder / "__init__.py").exists())

    def test_data_files_are_packed(self) -> None:
        """A file that is no module is not installed unless a pattern names it."""
        patterns = {
            package: [entry.strip() for entry in value.split(",")]
            for package, value in self.config["options.package_data"].items()
        }
        for package in self.listed:
            folder = ROOT / package.replace(".", "/")
            for path in folder.iterdir() if package.startswith("wingthing") else ():
                if path.is_file() and path.suffix != ".py":
                    self.assertTrue(
                        any(path.match(pattern) for pattern in patterns.get(package, ())),
                        f"{path.relative_to(ROOT)} would not be installed",
                    )

    def test_the_commands_exist(self) -> None:
        for line in self.config["options.entry_points"]["console_scripts"].split("\n"):
            if not line.strip():
                continue
            module, _, function = line.partition("=")[2].strip().partition(":")
            path = ROOT / module.replace(".", "/")
            source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
            names = {
                node.name
                for node in ast.parse(source.read_text("utf-8")).body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            self.assertIn(function, names)


class ModuleTests(TestCase):
    def test_no_module_has_grown_too_long(self) -> None:
        long = [
            f"{path.relative_to(ROOT)}: {count}"
            for path in sources("wingthing") + sources("twisted")
            if (count := len(path.read_text("utf-8").splitlines())) > MAX_LINES
        ]
        self.assertEqual(long, [])

    def test_the_plugin_names_the_maker_and_does_nothing_else(self) -> None:
        plugin = ROOT / "twisted" / "plugins" / "wingthing_plugin.py"
        self.assertLessEqual(len(plugin.read_text("utf-8").splitlines()), PLUGIN_LINES)
        self.assertIn("wingthing.assembly.tap", plugin.read_text("utf-8"))

    def test_every_module_says_what_it_is_for(self) -> None:
        for path in sources("wingthing"):
            tree = ast.parse(path.read_text("utf-8"), str(path))
            self.assertTrue(not tree.body or ast.get_docstring(tree), path.relative_to(ROOT))

    def test_every_folder_of_tests_is_a_package(self) -> None:
        """Otherwise `trial tests` does not find it."""
        for path in sources("tests"):
            self.assertTrue((path.parent / "__init__.py").is_file(), path)
