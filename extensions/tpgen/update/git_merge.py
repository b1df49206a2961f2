"""Merge the difference of two versions of the template into a service, by git.

Copier renders both versions; git merges their difference as it merges a branch: with renames,
binary files and any encoding. Conflicts are in the index, so nobody commits them by mistake
(decision 12).
"""

import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from tpgen.core.errors import UserError
from tpgen.core.git import Git, names

AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "tpgen"), ("EMAIL", "tpgen@example.com"))
}


def _settings(*values: str) -> list[str]:
    return [word for value in values for word in ("-c", value)]


# The rendered files are committed byte for byte, whatever the settings of the user.
VERBATIM = _settings(
    "core.autocrlf=false", "core.safecrlf=false", f"core.excludesFile={os.devnull}"
)
MERGE = _settings(
    "merge.renames=true",
    "merge.renameLimit=0",
    "merge.directoryRenames=false",
    "rerere.enabled=false",
)
# Git's own strategy, `ort`, ignored `no-renames` before 2.50.
WITHOUT_RENAMES = ["--strategy=recursive", "--strategy-option=no-renames"]
NO_HOOKS = _settings(f"core.hooksPath={os.devnull}")
MEANWHILE = "was changed while the update was prepared, so nothing was written: commit it, and run "
MEANWHILE += "this again"
# The sides of a conflict in the index.
BASE, OURS, THEIRS = 1, 2, 3
STATES = {
    frozenset({BASE, OURS}): "kept",
    frozenset({BASE, THEIRS}): "missing",
    frozenset({OURS}): "renamed",
    frozenset({THEIRS}): "renamed",
}


def way_back(below: str) -> str:
    """Return the command that takes an update back, from any folder of the repository.

    Args:
        below: the folder of the service; other folders are left alone.
    """
    if not below:
        return "git reset --hard && git clean -fd :/"
    folder = quote(f":/{below}")
    commands = ("git reset -q", "git checkout HEAD", "git clean -fd")
    return " && ".join(f"{command} -- {folder}" for command in commands)


@dataclass(frozen=True)
class Versions:
    """Two rendered versions, as commits in the repository of the service that no branch holds.

    Attributes:
        git: the repository, at its top.
        below: the folder of the service in it, such as "" or "services/mail/".
        old: the version that the service was made from.
        new: the version that it gets; a child of `old`.
    """

    git: Git
    below: str
    old: str
    new: str

    @cached_property
    def changed(self) -> list[tuple[str, ...]]:
        """Return the files that differ: state (`A`, `M`, `D`, or `R` with two paths) and paths."""
        words = names(
            self.git.run("diff-tree", "-r", "-z", "-M", "--name-status", self.old, self.new)
        )
        found: list[tuple[str, ...]] = []
        while words:
            state = words.pop(0)[0]
            paths = [words.pop(0).removeprefix(self.below) for _ in range(2 if state == "R" else 1)]
            found.append((state, *paths))
        return found

    @property
    def paths(self) -> set[str]:
        """Return the paths of the files that differ."""
        return {path for _, *paths in self.changed for path in paths}


@dataclass(frozen=True)
class Merged:
    """The files that a person must look at after a merge; paths relative to the service, sorted.

    Attributes:
        conflicts: files that both sides changed in one place.
        unmarked: those of them without conflict markers, which are as they were in the service.
        kept: edited files that the template removed: they stay.
        missing: files that the template changed and the service had removed.
        renamed: files that got two new names, one in the service and one in the template.
        aside: files that git renamed itself, because something else has their place.
        at: where `git show` finds the template's files: a path follows.
        broken: what is wrong with the merged policy; empty if it can be read.
        locked: the lock command that ran after the merge; empty if none did.
        unlocked: why the lock file is still the old one; empty if it is not.
    """

    conflicts: tuple[str, ...]
    unmarked: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]
    renamed: tuple[str, ...]
    aside: tuple[str, ...]
    at: str
    broken: str = ""
    locked: str = ""
    unlocked: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Return whether something is left to decide."""
        files = (self.conflicts, self.kept, self.missing, self.renamed, self.aside)
        return bool(self.broken or self.unlocked or any(files))


def versions(service: Git, old: Path, new: Path, title: str) -> Versions:
    """Commit two rendered folders to the repository of a service, without a branch.

    Args:
        service: the repository, at the folder of the service.
        old: the version that the service was made from.
        new: the version that it gets.
        title: of the new commit, which git proposes as the message of the merge.
    """
    top = Git(Path(service.line("rev-parse", "--show-toplevel")))
    below = service.line("rev-parse", "--show-prefix")
    first = _commit(top, _tree(top, old, below), "the template as it was")
    return Versions(top, below, first, _commit(top, _tree(top, new, below), title, first))


def _tree(git: Git, folder: Path, below: str) -> str:
    """Write the tree of a folder, at the place of the service in its repository."""
    with TemporaryDirectory(prefix="tpgen-") as spare:
        index = {
            "GIT_INDEX_FILE": f"{spare}/index",
            "GIT_DIR": git.line("rev-parse", "--absolute-git-dir"),
        }
        add = [*VERBATIM, f"--work-tree={folder}", "add", "--all", "--force", "--sparse", "."]
        Git(folder).run(*add, env=index)
        tree = git.run("write-tree", env=index).decode().strip()
        if below:
            index["GIT_INDEX_FILE"] = f"{spare}/outer"
            git.run("read-tree", f"--prefix={below}", tree, env=index)
            tree = git.run("write-tree", env=index).decode().strip()
    return tree


def _commit(git: Git, tree: str, title: str, *parents: str) -> str:
    options = [word for parent in parents for word in ("-p", parent)]
    return git.run("commit-tree", tree, *options, "-m", title, env=AUTHOR).decode().strip()


def merge(both: Versions) -> Merged:
    """Merge the difference into the work tree and the index; nothing is committed.

    Raises:
        UserError: git could not write it. All is as it was, or the message has the command for that.
    """
    if changed := both.git.uncommitted(both.below or "."):
        raise UserError(f"{changed[0]} {MEANWHILE}")
    staged = set(_staged(both))
    try:
        for renames in ([], WITHOUT_RENAMES):
            options = ["--no-commit", "--allow-empty", "--strategy-option=ignore-cr-at-eol"]
            _pick(both.git, [*NO_HOOKS, *MERGE, "cherry-pick", *options, *renames, both.new])
            if not (strays := _strays(both, staged)):
                return _outcome(both)
            # Git took a file of the service for a renamed one of the template.
            _take_back(both)
    except subprocess.CalledProcessError as error:
        raise _taken_back(both, error) from None
    raise UserError(
        f"git would change {strays[0]}, which is not a file of the template; nothing was changed"
    )


def _staged(both: Versions) -> list[str]:
    """Return the files of HEAD that differ in the index."""
    options = ["--cached", "--name-only", "--no-renames", "--diff-filter=MDT", "-z"]
    return names(both.git.run("diff", *options, "HEAD"))


def _strays(both: Versions, before: set[str]) -> list[str]:
    """Return the files that the merge changed and that are not the template's."""
    list_tree = ("ls-tree", "-r", "-z", "--name-only")
    known = {
        name for commit in (both.old, both.new) for name in names(both.git.run(*list_tree, commit))
    }
    marked = {path for path, sides in _unmerged(both.git).items() if {OURS, THEIRS} <= sides}
    return sorted({*_staged(both), *marked} - before - known)


