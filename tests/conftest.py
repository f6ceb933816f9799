"""For every test: a working directory of its own, as trial gives it, so that nothing lands in the tree.

Tests of real processes and a real browser get a second and a third try: on a busy machine time itself fails
them now and then. The summary names each one that needed it, so that what fails often is seen and mended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REAL_TIME = ("integration", "browser")
"""Folders of tests whose clock is the machine's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in REAL_TIME:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.getcwd()  # noqa: PTH109 - given back as it is
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)
