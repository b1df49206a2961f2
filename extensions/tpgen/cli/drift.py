"""`tpgen drift`: find template files that were edited by hand."""

import argparse
import difflib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tpgen.check.project import ANSWERS
from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.policy import adds_only_kinds
from tpgen.core.service import POLICY
from tpgen.core.terminal import say
from tpgen.report.text import printable
from tpgen.update import answers
from tpgen.update.template import fetch, workshop

# Of the JSON; it changes with the shape.
VERSION = 1
# At most so many lines of a region are printed.
SHOWN = 8


@dataclass(frozen=True)
class Region:
    """Lines of the template, and those of the service in their place, from a line of its file on."""

    line: int
    removed: Sequence[str]
    added: Sequence[str]


@dataclass(frozen=True)
class Drift:
    """A file that differs from the template's; a binary file has no regions."""

    path: str
    state: Literal["edited", "missing"]
    regions: Sequence[Region] = ()


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
        drift = [asdict(each) for each in found]
        content = {"version": VERSION, "from": known.version, "drift": drift}
        say(json.dumps(content, indent=2) + "\n")
    else:
        number = f"{len(found) or 'no'} file{'s' * (len(found) > 1)} of the template"
        last = f"{number} differ{'s' * (len(found) < 2)} from {known.version}"
        say("".join(f"{printable(line)}\n" for line in [*_text(found), last]))
    return int(bool(found))


def _differing(root: Path, made: Path, paths: Sequence[str]) -> Iterator[Drift]:
    """Yield the rendered files that differ in a service; kinds that it added do not count."""
    for path in paths:
        if not (root / path).is_file():
            yield Drift(path, "missing")
            continue
        # Git may have changed the line ends.
        before, after = (
            (folder / path).read_bytes().replace(b"\r\n", b"\n") for folder in (made, root)
        )
        if after != before and not (path == POLICY.as_posix() and adds_only_kinds(before, after)):
            yield Drift(path, "edited", _regions(before, after))


def _regions(before: bytes, after: bytes) -> list[Region]:
    try:
        old, new = before.decode().split("\n"), after.decode().split("\n")
    except UnicodeDecodeError:
        return []
    opcodes = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [
        Region(start + 1, old[first:last], new[start:end])
        for tag, first, last, start, end in opcodes
        if tag != "equal"
    ]


def _text(found: Sequence[Drift]) -> Iterator[str]:
    for drift in found:
        if not drift.regions:
            yield f"{drift.path}: {'is missing' if drift.state == 'missing' else 'was edited'}"
        for region in drift.regions:
            yield f"{drift.path}:{region.line}:"
            for sign, texts in (("-", region.removed), ("+", region.added)):
                yield from (f"    {sign}{text}" for text in texts[:SHOWN])
                if len(texts) > SHOWN:
                    yield f"    {sign}… ({len(texts) - SHOWN} more lines)"
