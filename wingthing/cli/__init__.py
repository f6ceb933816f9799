"""The command line `wt`: a table of commands, each loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from wingthing import __version__
from wingthing.errors import OperatorError

COMMANDS = {
    "serve": ("wingthing.cli.serve", "serve", "Run the server on this machine."),
    "roost": ("wingthing.cli.serve", "roost", "Run the server with this machine as its first wing."),
    "url": ("wingthing.cli.url", "url", "Print the link that opens the server in a browser."),
    "user": ("wingthing.cli.user", "user", "Manage the users of this server."),
    "org": ("wingthing.cli.org", "org", "Manage the organisations of this server."),
    "backup": ("wingthing.cli.backup", "backup", "Copy the server's database while it runs."),
    "keygen": ("wingthing.cli.keygen", "keygen", "Make a key that signs tokens (WT_JWT_KEY)."),
    "login": ("wingthing.cli.login", "login", "Log this machine in to a server."),
    "logout": ("wingthing.cli.login", "logout", "Forget this machine's login."),
    "whoami": ("wingthing.cli.login", "whoami", "Show who this machine is logged in as."),
    "wing": ("wingthing.cli.wing", "wing", "Start, stop or show this machine's wing."),
    "start": ("wingthing.cli.wing", "start", "The same as 'wt wing start'."),
    "stop": ("wingthing.cli.wing", "stop", "The same as 'wt wing stop'."),
    "status": ("wingthing.cli.wing", "status", "The same as 'wt wing status'."),
    "fleet": ("wingthing.cli.fleet", "fleet", "Rehearse a fleet: a small Fly.io on this machine."),
    "doctor": ("wingthing.cli.doctor", "doctor", "Show what is set up, what is wrong and what to do."),
}
"""Name -> module, attribute, summary. The summary stands here so that help loads no command."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, not for its help line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _summary = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wt")
def wt() -> None:
    """Reach the terminals and coding agents on your own machines from any browser.

    'wt roost' is the quickest start: server and wing on this machine, and a link to open.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run `wt`. An OperatorError becomes its sentence on stderr and exit code 2, without a traceback."""
    try:
        return wt.main(args=arguments, prog_name="wt")
    except OperatorError as why:
        click.echo(f"wt: {why}", err=True)
        sys.exit(why.exit_code)
    except BrokenPipeError:
        # The reader (a pager, `head`) is gone; Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
