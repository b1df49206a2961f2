"""Merge the difference of two versions of the template into a service, by git.

Copier renders both versions; git merges their difference as it merges a branch: with renames,
binary files and any encoding. Conflicts are in the index, so nobody commits them by mistake
(decision 12).
"""

import os
import re
import shlex
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tpgen.core.errors import UserError
from tpgen.core.git import Git, names

AUTHOR = ["-c", "user.name=tpgen", "-c", "user.email=tpgen@example.com"]
# The rendered files are committed byte for byte, whatever the settings of the user.
VERBATIM = ["-c", "core.autocrlf=false", "-c", f"core.excludesFile={os.devnull}"]
NO_HOOKS = ["-c", f"core.hooksPath={os.devnull}"]
MERGE = ["cherry-pick", "--no-commit", "--allow-empty", "--strategy-option=ignore-cr-at-eol"]
# Git's own strategy, `ort`, ignored `no-renames` before 2.50.
WITHOUT_RENAMES = ["--strategy=recursive", "--strategy-option=no-renames"]
MEANWHILE = "was changed while the update was prepared, so nothing was written: commit it, and run "
MEANWHILE += "this again"
# The sides of a conflict in the index, and what it means if a file has only these.
BASE, OURS, THEIRS = 1, 2, 3
STATES = {
    frozenset({BASE}): "",
    frozenset({BASE, OURS}): "kept",
    frozenset({BASE, THEIRS}): "missing",
    frozenset({OURS}): "renamed",
    frozenset({THEIRS}): "renamed",
}


@dataclass(frozen=True)
class Versions:
    """Two rendered versions, as commits in the repository of the service that no branch holds."""

    git: Git  # at the top of the repository
    below: str  # the folder of the service in it, such as "" or "services/mail/"
    old: str
    new: str

    @cached_property
    def changed(self) -> list[tuple[str, ...]]:
        """Return the files that differ: state (`A`, `M`, `D`, or `R` with two paths) and paths."""
        options = ("-r", "-z", "-M", "--name-status")
        words = iter(names(self.git.run("diff-tree", *options, self.old, self.new)))
        found: list[tuple[str, ...]] = []
        for state in words:
            paths = [next(words) for _ in range(2 if state.startswith("R") else 1)]
            found.append((state[0], *(path.removeprefix(self.below) for path in paths)))
        return found

    @property
    def way_back(self) -> str:
        """Return the command that takes an update back, from any folder of the repository."""
        return " && ".join(shlex.join(["git", *command]) for command in self._way_back)

    def take_back(self) -> None:
        """Undo a merge. The folder of the service was clean, so all that is new there is of it."""
        for command in self._way_back:
            self.git.run(*NO_HOOKS, *command)

    @property
    def _way_back(self) -> list[list[str]]:
        if not self.below:
            return [["reset", "--hard"], ["clean", "-fd", ":/"]]
        commands = (["reset", "-q"], ["checkout", "HEAD"], ["clean", "-fd"])
        return [[*command, "--", f":/{self.below}"] for command in commands]


@dataclass
class Merged:
    """The files that a person must look at after a merge; docs/update.md explains the lists."""

    at: str  # `git show` finds the template's files there: a path follows
    conflicts: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)  # conflicts without markers
    kept: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    broken: str = ""
    locked: str = ""  # the lock command that ran after the merge
    unlocked: str = ""  # why the lock file is still the old one

    @property
    def needs_a_person(self) -> bool:
        """Return whether something is left to decide."""
        files = (self.conflicts, self.kept, self.missing, self.renamed, self.aside)
        return bool(self.broken or self.unlocked or any(files))


def versions(service: Git, old: Path, new: Path, title: str) -> Versions:
    """Commit two rendered folders to the repository of a service, without a branch."""
    top = Git(Path(service.line("rev-parse", "--show-toplevel")))
    below = service.line("rev-parse", "--show-prefix")
    commit = (*AUTHOR, "commit-tree", "-m", title)  # Git proposes it as the message of the merge.
    first = top.line(*commit, _tree(top, old, below))
    return Versions(top, below, first, top.line(*commit, "-p", first, _tree(top, new, below)))


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


