"""`tpgen drift`: find template files that were edited by hand."""

import argparse
import os
from pathlib import Path

from tpgen.check.project import ANSWERS
from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.terminal import say
from tpgen.update import answers, drifting, messages
from tpgen.update.template import fetch, workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="file or folder (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> int:
    """Print which template files differ from the version that the service was made from.

    Returns:
        1 if one differs, else 0.

    Raises:
        UserError: a path is neither here nor in the template.
    """
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    below = []
    with workshop() as folder:
        made = fetch(known, folder / "template").render(known.version, known, folder / "made")
        for typed in chosen.paths:
            whole = Path(typed).parent.resolve() / Path(typed).name
            below.append(Path(os.path.relpath(whole, root)))
            if not any(os.path.lexists(place / below[-1]) for place in (root, made.folder)):
                raise UserError(
                    f"{typed} is neither here nor in the template: name a file or a folder"
                )
        files = [path for path in made.files if path != ANSWERS and not made.is_left_alone(path)]
        if below:
            files = [path for path in files if any(map(Path(path).is_relative_to, below))]
        found = drifting.between(root, made.folder, files)
    render = messages.drift_as_json if chosen.json else messages.drifted
    say(render(known.version, found))
    return int(bool(found))
