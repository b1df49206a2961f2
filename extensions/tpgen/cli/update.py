"""What `tpgen update` and `tpgen drift` do."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tpgen.check.project import Project
from tpgen.core import policy, service
from tpgen.core.errors import Misuse
from tpgen.core.git import OF_A_HOOK
from tpgen.core.terminal import say, say_no_more
from tpgen.update import answers, drifting, locking, own_files, readiness
from tpgen.update import git_merge as merging
from tpgen.update import messages as telling
from tpgen.update import policy_changes as changes
from tpgen.update.answers import Answers
from tpgen.update.git_merge import Merged, Versions
from tpgen.update.plan import Update
from tpgen.update.template import Rendered, Template, fetch


def update(chosen: argparse.Namespace) -> int:
    """Bring the newest policy into the service here, or say whether one waits.

    Returns:
        1 where a person must look: something could not be merged, or, with `--check`, an update
        waits. Else 0.
    """
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    with _workshop() as folder:
        git = None if chosen.check else readiness.repository(root)
        template = fetch(known, folder / "template")
        if moved := template.moved_tag(root, known.version):
            print(f"tpgen: {moved}", file=sys.stderr)
        version = _version(template, known, chosen.to)
        if git is None or (version == known.version and not chosen.data):
            waiting = Update(known.source, known.version, version)
            say(telling.as_json(waiting) if chosen.json else telling.waiting(waiting))
            return int(chosen.check and waiting.waits)
        old, new = _rendered(root, template, known, version, chosen.data, folder)
        readiness.nothing_ignored(git, [*old.files, *new.files])
        both = merging.versions(git, old.folder, new.folder, f"Testing policy {version}")
        plan = _planned(Project(root), template, old, new, both)
        own = own_files.outdated(Project(root), old, new, template.moved(version), folder / "own")
        plan = replace(plan, own=own, lock=locking.of(root, _paths(both)))
    return _carry_out(root, plan, both, chosen)


def _carry_out(root: Path, update: Update, both: Versions, chosen: argparse.Namespace) -> int:
    if not chosen.json:
        say(telling.planned(update))
    merged = None
    if not chosen.dry_run:
        sys.stdout.flush()
        back = merging.bring_back(both.below)
        print(f"\nwriting; if it is interrupted: `{back}`", file=sys.stderr)
        merged = _readable(root, merging.merge(both))
        if update.lock:
            merged = locking.follow(root, merged, update.lock)
    try:
        if chosen.json:
            say(telling.as_json(update, merged))
        elif merged:
            say(telling.done(update, merged, merging.way_back(both.below)))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        say_no_more()
        print(f"tpgen: what was done can't be printed ({error}): `git status`", file=sys.stderr)
        return 1
    return int(bool(merged and merged.needs_a_person))


def _paths(both: Versions) -> set[str]:
    return {path for _, *paths in both.changed for path in paths}


def _readable(root: Path, merged: Merged) -> Merged:
    """The outcome; a policy that was merged into nonsense is one more thing to look at."""
    policy_file = service.POLICY.as_posix()
    try:
        policy.kinds(root)
    except Misuse as error:
        if policy_file not in merged.conflicts:
            return replace(merged, broken=str(error).removesuffix(f"; {policy.RESTORE}"))
    return merged


def drift(chosen: argparse.Namespace) -> int:
    """Say which of the template's files differ from the version that the service was made from.

    Returns:
        1 where one does, else 0.
    """
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    with _workshop() as folder:
        template = fetch(known, folder / "template")
        made = template.render(known.version, known, folder / "made")
        made.remove(made.is_left_alone)
        found = drifting.between(root, made.folder, _below(root, made, chosen.paths))
    told = telling.drift_as_json if chosen.json else telling.drifted
    say(told(known.version, found))
    return int(bool(found))


def _below(root: Path, made: Rendered, paths: list[str]) -> list[str]:
    """Files and folders that were named, relative to the service.

    Raises:
        Misuse: one is neither here nor in the template.
    """
    whole = [Path(path).parent.resolve() / Path(path).name for path in paths]
    below = [Path(os.path.relpath(path, root)).as_posix() for path in whole]
    for path, known in zip(paths, below, strict=True):
        if not any(os.path.lexists(folder / known) for folder in (root, made.folder)):
            raise Misuse(f"{path} is neither here nor in the template: name a file or a folder")
    return below


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder for what is fetched and rendered; gone afterwards.

    git finds each repository by its folder: where a hook runs, it is told of another one.

    Raises:
        Misuse: it can't be written, or git can't do its work in it or in the service.
    """
    for name in OF_A_HOOK:
        os.environ.pop(name, None)
    try:
        with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
            # Not the one of all runs: two updates at once would fetch into the same clone.
            os.environ.setdefault("COPIER_CACHE_DIR", f"{folder}/copier")
            yield Path(folder)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Misuse(f"{error.strerror or error}{where}, and nothing was changed") from None
    except subprocess.CalledProcessError as error:
        said = merging.complaint(error)
        raise Misuse(f"git can't go on, and nothing was changed: {said}") from None


