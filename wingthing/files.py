"""Small files that must never be seen half written, and never be read by others on the machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from wingthing.errors import OperatorError
from wingthing.names import DIR_MODE, FILE_MODE


def make_directory(path: Path) -> Path:
    """`path`, made (mode 0700) with its parents when it is missing.

    Raises OperatorError when it cannot be made, or cannot be read and written.
    """
    try:
        path.mkdir(mode=DIR_MODE, parents=True, exist_ok=True)
    except OSError as why:
        raise OperatorError(f"The directory {path} cannot be made: {why.strerror}.") from why
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise OperatorError(f"The directory {path} cannot be read and written: mend its owner or mode.")
    return path


def read_text(path: Path) -> str | None:
    """The content of a UTF-8 file; None when there is none. Raises OperatorError when it cannot be read."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as why:
        raise OperatorError(f"The file {path} is damaged: it is not text. Restore or delete it.") from why
    except OSError as why:
        raise OperatorError(f"The file {path} cannot be read: {why.strerror}.") from why


def read_secret(path: Path) -> str | None:
    """The same for a secret: what others could read is made private first."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if stat.S_IMODE(path.stat().st_mode) & ~FILE_MODE:
            path.chmod(FILE_MODE)
    return read_text(path)


def write_text(path: Path, text: str) -> None:
    """Replace a file as a whole (mode 0600): a reader sees the old content or the new.

    Raises OperatorError when the disk does not take it; the old content is then untouched.
    """
    partial = _write_beside(path, text)
    try:
        partial.replace(path)
    except OSError as why:
        partial.unlink(missing_ok=True)
        raise OperatorError(f"The file {path} cannot be written: {why.strerror}.") from why


def create_text(path: Path, text: str) -> bool:
    """Make a file that must not exist yet, as a whole; False when another process was faster.

    Raises OperatorError as `write_text` does.
    """
    partial = _write_beside(path, text)
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError as why:
        raise OperatorError(f"The file {path} cannot be written: {why.strerror}.") from why
    finally:
        partial.unlink(missing_ok=True)
    return True


def remove(path: Path) -> bool:
    """Take a file away; whether there was one. Raises OperatorError when it cannot be removed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as why:
        raise OperatorError(f"The file {path} cannot be removed: {why.strerror}.") from why
    return True


def _write_beside(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as why:
        partial.unlink(missing_ok=True)
        raise OperatorError(f"The file {path} cannot be written: {why.strerror}.") from why
    return partial
