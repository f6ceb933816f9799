"""What can be started in a terminal: the login shell and the coding agents found on PATH.

Another agent is another row of AGENTS.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.wing.folders import named

SHELL: Final = "shell"

AGENTS: Final[dict[str, tuple[str, ...]]] = {
    "claude": ("claude",),
    "codex": ("codex",),
    "gemini": ("gemini",),
    "cursor": ("cursor-agent", "agent"),
    "ollama": ("ollama",),
    "opencode": ("opencode",),
}
"""Name in the protocol -> the programs that may be it, best first."""

FALLBACK_SHELL: Final = "/bin/sh"

OUR_VARIABLES: Final = ("WINGTHING_", "WT_", "GITHUB_CLIENT_", "GOOGLE_CLIENT_", "SMTP_")
"""Prefixes of what configures this program and the server that may run beside it: tokens and keys."""

OUTER_TERMINAL: Final = frozenset(
    {
        "COLUMNS",
        "LINES",
        "TERMCAP",
        "TERM_PROGRAM",
        "TERM_PROGRAM_VERSION",
        "TERM_SESSION_ID",
        "TMUX",
        "TMUX_PANE",
        "STY",
        "WINDOW",
        "WINDOWID",
        "VTE_VERSION",
        "KITTY_WINDOW_ID",
        "KITTY_PID",
        "WEZTERM_PANE",
        "ALACRITTY_WINDOW_ID",
        "OLDPWD",
        "SHLVL",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
    }
)
"""Variables about the terminal or the service manager that the wing itself was started from."""


class Command(msgspec.Struct, frozen=True):
    """A program to run: its file, and its arguments with the name it goes by first."""

    executable: str
    arguments: list[str]


def login_shell() -> str:
    """The shell in the user's entry of the password database; /bin/sh when there is none to run.

    $SHELL is not asked: it says what the wing was started from, or nothing under a service manager.
    """
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        shell = ""
    return shell if shell and os.access(shell, os.X_OK) else FALLBACK_SHELL


def found_agents(search_path: str | None) -> list[str]:
    """What `pty.start` may name here: `shell` first, then each agent with a program on `search_path`."""
    return [SHELL, *(name for name in AGENTS if _program(name, search_path) is not None)]


def command_for(agent: str, search_path: str | None) -> Command:
    """The program of an agent.

    Raises InvalidMessage for a name that is no agent's, NotFound for one that is not installed.
    """
    if agent == SHELL:
        shell = login_shell()
        return Command(shell, ["-" + Path(shell).name])
    if agent not in AGENTS:
        known = ", ".join([SHELL, *AGENTS])
        raise InvalidMessage(f"there is no agent called {agent[:64]!r}; known are {known}")
    program = _program(agent, search_path)
    if program is None:
        names = " or ".join(AGENTS[agent])
        raise NotFound(f"{agent} is not installed on this machine: there is no {names} on its PATH")
    return Command(program, [program])


def _program(agent: str, search_path: str | None) -> str | None:
    found = (shutil.which(name, path=search_path) for name in AGENTS[agent])
    return next((str(Path(program).absolute()) for program in found if program), None)


def working_directory(cwd: str | None, allowed: Iterable[Path]) -> Path:
    """The real path of the folder that a terminal is to start in.

    `cwd` may begin with `~`; None or empty is the first of `allowed`. Raises Forbidden when it lies
    outside all of `allowed`, whether by `..`, by a symlink or openly; NotFound or InvalidMessage when
    there is no such folder.
    """
    folders = [Path(os.path.realpath(folder)) for folder in allowed]
    if not folders:
        raise Forbidden("this machine offers no folder to work in")
    if not cwd:
        chosen = folders[0]
    else:
        if "\0" in cwd:
            raise InvalidMessage("the folder's name contains a zero byte")
        wanted = Path(cwd).expanduser()
        chosen = Path(os.path.realpath(wanted if wanted.is_absolute() else folders[0] / wanted))
        if not any(chosen == folder or folder in chosen.parents for folder in folders):
            raise Forbidden(f"the folder {cwd} is outside of what this machine offers{named(folders)}")
    try:
        is_folder, exists = chosen.is_dir(), chosen.exists()
    except OSError as why:
        raise NotFound(f"the folder {chosen} cannot be used: {why.strerror}") from why
    if not exists:
        raise NotFound(f"the folder {chosen} does not exist")
    if not is_folder:
        raise InvalidMessage(f"{chosen} is not a folder")
    if not os.access(chosen, os.R_OK | os.X_OK):
        raise Forbidden(f"the folder {chosen} may not be entered")
    return chosen


def terminal_environment(wing: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """The environment of a terminal: the wing's, without what is this program's own business."""
    environment = {
        name: value
        for name, value in wing.items()
        if not name.startswith(OUR_VARIABLES) and name not in OUTER_TERMINAL
    }
    environment.update(TERM="xterm-256color", COLORTERM="truecolor", PWD=str(cwd), SHELL=login_shell())
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        user = None
    if user is not None:
        environment.setdefault("HOME", user.pw_dir)
        environment.setdefault("USER", user.pw_name)
        environment.setdefault("LOGNAME", user.pw_name)
    environment.setdefault("PATH", os.defpath)
    if not any(environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        environment["LANG"] = "C.UTF-8"
    return environment
