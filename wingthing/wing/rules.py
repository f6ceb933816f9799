"""`wing.yaml` in force: read again whenever the file changes, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from wingthing.errors import NotFound, OperatorError
from wingthing.wing import agents, allow_list
from wingthing.wing.access import Access, Person
from wingthing.wing.config import ConfigFile, PathRule, WingConfig
from wingthing.wing.folders import offered


class Rules:
    """The configuration of a running wing.

    `owner()` is the user id this machine is logged in as; `home` the user's home directory. `paths`, when
    given, stand in for those of the file. Raises OperatorError when the file is damaged at the start; a
    file that becomes damaged later is logged, and what it said before stays in force.
    """

    log = Logger()

    def __init__(
        self, file: ConfigFile, owner: Callable[[], str], home: Path, paths: tuple[PathRule, ...] = ()
    ) -> None:
        self.file = file
        self.home = home
        self._owner = owner
        self._paths = paths
        self._stamp = file.stamp()
        self._config = file.read()

    @property
    def config(self) -> WingConfig:
        """The file as it is now."""
        stamp = self.file.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._config = self.file.read()
            except OperatorError as why:
                self.log.error("{why} Until then the settings of before are in force.", why=why)
        return self._config

    @property
    def access(self) -> Access:
        """Who may do what."""
        return Access(self.config, self._owner())

    def pin(self, person: Person, key: str) -> None:
        """Write down that this passkey is the person's. Raises OperatorError when that cannot be done."""
        self.file.change(allow_keys=lambda entries: allow_list.pinned(entries, person, key))

    @property
    def spectate(self) -> bool:
        """Whether this wing lets anybody watch."""
        return self.config.spectate

    @property
    def paths_given(self) -> bool:
        """Whether the folders are those that this wing was started with, whatever the file says."""
        return bool(self._paths)

    @property
    def path_rules(self) -> tuple[PathRule, ...]:
        """The folder rules in force."""
        return self._paths or self.config.paths

    def all_folders(self) -> list[Path]:
        """The real paths of every folder that this wing offers to anybody, the default one first."""
        rules = self.path_rules
        return offered(rules, configured=bool(rules), home=self.home)

    def folders(self, person: Person) -> list[Path]:
        """Those that it offers to this person."""
        rules = self.path_rules
        return offered(self.access.open_to(person, rules), configured=bool(rules), home=self.home)

    def working_directory(self, cwd: str | None, person: Person) -> str:
        """The folder a terminal of this person starts in. Raises PeerError."""
        if cwd and cwd.startswith("~"):
            cwd = os.path.expanduser(cwd)  # noqa: PTH111 - pathlib's raises RuntimeError for a user unknown
            if cwd.startswith("~"):
                raise NotFound("there is no such folder")
        return str(agents.working_directory(cwd, self.folders(person)))

    def agents(self) -> list[str]:
        """What can be started in a terminal here."""
        return agents.found_agents(os.environ.get("PATH"))
