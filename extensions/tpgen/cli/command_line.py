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

# The kinds of the template, for `--help` outside a service.
KINDS = {
    "step": Kind("step", "a pipeline step", ()),
    "route": Kind("route", "an API route", (), "route"),
    "vault": Kind("vault", "a vault provider", ()),
    "factory": Kind("factory", "the factory of a model", (), "model"),
    "client": Kind("client", "a client of an upstream API", ()),
}
# These options stand before or after the command.
VOLUME = {"quiet": "print errors only", "verbose": "print what the command waits for"}


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
    # The first word may be `-q` or `-v`.
    kinds = {} if COMMANDS.keys() & set(typed[:2]) else _kinds(typed)
    made = Parser(
        prog="tpgen",
        description="Writes the tests that the testing policy requires of a component, and finds "
        "where a project falls short of the policy.",
        epilog=None if kinds else "In a service there is a command for each kind of component.",
    )
    made.add_argument("-V", "--version", action="store_true", help="print the version")
    for name, text in VOLUME.items():
        made.add_argument(f"-{name[0]}", f"--{name}", action="store_true", help=text)
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind in (kind for kind in kinds.values() if kind.name not in COMMANDS):
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
    """Return the kinds of the service here; for help outside a service, those of the template."""
    is_help = not typed or "-h" in typed or "--help" in typed
    word = next((word for word in typed if not word.startswith("-")), "")
    try:
        root = service.find(Path.cwd()).root
    except UserError:
        if is_help:
            return KINDS
        if word not in KINDS and (guess := _guess(word, [*COMMANDS, *KINDS])):
            raise UserError(f"`{word}` is not a command{guess}") from None
        raise
    kinds = policy.kinds(root)
    if not kinds and not is_help:
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
    unset = argparse.SUPPRESS
    for option, meaning in VOLUME.items():
        command.add_argument(
            f"-{option[0]}", f"--{option}", action="store_true", default=unset, help=meaning
        )
    return command
