"""Reads the Dockerfile and .dockerignore, as far as ours go: what is copied, run and left out."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from pathlib import Path

import attrs

from tests.deploy.case import ROOT


@attrs.frozen
class Instruction:
    """`RUN`, `COPY` and so on, with the rest of its line; continued lines are joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The JSON form's strings, or the words."""
        if self.text.startswith("["):
            found: list[str] = json.loads(self.text)
            return found
        return shlex.split(self.text)


@attrs.frozen
class Stage:
    """From one `FROM` to the next."""

    name: str
    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]

    def only(self, name: str) -> Instruction:
        """The one instruction of that name; AssertionError when there are more, or none."""
        found = self.all(name)
        assert len(found) == 1, (self.name, name, found)
        return found[0]

    def copied(self) -> list[tuple[str | None, list[str], str]]:
        """Of each `COPY`: the stage that it takes from, the sources, the target."""
        found: list[tuple[str | None, list[str], str]] = []
        for copy in self.all("COPY"):
            *flags, target = copy.words
            stage = next((word.partition("=")[2] for word in flags if word.startswith("--from=")), None)
            found.append((stage, [word for word in flags if not word.startswith("--")], target))
        return found


def stages() -> list[Stage]:
    """The stages, in order; the last is the image."""
    text = (ROOT / "Dockerfile").read_text()
    # A comment inside a continued line is not part of it.
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", " ", text)
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        instruction = Instruction(name, rest.strip())
        if name == "ARG" and not found:
            variable, _, value = instruction.text.partition("=")
            arguments["${" + variable + "}"] = value
        elif name == "FROM":
            base, _, alias = instruction.text.partition(" AS ")
            found.append(Stage(alias or "image", arguments.get(base, base), []))
        else:
            found[-1].instructions.append(instruction)
    return found


def stage(name: str) -> Stage:
    """One by its name; `image` is the last."""
    return next(stage for stage in stages() if stage.name == name)


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern counts that fits it or a folder above it."""
    parts = Path(path).parts
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        admits = pattern.startswith("!")
        if any(_fits(candidate, pattern.removeprefix("!")) for candidate in above):
            out = not admits
    return out


def _fits(path: str, pattern: str) -> bool:
    """Docker's patterns: `*` stays inside one folder, a leading `**/` is any number of folders."""
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(Path(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern)
