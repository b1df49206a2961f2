"""`tpgen drift`: find template files that were edited by hand."""

import argparse
import os
from pathlib import Path

from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.terminal import say
from tpgen.update import answers, drifting, messages
from tpgen.update.template import Rendered, fetch
from tpgen.update.workshop import workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="file or folder (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> int:
    """Print which template files differ from the version that the service was made from.

    Returns:
        1 if one differs, else 0.
    """
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    with workshop() as folder:
        template = fetch(known, folder / "template")
        made = template.render(known.version, known, folder / "made")
        made.remove(made.is_left_alone)
        found = drifting.between(root, made.folder, _below(root, made, chosen.paths))
    told = messages.drift_as_json if chosen.json else messages.drifted
    say(told(known.version, found))
    return int(bool(found))


def _below(root: Path, made: Rendered, paths: list[str]) -> list[str]:
    """Return the files and folders that were named, relative to the service.

    Raises:
        UserError: one is neither here nor in the template.
    """
    whole = [Path(path).parent.resolve() / Path(path).name for path in paths]
    below = [Path(os.path.relpath(path, root)).as_posix() for path in whole]
    for path, known in zip(paths, below, strict=True):
        if not any(os.path.lexists(folder / known) for folder in (root, made.folder)):
            raise UserError(f"{path} is neither here nor in the template: name a file or a folder")
    return below