def _version(template: Template, known: Answers, wanted: str) -> str:
    """The version to update to, named as Copier names it.

    Raises:
        Misuse: it is not there, or older than the one that the service has.
    """
    version = _named(template, wanted) if wanted else template.newest
    if template.commit(version) == template.commit(known.version):
        return known.version
    if template.is_newer(version, known.version):
        return version
    if wanted:
        raise Misuse(
            f"{version} is older than {known.version}, which this service has: an update only "
            "goes forward; to go back, revert the commit of the update"
        )
    return known.version


def _named(template: Template, wanted: str) -> str:
    """The name of a revision: a tag that is a version as it is, of anything else Copier's name."""
    commit = template.commit(wanted)
    return wanted if wanted in template.versions else template.describe(commit)


def _rendered(
    root: Path, template: Template, known: Answers, version: str, data: list[str], folder: Path
) -> tuple[Rendered, Rendered]:
    """The files of the template's in the service, as it made them and as it makes them now.

    Raises:
        Misuse: an answer fits no question; or Copier refuses.
    """
    given = answers.changed(known.given, data)
    new = template.render(version, replace(known, given=given), folder / "new")
    new.check(version)
    old = _as_made(template, known, given, folder)
    if unknown := sorted(given.keys() - known.given.keys() - new.answers.given.keys()):
        raise Misuse(
            f"there is no question `{unknown[0]}` at {version}; "
            f"there are {', '.join(new.answers.given)}"
        )
    new.remove(new.is_left_alone)
    new.remove(lambda path: new.is_written_once(path) and os.path.lexists(root / path))
    old.remove(new.is_left_alone)
    old.remove(new.is_written_once)
    # What was the person's is nothing that an update may remove.
    still = set(new.files)
    old.remove(lambda path: old.is_left_alone(path) and path not in still)
    return old, new


def _as_made(
    template: Template, known: Answers, given: Mapping[str, Any], folder: Path
) -> Rendered:
    """Return what the service was made from; with a new answer where the old one never fitted."""
    try:
        return template.render(known.version, known, folder / "old")
    except Misuse:
        if given == known.given:
            raise
    return template.render(known.version, replace(known, given=given), folder / "made")


def _is_here(project: Project, state: str, *paths: str) -> bool:
    """Return whether the service has a file that changes, or gets it."""
    return state in "AR" or os.path.lexists(project.root / paths[0])


def _planned(
    project: Project, template: Template, old: Rendered, new: Rendered, both: Versions
) -> Update:
    before, after = old.answers.given, new.answers.given
    return Update(
        source=template.source,
        old=old.answers.version,
        new=new.answers.version,
        policy=changes.between(project, template, old, new),
        files=[one for one in both.changed if _is_here(project, *one)],
        asked={key: value for key, value in after.items() if key not in before},
        dropped=sorted(before.keys() - after.keys()),
    )
