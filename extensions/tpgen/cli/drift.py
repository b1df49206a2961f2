"""`tpgen drift`: find template files that were edited by hand."""

import argparse
import difflib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tpgen.check.project import ANSWERS
from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.policy import adds_only_kinds
from tpgen.core.service import POLICY
from tpgen.core.terminal import say
from tpgen.report.text import printable
from tpgen.update import answers
from tpgen.update.messages import VERSION
from tpgen.update.template import fetch, workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="file or folder (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> int:
    """Print the differences from the version that the service was made from; 1 if there are any."""
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
        found = list(_differing(root, made.folder, files))
    if chosen.json:
        content = {"version": VERSION, "from": known.version, "drift": found}
        say(json.dumps(content, indent=2) + "\n")
    else:
        number = f"{len(found) or 'no'} file{'s' * (len(found) > 1)} of the template"
        last = f"{number} differ{'s' * (len(found) < 2)} from {known.version}"
        say("".join(f"{printable(line)}\n" for line in [*_text(found), last]))
    return int(bool(found))


def _differing(root: Path, made: Path, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield, as in the JSON, the rendered files that differ; kinds that were added do not count."""
    for path in paths:
        if not (root / path).is_file():
            yield {"path": path, "state": "missing", "regions": []}
            continue
        # Git may have changed the line ends.
        before, after = (
            (folder / path).read_bytes().replace(b"\r\n", b"\n") for folder in (made, root)
        )
        if after != before and not (path == POLICY.as_posix() and adds_only_kinds(before, after)):
            yield {"path": path, "state": "edited", "regions": _regions(before, after)}


def _regions(before: bytes, after: bytes) -> list[dict[str, Any]]:
    """Return the lines of the template and those in their place; none for a binary file."""
    try:
        old, new = before.decode().split("\n"), after.decode().split("\n")
    except UnicodeDecodeError:
        return []
    opcodes = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [
        {"line": start + 1, "removed": old[first:last], "added": new[start:end]}
        for tag, first, last, start, end in opcodes
        if tag != "equal"
    ]


def _text(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for drift in found:
        path, state = drift["path"], drift["state"]
        if not drift["regions"]:
            yield f"{path}: {'is missing' if state == 'missing' else 'was edited'}"
        for region in drift["regions"]:
            yield f"{path}:{region['line']}:"
            for sign, texts in (("-", region["removed"]), ("+", region["added"])):
                yield from (f"    {sign}{text}" for text in texts)
