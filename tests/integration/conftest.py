"""Fixtures: a directory for each test, and a real server that serves one module's tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.program import Server


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh directory for a server and its wing; short, for the sake of Unix socket paths."""
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One `wt serve` for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="wt-") as folder:
        running = Server(Path(folder))
        try:
            yield running
        finally:
            code = running.stop()
            assert code == 0, running.output
            assert "Traceback" not in running.output, running.output
