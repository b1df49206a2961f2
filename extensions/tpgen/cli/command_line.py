"""The parser of the command line: the commands of tpgen, and one for each kind of the service."""

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tpgen.core import policy, service
from tpgen.core.commands import COMMANDS
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind

from . import component


class Parser(argparse.ArgumentParser):
    """A parser that raises `UserError` with the likely intended command."""

    def error(self, message: str) -> NoReturn:
        invalid = r"argument COMMAND: invalid choice: '(.*)' \(choose from (.*)\)"
        if found := re.fullmatch(invalid, message):
            word, known = found.groups()
            guess = _guess(word, re.findall(r"[\w-]+", known)) or f": choose from {known}"
            message = f"`{word}` is not a command{guess}"
        raise UserError(f"{message}; `{self.prog} --help` lists the arguments")


def _guess(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f": did you mean `{near[0]}`?" if near else ""


def parser(typed: Sequence[str]) -> Parser:
    """Return the parser for what was typed."""
    kinds = {} if typed and typed[0] in COMMANDS else _kinds(typed)
    made = Parser(
        prog="tpgen",
        description="Writes the tests that the testing policy requires of a component, and finds "
        "where a project falls short of the policy.",
        epilog=None if kinds else "In a service there is a command for each kind of component.",
    )
    made.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind in kinds.values():
        command = _add_command(commands, kind.name, f"write the tests of {kind.help}")
        component.add_arguments(command, kind)
    for name, text in COMMANDS.items():
        command = _add_command(commands, name, text)
        if name in typed:
            module = import_module(f"{__package__}.{name}")
            command.set_defaults(run=module.run)
            module.add_arguments(command)
    return made


def _kinds(typed: Sequence[str]) -> Mapping[str, Kind]:
    """Return the kinds of the service here; for help outside a service, none."""
    word = next((word for word in typed if not word.startswith("-")), "")
    try:
        root = service.find(Path.cwd()).root
    except UserError:
        if not word:
            return {}
        if guess := _guess(word, COMMANDS):
            raise UserError(f"`{word}` is not a command{guess}") from None
        raise
    kinds = policy.kinds(root)
    if word and not kinds:
        raise UserError(f"{service.POLICY} has no [kinds.NAME], so there is no command `{word}`")
    return kinds


def _add_command(
    commands: "argparse._SubParsersAction[Parser]", name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=f"{text.capitalize()}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(parser=command)
    return command
