"""Print the script that makes a shell complete words by TAB."""

import argparse

from argcomplete.shell_integration import shellcode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to complete in")


def run(chosen: argparse.Namespace) -> int:
    print(shellcode(["tpgen"], shell=chosen.shell))
    return 0


def rules(prefix: str, **_: object) -> list[str]:
    """Return the codes and names of the rules, behind what stands before the last comma."""
    from tpgen.check import registry

    head, comma, _word = prefix.rpartition(",")
    known = registry.all_rules().values()
    return [f"{head}{comma}{name}" for rule in known for name in (rule.code, rule.name)]
