"""What `tpgen check --fix` does: it makes the edits that the findings bring, and nothing else."""

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpgen.core import files
from tpgen.core.errors import Misuse
from tpgen.core.files import Change
from tpgen.core.finding import Edit, Finding

from .file import digest
from .places import is_python
from .project import Project


@dataclass(frozen=True)
class Mended:
    """What became of files with something to mend, relative to the project.

    Attributes:
        changed: those that were.
        left: those that would be no Python any more, by a fault of a rule.
    """

    changed: Sequence[str] = ()
    left: Sequence[str] = ()


def apply(project: Project, found: Sequence[Finding]) -> Mended:
    """Mend what is safe to mend, all of it or nothing; `tpgen undo` takes it back.

    Of two findings with edits in one place the first is mended, and the other one by the next run.

    Raises:
        Misuse: a file can't be written, or was changed since it was looked at.
    """
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.edits:
            by_path[finding.path].append(finding)
    changes = [_change(project, path, mended) for path, mended in by_path.items()]
    files.write(project.root, changes, "tpgen check --fix")
    return Mended(
        [change.path.as_posix() for change in changes if change.before != change.after],
        [change.path.as_posix() for change in changes if change.before == change.after],
    )


def _change(project: Project, path: str, mended: Sequence[Finding]) -> Change:
    try:
        before = (project.root / path).read_bytes()
    except OSError as error:
        raise _changed(path) from error
    if any(finding.seen != digest(before) for finding in mended):
        raise _changed(path)
    after, end = b"", 0
    for edit in _chosen(mended):
        after += before[end : edit.start] + _as_in(before, edit.text)
        end = edit.end
    after += before[end:]
    return Change(Path(path), before, before if _breaks(path, before, after) else after)


def _chosen(mended: Iterable[Finding]) -> list[Edit]:
    """The edits that go together: those of a finding are made as a whole, and the same one once."""
    chosen: list[Edit] = []
    for finding in mended:
        new = [edit for edit in finding.edits if edit not in chosen]
        if not any(_clash(one, other) for one in new for other in chosen):
            chosen += new
    # What one finding inserts in one place keeps the order in which it is given.
    return sorted(chosen, key=lambda one: (one.start, one.end))


def _clash(one: Edit, other: Edit) -> bool:
    """Whether two edits overlap, or insert at one place, where nobody knows which comes first."""
    insert = one.start == one.end == other.start == other.end
    return insert or (one.start < other.end and other.start < one.end)


def _as_in(before: bytes, text: bytes) -> bytes:
    """A text with the line ends of a file."""
    if b"\r\n" not in before:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _breaks(path: str, before: bytes, after: bytes) -> bool:
    """Whether Python that could be parsed can't be any more: then the file stays as it is."""
    return is_python(path) and _parses(before) and not _parses(after)


def _parses(source: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _changed(path: str) -> Misuse:
    return Misuse(
        f"{path} was changed by another program meanwhile, so nothing was written: "
        "run the command again"
    )
