"""Runs a command in this process, with a directory of its own and nothing of this machine's."""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner, Result
from twisted.trial.unittest import TestCase

from wingthing.cli import wt
from wingthing.errors import OperatorError
from wingthing.names import ENV_DIR
from wingthing.wing.home import DeviceToken, Home


class CommandCase(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        before = os.environ.get(ENV_DIR)
        os.environ[ENV_DIR] = str(self.directory)
        self.addCleanup(self._put_back, before)
        self.home = Home.find()

    def _put_back(self, directory: str | None) -> None:
        if directory is None:
            del os.environ[ENV_DIR]
        else:
            os.environ[ENV_DIR] = directory

    def wt(self, *words: str) -> Result:
        """A command that is to end well, or with an exit code of its own."""
        result = CliRunner().invoke(wt, list(words))
        if isinstance(result.exception, OperatorError):
            raise result.exception
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def refused(self, *words: str) -> str:
        """The sentence of a command that cannot do what it is asked."""
        return str(self.assertRaises(OperatorError, self.wt, *words))

    def log_in(self, token: str = "opaque") -> None:
        self.home.save_token(DeviceToken(device_token=token, expires_at=2_000_000_000))
