"""Plan an update and carry it out."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tpgen.check.file import Unreadable
from tpgen.check.moved import Moved
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.project import ANSWERS, Project
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.core.git import Git
from tpgen.core.service import POLICY
from tpgen.core.settings import WHERE as PROJECT
from tpgen.rules import removed_import

from . import answers, git_merge, locking, policy_changes, readiness
from .answers import Answers
from .git_merge import Merged, Versions
from .policy_changes import Change
from .template import Rendered, Template


@dataclass(frozen=True)
class Update:
    """An update of a service."""

    source: str  # the address of the template
    old: str
    new: str
    policy: Sequence[Change] = ()
    # State and path of each file of the template that changes; two paths if it is renamed.
    files: Sequence[tuple[str, ...]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)  # new questions with their answers
    dropped: Sequence[str] = ()  # questions that the template does not ask any more
    own: Sequence[Finding] = ()  # where the service's own files need new names or fixtures
    lock: str = ""  # the lock file that the update outdates


def prepare(
    root: Path,
    git: Git,
    template: Template,
    known: Answers,
    version: str,
    data: Sequence[str],
    folder: Path,
) -> tuple[Update, Versions]:
    """Render both versions in a temporary folder, compare them, and commit them for the merge."""
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
        own=_outdated_own(project, old, new, template.moved(version), folder / "own"),
        lock=locking.outdated(root, {path for _, *paths in both.changed for path in paths}),
    )
    return update, both


def _outdated_own(
    project: Project, old: Rendered, new: Rendered, moved: Moved, into: Path
) -> list[Finding]:
    """Return where the service's own tests use what the new policy does not have.

    They are checked as they will be, in a new folder `into`.
    """
    removed = set(old.files) - set(new.files)
    tests = (path for path in project.files if is_python(path) and is_test_path(path))
    mine = [project.root / path for path in (PROJECT, *tests) if path not in removed]
    theirs = [new.folder / path for path in new.files if is_policy(path) or path == ANSWERS]
    for root, files in ((project.root, mine), (new.folder, theirs)):
        for path in filter(Path.is_file, files):
            to = into / path.relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    later = Project(into)
    found: list[Finding] = []
    for file in filter(None, map(later.file, filter(removed_import.RULE.applies, later.files))):
        try:
            found += list(removed_import.check(file, moved))
        except Unreadable:
            continue
    after = new.answers.given
    parts = [key for key, on in old.answers.given.items() if on is True and after.get(key) is False]
    modules = [path.removesuffix(".py").replace("/", ".") for path in removed]
    message = f"needs what `{' and '.join(parts)}` gives, which is turned off: delete the tests"
    for index, finding in enumerate(found):
        if parts and any(module in finding.message for module in modules):
            found[index] = replace(finding, message=f"{message} that do")
    return found


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
