"""Plan an update and carry it out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tpgen.check.project import Project
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.core.git import Git
from tpgen.core.service import POLICY

from . import answers, git_merge, locking, own_files, policy_changes, readiness
from .answers import Answers
from .git_merge import Merged, Versions
from .policy_changes import Change
from .template import Template


@dataclass(frozen=True)
class Update:
    """An update of a service.

    Attributes:
        source: the address of the template.
        files: state and path of each file of the template that changes; two paths if renamed.
        asked: new questions, each with the answer that is taken.
        dropped: questions that the template does not ask any more.
        own: where the service's own files need new names or fixtures.
        lock: the lock file that the update outdates; empty if the engine does not change.
    """

    source: str
    old: str
    new: str
    policy: Sequence[Change] = ()
    files: Sequence[tuple[str, ...]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    dropped: Sequence[str] = ()
    own: Sequence[Finding] = ()
    lock: str = ""

    @property
    def waits(self) -> bool:
        """Return whether there is another version to update to."""
        return self.old != self.new


def prepare(
    root: Path,
    git: Git,
    template: Template,
    known: Answers,
    version: str,
    data: Sequence[str],
    folder: Path,
) -> tuple[Update, Versions]:
    """Render both versions in a temporary folder and compare them.

    Returns:
        the update, and both versions as commits in the repository of the service.
    """
    overridden = replace(known, given=answers.changed(known.given, data))
    new = template.render(version, overridden, folder / "new")
    new.check(version)
    try:
        old = template.render(known.version, known, folder / "old")
    except UserError:
        if not data:
            raise
        # The answer that `data` overrides never fitted.
        old = template.render(known.version, overridden, folder / "overridden")
    before, after = old.answers.given, new.answers.given
    if unknown := sorted(overridden.given.keys() - known.given.keys() - after.keys()):
        raise UserError(
            f"there is no question `{unknown[0]}` at {version}; there are {', '.join(after)}"
        )
    new.remove(new.is_left_alone)
    old.remove(new.is_left_alone)
    # An update never removes a file that belonged to the service.
    kept = set(new.files)
    old.remove(lambda path: old.is_left_alone(path) and path not in kept)
    readiness.refuse_ignored(git, [*old.files, *new.files])
    both = git_merge.versions(git, old.folder, new.folder, f"Testing policy {version}")
    project = Project(root)
    update = Update(
        source=template.source,
        old=old.answers.version,
        new=new.answers.version,
        policy=policy_changes.between(project, old.folder, new.folder),
        files=[
            (state, *paths)
            for state, *paths in both.changed
            if state in "AR" or os.path.lexists(root / paths[0])
        ],
        asked={key: value for key, value in after.items() if key not in before},
        dropped=sorted(before.keys() - after.keys()),
        own=own_files.outdated(project, old, new, template.moved(version), folder / "own"),
        lock=locking.outdated(root, {path for _, *paths in both.changed for path in paths}),
    )
    return update, both


def carry_out(root: Path, update: Update, both: Versions) -> Merged:
    """Merge an update into the service, check the merged policy and update the lock file."""
    merged = git_merge.merge(both)
    try:
        policy.kinds(root)
    except UserError as error:
        if POLICY.as_posix() not in merged.conflicts:
            merged.broken = str(error).removesuffix(f"; {policy.RESTORE}")
    if update.lock:
        locking.run(root, update.lock, merged)
    return merged
