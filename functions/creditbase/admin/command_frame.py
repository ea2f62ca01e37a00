"""The frame of the command line: groups of commands, each with what it runs."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - unnamed
Command = Callable[[argparse.Namespace], None]


class CommandFailed(Exception):
    """The command has done what it could, and the result is no good; the text says why."""


def add_group(groups: Group, name: str, text: str) -> Group:
    """Add a group of commands."""
    parser = groups.add_parser(name, help=text, description=text, allow_abbrev=False)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def add_command(group: Group, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    """Add a command to a group."""
    parser = group.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser
