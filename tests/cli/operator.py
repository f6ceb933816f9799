"""Runs one `wt` command inside the test, with a data directory of its own."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import attrs
from twisted.trial.unittest import TestCase

from wingthing.cli import main


@attrs.frozen
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


class OperatorCase(TestCase):
    """A test of commands that need no running server."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.data_dir.mkdir(parents=True, mode=0o700)
        self.setenv("WINGTHING_DIR", str(self.data_dir / "not this one"))
        self.setenv("WT_JWT_KEY", "")

    def setenv(self, name: str, value: str) -> None:
        """Set an environment variable until the end of the test."""
        before = os.environ.get(name)
        os.environ[name] = value
        self.addCleanup(
            lambda: os.environ.pop(name, None) if before is None else os.environ.update({name: before})
        )

    def wt(self, *words: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main([*words, "--data-dir", str(self.data_dir)])
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    def refused(self, *words: str) -> str:
        """The one sentence of a command that must end with exit code 2."""
        outcome = self.wt(*words)
        self.assertEqual((outcome.code, outcome.out), (2, ""), outcome)
        self.assertTrue(outcome.err.startswith("wt: "), outcome.err)
        self.assertEqual(outcome.err.count("\n"), 1, outcome.err)
        self.assertNotIn("Traceback", outcome.err)
        return outcome.err
