"""`tpgen check --fix`: make the edits that the findings bring, and nothing else."""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpgen.core import files
from tpgen.core.errors import UserError
from tpgen.core.files import Change
from tpgen.core.finding import Edit, Finding

from .file import content_hash
from .places import is_python
from .project import Project


@dataclass(frozen=True)
class Fixed:
    """The files that were fixed, and those that would no longer be Python, by a fault of a rule."""

    changed: Sequence[str] = ()
    left: Sequence[str] = ()


def apply(project: Project, found: Sequence[Finding]) -> Fixed:
    """Fix what is safe to fix, all of it or nothing; `tpgen undo` reverts it.

    Of two findings with edits in one place the first is fixed, and the other by the next run.

    Raises:
        UserError: a file can't be written, or was changed since it was checked.
    """
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.edits:
            by_path[finding.path].append(finding)
    changes = [_change(project, path, fixable) for path, fixable in by_path.items()]
    files.write(project.root, changes)
    changed = [change.path.as_posix() for change in changes if change.before != change.after]
    return Fixed(changed, [path for path in by_path if path not in changed])


def _change(project: Project, path: str, fixable: Sequence[Finding]) -> Change:
    try:
        before = (project.root / path).read_bytes()
    except OSError:
        before = b""
    if any(finding.content_hash != content_hash(before) for finding in fixable):
        raise UserError(
            f"{path} was changed by another program meanwhile, so nothing was written: "
            "run the command again"
        )
    after, ends = before, b"\r\n" if b"\r\n" in before else b"\n"
    in_order = sorted(_chosen(fixable), key=lambda edit: (edit.start, edit.end))
    for edit in in_order[::-1]:
        after = after[: edit.start] + re.sub(rb"\r?\n", ends, edit.text) + after[edit.end :]
    is_broken = is_python(path) and _parses(before) and not _parses(after)
    return Change(Path(path), before, before if is_broken else after)


def _chosen(fixable: Iterable[Finding]) -> list[Edit]:
    """Return the edits that go together: those of a finding all or none, and the same one once."""
    chosen: list[Edit] = []
    for finding in fixable:
        new = [edit for edit in finding.edits if edit not in chosen]
        if not any(_clash(edit, other) for edit in new for other in chosen):
            chosen += new
    return chosen


def _clash(edit: Edit, other: Edit) -> bool:
    """Return whether two edits overlap, or insert at one place in an unknown order."""
    insert = edit.start == edit.end == other.start == other.end
    return insert or (edit.start < other.end and other.start < edit.end)


def _parses(source: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Unlike `ast.parse`, it refuses a line before `from __future__ import …`.
            compile(source, "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
