"""What changed between two versions of the template, merged by git into a service.

Copier renders both versions; git merges their difference as it merges a branch: with renames,
binary files and any encoding. What it can't merge is left as conflicts in the index, which nobody
commits by mistake.
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

from tpgen.core.errors import Misuse
from tpgen.core.git import Git, names

WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "tpgen"), ("EMAIL", "tpgen@example.com"))
}


def _settings(*values: str) -> list[str]:
    return [word for value in values for word in ("-c", value)]


# Byte for byte: these files are as they were rendered, whatever a person's settings make of theirs.
VERBATIM = _settings(
    "core.autocrlf=false", "core.safecrlf=false", f"core.excludesFile={os.devnull}"
)
MERGE = _settings(
    "merge.renames=true",
    "merge.renameLimit=0",
    "merge.directoryRenames=false",
    "rerere.enabled=false",
)
# Git's own strategy, `ort`, took no notice of `no-renames` before 2.50.
WITHOUT_RENAMES = ["--strategy=recursive", "--strategy-option=no-renames"]
NO_HOOKS = _settings(f"core.hooksPath={os.devnull}")
MEANWHILE = (
    "was changed here while the update was prepared, so that nothing was written: commit it, and "
    "run this again"
)
# The sides of a conflict in git's index.
BASE, OURS, THEIRS = 1, 2, 3
SORTS = {
    frozenset({BASE, OURS}): "kept",
    frozenset({BASE, THEIRS}): "missing",
    frozenset({OURS}): "renamed",
    frozenset({THEIRS}): "renamed",
}


def way_back(below: str) -> str:
    """Return the command that takes back an update that was written whole.

    Args:
        below: the folder of the service in its repository.
    """
    return bring_back(below) if below else "git reset --hard"


def bring_back(below: str) -> str:
    """Return the command that takes an update back, from any folder of the repository.

    Args:
        below: the folder of the service; what other folders have is left alone.
    """
    if not below:
        return "git reset --hard && git clean -fd :/"
    folder = quote(f":/{below}")
    return " && ".join(
        (
            f"git reset -q -- {folder}",
            f"git checkout HEAD -- {folder}",
            f"git clean -fd -- {folder}",
        )
    )


@dataclass(frozen=True)
class Versions:
    """What was rendered, as commits in the repository of the service; no branch holds them.

    Attributes:
        git: the repository, at its top.
        below: the folder of the service in it, such as "" or "services/mail/".
        old: the version that the service was made from.
        new: the one that it gets; a child of `old`.
    """

    git: Git
    below: str
    old: str
    new: str

    @cached_property
    def is_shallow(self) -> bool:
        """Whether git lacks a part of the service's history."""
        return self.git.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    @cached_property
    def changed(self) -> list[tuple[str, ...]]:
        """The files that differ: state (`A`, `M`, `D`, or `R` with two paths) and paths."""
        said = names(
            self.git.run("diff-tree", "-r", "-z", "-M", "--name-status", self.old, self.new)
        )
        found: list[tuple[str, ...]] = []
        while said:
            state = said.pop(0)[0]
            paths = [said.pop(0).removeprefix(self.below) for _ in range(2 if state == "R" else 1)]
            found.append((state, *paths))
        return found


