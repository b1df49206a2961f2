"""`tpgen undo`: revert what the last command wrote."""

import argparse
from pathlib import Path

from tpgen.check import project
from tpgen.core import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(_chosen: argparse.Namespace) -> int:
    """Revert the last command, also `check --fix` outside a service."""
    undone = files.undo(project.find(Path.cwd(), []).root)
    for file in undone:
        print(f"{file.outcome:9}{file.path}{f': {file.reason}' if file.reason else ''}")
    if any(file.outcome == "left" for file in undone):
        print("revert your own changes of these files; then `tpgen undo` reverts the rest")
    return 0
