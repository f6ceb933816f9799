"""For every test: a working directory of its own, as trial gives it, so that nothing lands in the tree."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.getcwd()  # noqa: PTH109 - given back as it is
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)
