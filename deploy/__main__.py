"""`python -m deploy TARGET`: what the make target of that name does on Fly."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

from deploy import fleet
from deploy.fly import Fly
from wingthing.errors import OperatorError

INTERRUPTED: Final = 130
"""The exit code of a program that was ended by Ctrl-C; `fly` has had it too and has said what it left."""


def main(words: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the target; the exit code. An OperatorError is its sentence on stderr and exit code 2."""
    target = words[0] if len(words) == 1 else ""
    try:
        if target not in fleet.TARGETS:
            raise OperatorError(f"Say one of {', '.join(fleet.TARGETS)}, as in 'python -m deploy status'.")
        # What is asked for is checked before what is installed: a typing error is named on any machine.
        commands = fleet.TARGETS[target](environment)
        return Fly.find().run_all(commands)
    except OperatorError as why:
        print(f"{target or 'deploy'}: {why}", file=sys.stderr)
        return why.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
