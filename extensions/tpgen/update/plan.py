"""Plan an update: its version, and its changes, before anything is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tpgen.check.project import Project
from tpgen.core.errors import UserError
from tpgen.core.git import Git

from . import answers, git_merge, locking, own_files, policy_changes, readiness
from .answers import Answers
from .git_merge import Versions
from .locking import Lock
from .own_files import OwnFile
from .policy_changes import Change
from .template import Rendered, Template


@dataclass(frozen=True)
class Update:
    """An update of a service.

    Attributes:
        source: the address of the template.
        old: the version that the service was made from.
        new: the version that it gets.
        policy: the changes of the policy.
        files: state and path of each file of the template that changes; two paths if renamed.
        asked: new questions, each with the answer that is taken.
        dropped: questions that the template does not ask any more.
        own: the service's own files that need new names or fixtures.
        lock: the lock file that the update outdates; None if the engine does not change.
    """

    source: str
    old: str
    new: str
    policy: Sequence[Change] = ()
    files: Sequence[tuple[str, ...]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    dropped: Sequence[str] = ()
    own: Sequence[OwnFile] = ()
    lock: Lock | None = None

    @property
    def waits(self) -> bool:
        """Return whether there is another version to update to."""
        return self.old != self.new


def version_to_take(template: Template, known: Answers, wanted: str) -> str:
    """Return the version to update to: the newest one, or the one that was asked for.

    Raises:
        UserError: it does not exist, or is older than that of the service.
    """
    version = template.newest
    if wanted:
        commit = template.commit(wanted)
        version = wanted if wanted in template.versions else template.describe(commit)
    if template.commit(version) == template.commit(known.version):
        return known.version
    if template.is_newer(version, known.version):
        return version
    if wanted:
        raise UserError(
            f"{version} is older than {known.version}, which this service has: an update only "
            "goes forward; to go back, revert the commit of the update"
        )
    return known.version


def prepare(
    root: Path,
    git: Git,
    template: Template,
    known: Answers,
    version: str,
    data: Sequence[str],
    folder: Path,
) -> tuple[Update, Versions]:
    """Render both versions and compare them.

    Args:
        root: the service.
        git: its repository.
        template: of the service.
        known: the answers of the service.
        version: that it gets.
        data: answers that override those of the service: `KEY=VALUE`.
        folder: for temporary files.

    Returns:
        the update, and both versions as commits in the repository of the service.

    Raises:
        UserError: an answer fits no question; Copier refuses; git ignores a file of the template.
    """
    old, new = _rendered(root, template, known, version, data, folder)
    readiness.refuse_ignored(git, [*old.files, *new.files])
    both = git_merge.versions(git, old.folder, new.folder, f"Testing policy {version}")
    project = Project(root)
    before, after = old.answers.given, new.answers.given
    update = Update(
        source=template.source,
        old=old.answers.version,
        new=new.answers.version,
        policy=policy_changes.between(project, template, old, new),
        files=[file for file in both.changed if _is_here(root, *file)],
        asked={key: value for key, value in after.items() if key not in before},
        dropped=sorted(before.keys() - after.keys()),
        own=own_files.outdated(project, old, new, template.moved(version), folder / "own"),
        lock=locking.outdated(root, both.paths),
    )
    return update, both


def _rendered(
    root: Path,
    template: Template,
    known: Answers,
    version: str,
    data: Sequence[str],
    folder: Path,
) -> tuple[Rendered, Rendered]:
    """Return the template's files in both versions, without those that belong to the service."""
    given = answers.changed(known.given, data)
    overridden = replace(known, given=given)
    new = template.render(version, overridden, folder / "new")
    new.check(version)
    try:
        old = template.render(known.version, known, folder / "old")
    except UserError:
        if not data:
            raise
        # The answer that `data` overrides never fitted.
        old = template.render(known.version, overridden, folder / "overridden")
    if unknown := sorted(given.keys() - known.given.keys() - new.answers.given.keys()):
        raise UserError(
            f"there is no question `{unknown[0]}` at {version}; "
            f"there are {', '.join(new.answers.given)}"
        )
    new.remove(new.is_left_alone)
    new.remove(lambda path: new.is_written_once(path) and os.path.lexists(root / path))
    old.remove(new.is_left_alone)
    old.remove(new.is_written_once)
    # An update never removes a file that belonged to the service.
    kept = set(new.files)
    old.remove(lambda path: old.is_left_alone(path) and path not in kept)
    return old, new


def _is_here(root: Path, state: str, *paths: str) -> bool:
    """Return whether the service has a file that changes, or gets it."""
    return state in "AR" or os.path.lexists(root / paths[0])