@dataclass(frozen=True)
class Merged:
    """What git could not merge by itself; paths relative to the service, sorted.

    Attributes:
        conflicts: files that both sides changed in one place; with conflict markers.
        unmarked: those of them without: they are as they were here, since git can't mark them.
        kept: edited files that the template removed: they are where they were.
        renamed: files that were renamed to one name here and to another one in the template.
        aside: what git put aside under a name of its own, since something else has its place.
        missing: files that the template changed, and that were removed here.
        broken: what is wrong with the policy now, where it was merged and makes no sense.
        locked: the lock command that ran after the merge; empty if none did.
        unlocked: why the lock file does not follow yet; empty if it does.
        at: where git has the template's new files: `git show` takes it, with a path behind it.
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
        """Whether something is left to decide."""
        several = (self.conflicts, self.kept, self.missing, self.renamed, self.aside)
        return bool(self.broken or self.unlocked or any(several))


def versions(service: Git, old: Path, new: Path, title: str) -> Versions:
    """Put two rendered folders into the repository of a service.

    Args:
        service: the repository, at the folder of the service.
        old: what the service was made from.
        new: what it gets.
        title: of the commit; it becomes the message that git proposes.
    """
    top = Git(Path(os.fsdecode(service.run("rev-parse", "--show-toplevel").rstrip(b"\n"))))
    below = os.fsdecode(service.run("rev-parse", "--show-prefix").rstrip(b"\n"))
    first = _commit(top, _tree(top, old, below), "the template as it was")
    return Versions(top, below, first, _commit(top, _tree(top, new, below), title, first))


def _tree(git: Git, folder: Path, below: str) -> str:
    where = os.fsdecode(git.run("rev-parse", "--absolute-git-dir").rstrip(b"\n"))
    with TemporaryDirectory(prefix="tpgen-") as spare:
        index = {"GIT_INDEX_FILE": f"{spare}/index", "GIT_DIR": where}
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
    return git.run("commit-tree", tree, *options, "-m", title, env=WHO).decode().strip()


def merge(both: Versions) -> Merged:
    """Merge the difference into the work tree and the index; nothing is committed.

    Raises:
        Misuse: git could not write it; then all is as it was, or the sentence says how it gets so.
    """
    if changed := both.git.uncommitted(both.below or "."):
        raise Misuse(f"{changed[0]} {MEANWHILE}")
    staged = set(_staged(both))
    try:
        for renames in ([], WITHOUT_RENAMES):
            how = ["--no-commit", "--allow-empty", "--strategy-option=ignore-cr-at-eol", *renames]
            _pick(both.git, [*NO_HOOKS, *MERGE, "cherry-pick", *how, both.new])
            if not (strays := _strays(both, staged)):
                merged = _sorted_out(both)
                _keep_line_ends(both)
                return merged
            # Git took a file of the service's own for one of the template with another name.
            _take_back(both)
    except subprocess.CalledProcessError as error:
        raise _taken_back(both, error) from None
    raise Misuse(
        f"git would change {strays[0]}, which is not a file of the template; nothing was changed"
    )


def _keep_line_ends(both: Versions) -> None:
    """Write CR LF at the ends of the merged lines of a file that had no other ends."""
    for path in _staged(both, "M", both.below or "."):
        old, file = both.git.show("HEAD", path), both.git.root / path
        if old and b"\r\n" in old and b"\n" not in old.replace(b"\r\n", b""):
            text = file.read_bytes()
            file.write_bytes(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            both.git.run(*VERBATIM, "--literal-pathspecs", "add", "--sparse", "--", path)


def _staged(both: Versions, states: str = "MDT", below: str = ".") -> list[str]:
    """Return the files of HEAD that the index has otherwise.

    Args:
        both: of the service, whose whole repository is looked at.
        states: how they differ, as git abbreviates it.
        below: the folder to look at, relative to the top of the repository.
    """
    options = ["--cached", "--name-only", "--no-renames", f"--diff-filter={states}", "-z"]
    return names(both.git.run("diff", *options, "HEAD", "--", below))


def _strays(both: Versions, before: set[str]) -> list[str]:
    """Return the files that the merge changed and that are not the template's."""
    trees = (
        both.git.run("ls-tree", "-r", "-z", "--name-only", one) for one in (both.old, both.new)
    )
    marked = {path for path, sides in _unmerged(both.git).items() if {OURS, THEIRS} <= sides}
    changed = {*_staged(both), *marked} - before
    return sorted(changed - {name for tree in trees for name in names(tree)})


