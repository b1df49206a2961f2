"""`tpgen update`: bring the newest policy into the service."""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tpgen.check.project import Project
from tpgen.core import policy, service
from tpgen.core.errors import Misuse
from tpgen.core.terminal import say, say_no_more
from tpgen.update import answers, locking, own_files, readiness
from tpgen.update import git_merge as merging
from tpgen.update import messages as telling
from tpgen.update import policy_changes as changes
from tpgen.update.answers import Answers
from tpgen.update.git_merge import Merged, Versions
from tpgen.update.plan import Update
from tpgen.update.template import Rendered, Template, fetch
from tpgen.update.workshop import workshop

DESCRIPTION = """\
Brings the newest version of the testing policy into this service: prints what it changes, renders
it with Copier and merges it with git. It commits nothing and loses no edit: what can't be merged
is left as a conflict."""
EPILOG = """\
exit codes: 0 done; 1 something could not be merged (with --check: an update is available);
2 misuse or broken input, and nothing was written"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    text = "only report whether an update is available"
    parser.add_argument("--check", action="store_true", help=text)
    text = "print what would change without writing files"
    parser.add_argument("--dry-run", action="store_true", help=text)
    text = "tag or commit of the template to update to (default: the newest release)"
    parser.add_argument("--to", default="", metavar="VERSION", help=text)
    text = "override a template answer"
    parser.add_argument("--data", action="append", default=[], metavar="KEY=VALUE", help=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> int:
    """Bring the newest policy into the service here, or report whether one is available.

    Returns:
        1 if something could not be merged or, with `--check`, an update is available; else 0.
    """
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    with workshop() as folder:
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
