"""What `tpgen check --fix` does: it makes the edits that the findings bring, and nothing else."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tpgen import files
from tpgen.files import Change

from .finding import Edit, Finding
from .project import Project


def apply(project: Project, found: Sequence[Finding]) -> list[Finding]:
    """Mend what is safe to mend; `tpgen undo` takes it back.

    Returns:
        the findings that are left for a person.
    """
    edits: dict[str, list[Edit]] = defaultdict(list)
    for finding in found:
        edits[finding.path] += finding.edits
    changes = [_change(project, path, wanted) for path, wanted in edits.items() if wanted]
    if changes:
        files.write(project.root, changes, "tpgen check --fix")
    return [finding for finding in found if not finding.edits]


def _change(project: Project, path: str, edits: list[Edit]) -> Change:
    before = (project.root / path).read_bytes()
    after, end = b"", 0
    # Two findings may bring the same edit: it is made once.
    for edit in sorted(set(edits), key=lambda one: (one.start, one.end)):
        after += before[end : edit.start] + edit.text
        end = edit.end
    return Change(Path(path), before, after + before[end:])