def _pick(git: Git, command: list[str]) -> None:
    """Let git merge; that there are conflicts is no failure."""
    try:
        git.run(*command, env={"LC_ALL": "C"})
    except subprocess.CalledProcessError as error:
        if b"would be overwritten" in error.stderr:  # git looked before it wrote anything
            raise Misuse(f"a file of the template {MEANWHILE}") from None
        if not _unmerged(git):
            raise


def _unmerged(git: Git) -> Mapping[str, set[int]]:
    """The files in conflict, and the sides that each of them has."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in names(git.run("ls-files", "--unmerged", "-z")):
        about, path = line.split("\t", 1)
        found[path].add(int(about.split()[2]))
    return found


def _sorted_out(both: Versions) -> Merged:
    found: dict[str, list[str]] = defaultdict(list)
    for path, sides in sorted(_unmerged(both.git).items()):
        sort = _sort(both, path, sides)
        if sort in ("", "missing"):
            # Whoever removed a file keeps it removed, and is told; nor is an old name left open.
            # `page[1].txt` is no pattern, which would take `page1.txt` along.
            remove = ["--literal-pathspecs", "rm", "--quiet", "--force", "--ignore-unmatch"]
            both.git.run(*remove, "--", path)
        found[sort].append(path.removeprefix(both.below))
    conflicts, kept, missing, renamed, aside = (
        tuple(found[sort]) for sort in ("conflicts", "kept", "missing", "renamed", "aside")
    )
    unmarked = tuple(path for path in conflicts if not _has_markers(both, path))
    at = f"{both.new[:10]}:{both.below}"
    return Merged(conflicts, unmarked, kept, missing, renamed, aside, at)


def _has_markers(both: Versions, path: str) -> bool:
    file = both.git.root / both.below / path
    is_plain = file.is_file() and not file.is_symlink()
    # `conflict-marker-size` in .gitattributes makes them longer.
    return is_plain and bool(re.search(rb"^>{7,} ", file.read_bytes(), re.MULTILINE))


def _sort(both: Versions, path: str, sides: set[int]) -> str:
    """Which field of `Merged` a file belongs to; none if it has only its old name, or never was."""
    if sides == {BASE}:
        return ""
    sort = SORTS.get(frozenset(sides), "conflicts")
    if sort == "missing" and not _had(both, path):
        return ""
    side = "HEAD" if OURS in sides else both.new
    # What git puts aside has a name of git's own: `NAME~BRANCH`.
    is_aside = sort != "conflicts" and both.git.show(side, path) is None
    return "aside" if is_aside else sort


def _had(both: Versions, path: str) -> bool:
    """Whether the service ever had a file, under this name or the one before the update."""
    if both.is_shallow:
        return True  # nobody can tell
    before = [paths[0] for state, *paths in both.changed if state == "R" and paths[-1] == path]
    paths = [path, *(f"{both.below}{one}" for one in before)]
    found = both.git.run("--literal-pathspecs", "log", "-1", "--format=%h", "--", *paths)
    return bool(found.strip())


def complaint(error: subprocess.CalledProcessError) -> str:
    """What git said of its failure, in one line."""
    lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no word of git"]
    return str(next((one for one in lines if one.startswith(("fatal", "error"))), lines[0]))


def _take_back(both: Versions) -> None:
    """Undo a merge; the folder of the service was clean, so all that is new there is of it."""
    if both.below:
        both.git.run("reset", "--quiet", "--", both.below)
        both.git.run(*NO_HOOKS, "checkout", "--quiet", "HEAD", "--", both.below)
    else:
        both.git.run(*NO_HOOKS, "reset", "--quiet", "--hard")
    both.git.run("clean", "--quiet", "-fd", "--", both.below or ".")


def _taken_back(both: Versions, error: subprocess.CalledProcessError) -> Misuse:
    said = complaint(error)
    try:
        _take_back(both)
    except subprocess.CalledProcessError:
        return Misuse(
            f"git could not write the update ({said}), nor take it back: make room on the disk, "
            f"then `{bring_back(both.below)}` brings everything back"
        )
    return Misuse(f"git could not write the update, and nothing was changed: {said}")