def merge(both: Versions) -> Merged:
    """Merge the difference into the work tree and the index; nothing is committed."""
    if changed := both.git.uncommitted(both.below or "."):
        raise UserError(f"{changed[0]} {MEANWHILE}")
    staged = _staged(both.git)
    try:
        for renames in ([], WITHOUT_RENAMES):
            _pick(both.git, [*NO_HOOKS, *MERGE, *renames, both.new])
            if not (strays := _strays(both, staged)):
                return _outcome(both)
            # Git took a file of the service for a renamed one of the template.
            both.take_back()
    except subprocess.CalledProcessError as error:
        reason = complaint(error)
        try:
            both.take_back()
        except subprocess.CalledProcessError:
            raise UserError(
                f"git could not write the update ({reason}), nor take it back: make room on the "
                f"disk, then `{both.way_back}` brings everything back"
            ) from None
        raise UserError(
            f"git could not write the update, and nothing was changed: {reason}"
        ) from None
    raise UserError(
        f"git would change {strays[0]}, which is not a file of the template; nothing was changed: "
        "git took it for a renamed file of the template; please report it with this line"
    )


def _pick(git: Git, command: list[str]) -> None:
    """Let git merge; conflicts are not a failure."""
    try:
        git.run(*command, env={"LC_ALL": "C"})
    except subprocess.CalledProcessError as error:
        if b"would be overwritten" in error.stderr:  # git looked before it wrote anything
            raise UserError(f"a file of the template {MEANWHILE}") from None
        if not _unmerged(git):
            raise


def _staged(git: Git) -> set[str]:
    """Return the files of HEAD that differ in the index."""
    options = ["--cached", "--name-only", "--no-renames", "--diff-filter=MDT", "-z"]
    return set(names(git.run("diff", *options, "HEAD")))


def _strays(both: Versions, before: set[str]) -> list[str]:
    """Return the files that the merge changed and that are not the template's."""
    known = {
        name
        for commit in (both.old, both.new)
        for name in names(both.git.run("ls-tree", "-r", "-z", "--name-only", commit))
    }
    marked = {path for path, sides in _unmerged(both.git).items() if {OURS, THEIRS} <= sides}
    return sorted((_staged(both.git) | marked) - before - known)


def _unmerged(git: Git) -> Mapping[str, set[int]]:
    """Return the files in conflict, and the sides that each of them has."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in names(git.run("ls-files", "--unmerged", "-z")):
        about, path = line.split("\t", 1)
        found[path].add(int(about.split()[2]))
    return found


def _outcome(both: Versions) -> Merged:
    merged = Merged(at=f"{both.new[:10]}:{both.below}")
    for path, sides in sorted(_unmerged(both.git).items()):
        state = _state(both, path, sides)
        if state in ("", "missing"):
            # A file deleted in the service stays deleted.
            remove = ["--literal-pathspecs", "rm", "--quiet", "--force", "--ignore-unmatch"]
            both.git.run(*remove, "--", path)
        name = path.removeprefix(both.below)
        if state:
            getattr(merged, state).append(name)
        if state == "conflicts":
            file = both.git.root / path
            content = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
            # `conflict-marker-size` in .gitattributes makes the markers longer.
            if not re.search(rb"^>{7,} ", content, re.MULTILINE):
                merged.unmarked.append(name)
    return merged


def _state(both: Versions, path: str, sides: set[int]) -> str:
    """Return the field of `Merged` for a file; empty for an old name and for a file never had."""
    state = STATES.get(frozenset(sides), "conflicts")
    if state == "missing" and not _had(both, path):
        return ""
    side = "HEAD" if OURS in sides else both.new
    # Git gives a file that it puts aside a name of its own: `NAME~BRANCH`.
    is_named_by_git = state not in ("", "conflicts") and both.git.show(side, path) is None
    return "aside" if is_named_by_git else state


def _had(both: Versions, path: str) -> bool:
    """Return whether the service ever had a file, under this name or the one before the update."""
    renames = [paths for state, *paths in both.changed if state == "R"]
    old_names = [f"{both.below}{old}" for old, new in renames if f"{both.below}{new}" == path]
    log = ("--literal-pathspecs", "log", "-1", "--format=%h", "--", path, *old_names)
    return both.git.is_shallow or bool(both.git.line(*log))


def complaint(error: subprocess.CalledProcessError) -> str:
    """Return the line of git's error output that says why it failed."""
    lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    return str(next((line for line in lines if line.startswith(("fatal", "error"))), lines[0]))
