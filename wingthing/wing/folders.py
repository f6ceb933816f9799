"""The folders that this wing offers, and what is in them. Neither `..` nor a symlink leads outside."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from wingthing.errors import Forbidden, InvalidMessage, NotFound
from wingthing.wing.config import PathRule
from wingthing.wire.wing_limits import MAX_DIR_ENTRIES

MOST_NAMED = 4
"""Folders that are named in one sentence."""


class DirEntry(msgspec.Struct, frozen=True):
    """A line of `dir.list`."""

    name: str
    is_dir: bool
    path: str


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to `dir.list`. The rest is an extension: `truncated` says that there was more than is
    listed, `hidden` that folders were left out because their names begin with a dot."""

    entries: list[DirEntry]
    truncated: bool = False
    hidden: bool = False


def offered(rules: tuple[PathRule, ...], *, configured: bool, home: Path) -> list[Path]:
    """The real paths of the folders in `rules`; the home directory when wing.yaml names none at all."""
    if not configured:
        return [Path(os.path.realpath(home))]
    return [Path(os.path.realpath(home / os.path.expanduser(rule.path))) for rule in rules]  # noqa: PTH111


def contained(path: str, folders: list[Path], *, home: Path) -> Path:
    """The real path of `path` (absolute, `~`, or relative to the first folder).

    Raises Forbidden when it is not in one of `folders`, whether or not it exists; InvalidMessage when it is
    no path at all.
    """
    if "\0" in path or len(path) > os.pathconf("/", "PC_PATH_MAX"):
        raise InvalidMessage("this is not the name of a folder")
    if path == "~" or path.startswith("~/"):
        wanted = home / path[2:]
    else:
        wanted = folders[0] / path if folders else Path("/")
    real = Path(os.path.realpath(wanted))
    if not any(real == folder or folder in real.parents for folder in folders):
        raise Forbidden(f"this folder is outside of what this machine offers{named(folders)}")
    return real


def named(folders: list[Path]) -> str:
    """The end of a sentence that says which folders are offered."""
    if not folders:
        return ""
    more = f" and {len(folders) - MOST_NAMED} more" if len(folders) > MOST_NAMED else ""
    return ": " + ", ".join(str(folder) for folder in folders[:MOST_NAMED]) + more


def list_folder(path: str, folders: list[Path], *, home: Path, hidden: bool = False) -> Listing:
    """What is in a folder: folders first, then files, by name; hidden ones only when asked for.

    Without a path: the only folder that is offered, else all of them. A symlink that leads outside is a
    file. Raises Forbidden, NotFound, InvalidMessage. Blocks: call it in a thread.
    """
    if not path and len(folders) != 1:
        return Listing([DirEntry(str(folder), True, str(folder)) for folder in folders])
    real = contained(path, folders, home=home)
    entries: list[DirEntry] = []
    truncated = left_out = False
    try:
        with os.scandir(real) as found:
            for item in found:
                if item.name.startswith(".") and not hidden:
                    left_out = left_out or _is_folder(item, folders)
                    continue
                if len(entries) >= MAX_DIR_ENTRIES:
                    truncated = True
                    break
                # A name that is not UTF-8 could not be written as JSON, nor be asked for again.
                if not _is_text(item.name):
                    continue
                entries.append(DirEntry(item.name, _is_folder(item, folders), str(real / item.name)))
    except FileNotFoundError as why:
        raise NotFound("there is no such folder") from why
    except NotADirectoryError as why:
        raise InvalidMessage("this is not a folder") from why
    except OSError as why:
        raise Forbidden(f"this folder cannot be read: {why.strerror}") from why
    entries.sort(key=lambda entry: (not entry.is_dir, entry.name.casefold(), entry.name))
    return Listing(entries, truncated, left_out)


def _is_folder(item: os.DirEntry[str], folders: list[Path]) -> bool:
    try:
        if not item.is_symlink():
            return item.is_dir(follow_symlinks=False)
        if not item.is_dir():
            return False
        real = Path(os.path.realpath(item.path))
    except OSError:
        return False
    return any(real == folder or folder in real.parents for folder in folders)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
