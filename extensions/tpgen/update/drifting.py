"""Where the template's files in a service differ from what the template made of them."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tpgen.check.project import ANSWERS
from tpgen.core.policy import adds_only_kinds
from tpgen.core.service import POLICY


@dataclass(frozen=True)
class Region:
    """Some lines that differ.

    Attributes:
        line: where they are in the service's file, counted from 1.
        removed: the lines of the template.
        added: those in their place.
    """

    line: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """A file that is not as the template made it.

    Attributes:
        path: relative to the service.
        state: "missing" means that it is gone.
        regions: what differs; nothing for a file that is no text.
    """

    path: str
    state: Literal["edited", "missing"]
    regions: tuple[Region, ...] = ()


def between(root: Path, made: Path, below: Sequence[str] = ()) -> list[Drift]:
    """The drift of a service, by path.

    A kind that the service added to the policy for itself is none.

    Args:
        root: the service.
        made: the template's files, as it made them.
        below: files and folders to look at; all where there are none.
    """
    found = []
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        path = file.relative_to(made).as_posix()
        if path == ANSWERS or (below and not _is_below(path, below)):
            continue
        mine = root / path
        was, now = _content(file), _content(mine) if mine.is_file() else None
        if now is None:
            found.append(Drift(path, "missing"))
        elif now != was and not (path == POLICY.as_posix() and adds_only_kinds(was, now)):
            found.append(Drift(path, "edited", tuple(_regions(was, now))))
    return found


def _content(file: Path) -> bytes:
    """What a file holds, whichever way git ends lines here."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path == one or one == "." or path.startswith(f"{one}/") for one in folders)


def _regions(was: bytes, now: bytes) -> list[Region]:
    try:
        before, after = was.decode().split("\n"), now.decode().split("\n")
    except UnicodeDecodeError:
        return []
    steps = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return [
        Region(third + 1, tuple(before[first:second]), tuple(after[third:fourth]))
        for tag, first, second, third, fourth in steps
        if tag != "equal"
    ]
