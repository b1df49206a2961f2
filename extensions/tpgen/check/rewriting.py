"""Puts the edits of one file together: all of them at once, so that its layout stays as it was."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from pathlib import Path

from tpgen.core.finding import Edit
from tpgen.core.formatting import as_before

from .file import File
from .renaming import Place
from .wiring import Addition, add


def renamed(file: File, places: Sequence[Place]) -> bytes:
    """Return what a file holds once its names are new."""
    after, end = b"", 0
    edits = {edit for place in places for edit in place.edits or ()}
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start >= end:
            after += file.data[end : edit.start] + edit.text
            end = edit.end
    return after + file.data[end:]


def edits_of(
    file: File, places: Sequence[Place], additions: Sequence[Addition]
) -> tuple[Edit, ...]:
    """All edits of a file, which go together: by them its imports stay sorted."""
    data = renamed(file, places)
    if (data == file.data and not additions) or file.is_cut:
        return ()
    try:
        before, after = file.data.decode(), data.decode()
    except UnicodeDecodeError:
        return ()
    after = after.replace("\r\n", "\n")
    if additions:
        after = add(after, additions)
    before = before.replace("\r\n", "\n")
    after = as_before(file.project.service, Path(file.path), before, after)
    return tuple(_hunks(file.data.splitlines(keepends=True), after.encode().splitlines(True)))


def _hunks(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[Edit]:
    """The lines that differ, whichever way they end."""
    bare = [line.replace(b"\r\n", b"\n") for line in before]
    starts = [0, *accumulate(map(len, before))]
    for tag, first, last, new, end in SequenceMatcher(None, bare, after, False).get_opcodes():
        if tag != "equal":
            yield Edit(starts[first], starts[last], b"".join(after[new:end]))