def _pick(git: Git, command: list[str]) -> None:
    """Let git merge; conflicts are not a failure."""
    try:
        git.run(*command, env={"LC_ALL": "C"})
    except subprocess.CalledProcessError as error:
        if b"would be overwritten" in error.stderr:  # git looked before it wrote anything
            raise UserError(f"a file of the template {MEANWHILE}") from None
        if not _unmerged(git):
            raise


def _unmerged(git: Git) -> Mapping[str, set[int]]:
    """Return the files in conflict, and the sides that each of them has."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in names(git.run("ls-files", "--unmerged", "-z")):
        about, path = line.split("\t", 1)
        found[path].add(int(about.split()[2]))
    return found


def _outcome(both: Versions) -> Merged:
    found: dict[str, list[str]] = defaultdict(list)
    for path, sides in sorted(_unmerged(both.git).items()):
        state = _state(both, path, sides)
        if state in ("", "missing"):
            # A file deleted in the service stays deleted.
            remove = ["--literal-pathspecs", "rm", "--quiet", "--force", "--ignore-unmatch"]
            both.git.run(*remove, "--", path)
        found[state].append(path.removeprefix(both.below))
    conflicts, kept, missing, renamed, aside = (
        tuple(found[state]) for state in ("conflicts", "kept", "missing", "renamed", "aside")
    )
    unmarked = tuple(path for path in conflicts if not _has_markers(both, path))
    at = f"{both.new[:10]}:{both.below}"
    return Merged(conflicts, unmarked, kept, missing, renamed, aside, at)


def _has_markers(both: Versions, path: str) -> bool:
    file = both.git.root / both.below / path
    is_plain = file.is_file() and not file.is_symlink()
    # `conflict-marker-size` in .gitattributes makes them longer.
    return is_plain and bool(re.search(rb"^>{7,} ", file.read_bytes(), re.MULTILINE))


def _state(both: Versions, path: str, sides: set[int]) -> str:
    """Return the field of `Merged` for a file; empty for an old name and for a file never had."""
    if sides == {BASE}:
        return ""
    state = STATES.get(frozenset(sides), "conflicts")
    if state == "missing" and not _had(both, path):
        return ""
    side = "HEAD" if OURS in sides else both.new
    # Git gives a file that it puts aside a name of its own: `NAME~BRANCH`.
    is_aside = state != "conflicts" and both.git.show(side, path) is None
    return "aside" if is_aside else state


def _had(both: Versions, path: str) -> bool:
    """Return whether the service ever had a file, under this name or the one before the update."""
    if both.git.is_shallow:
        return True
    old_names = [paths[0] for state, *paths in both.changed if state == "R" and paths[-1] == path]
    paths = [path, *(f"{both.below}{name}" for name in old_names)]
    return bool(both.git.line("--literal-pathspecs", "log", "-1", "--format=%h", "--", *paths))


def complaint(error: subprocess.CalledProcessError) -> str:
    """Return the line of git's error output that says why it failed."""
    lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    return str(next((line for line in lines if line.startswith(("fatal", "error"))), lines[0]))


def _take_back(both: Versions) -> None:
    """Undo a merge. The folder of the service was clean, so all that is new there is of it."""
    if both.below:
        both.git.run("reset", "--quiet", "--", both.below)
        both.git.run(*NO_HOOKS, "checkout", "--quiet", "HEAD", "--", both.below)
    else:
        both.git.run(*NO_HOOKS, "reset", "--quiet", "--hard")
    both.git.run("clean", "--quiet", "-fd", "--", both.below or ".")


def _taken_back(both: Versions, error: subprocess.CalledProcessError) -> UserError:
    reason = complaint(error)
    try:
        _take_back(both)
    except subprocess.CalledProcessError:
        return UserError(
            f"git could not write the update ({reason}), nor take it back: make room on the disk, "
            f"then `{way_back(both.below)}` brings everything back"
        )
    return UserError(f"git could not write the update, and nothing was changed: {reason}")
