"""The files of the template that were edited in a service."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tpgen.core.policy import adds_only_kinds
from tpgen.core.service import POLICY


@dataclass(frozen=True)
class Region:
    """Lines of the template, and those of the service in their place, from a line of its file on."""

    line: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """A file that differs from the template's; a binary file has no regions."""

    path: str
    state: Literal["edited", "missing"]
    regions: tuple[Region, ...] = ()


def between(root: Path, made: Path, paths: Sequence[str]) -> list[Drift]:
    """Return which of the rendered files differ in a service; kinds that it added do not count."""
    found = []
    for path in paths:
        mine = root / path
        before = _content(made / path)
        after = _content(mine) if mine.is_file() else None
        if after is None:
            found.append(Drift(path, "missing"))
        elif after != before and not (path == POLICY.as_posix() and adds_only_kinds(before, after)):
            found.append(Drift(path, "edited", tuple(_regions(before, after))))
    return found


def _content(file: Path) -> bytes:
    """Return the content of a file; git may have changed the line ends."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _regions(before: bytes, after: bytes) -> list[Region]:
    try:
        old, new = before.decode().split("\n"), after.decode().split("\n")
    except UnicodeDecodeError:
        return []
    opcodes = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [
        Region(start + 1, tuple(old[first:last]), tuple(new[start:end]))
        for tag, first, last, start, end in opcodes
        if tag != "equal"
    ]
