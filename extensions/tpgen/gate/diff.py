"""The change that the gate judges: the work tree compared with where its branch began."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tpgen.core.errors import UserError
from tpgen.core.git import Git

HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
# Whatever the user has configured, and also for files that .gitattributes calls binary.
OPTIONS = ("--unified=0", "--inter-hunk-context=0", "--find-renames", "--no-ext-diff")
PLAIN = ("--no-textconv", "--text", "--ignore-submodules=all")


@dataclass(frozen=True)
class FileDiff:
    """A file that a change adds or edits.

    Attributes:
        path: relative to the service.
        was: its path in the base; empty if the change adds it.
        lines: the numbers of the lines that are new or edited.
        cuts: the numbers of the lines after which lines were only deleted.
    """

    path: str
    was: str
    lines: frozenset[int]
    cuts: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Diff:
    """A change of a service.

    Attributes:
        git: its repository, at the folder of the service.
        base: the commit where the change begins.
        files: what it adds or edits, by path. A file that is only renamed is not edited.
        removed: the paths that it deletes or renames.
    """

    git: Git
    base: str
    files: Mapping[str, FileDiff] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    @property
    def touched(self) -> set[str]:
        """Return all paths, old and new."""
        return {*self.files, *self.removed}

    def before(self, path: str) -> str:
        """Return the text that a changed file had in the base; empty if it is new."""
        file = self.files.get(path)
        return self.read(file.was if file else path)

    def read(self, path: str) -> str:
        """Return a file of the base by its path there; empty if there is none."""
        found = self.git.show(self.base, path) if path else None
        return (found or b"").decode(errors="replace").replace("\r\n", "\n")


def read(root: Path, revision: str) -> Diff:
    """Return what differs between the work tree and the commit where its branch began.

    Args:
        root: the folder of the service.
        revision: such as `origin/main`: of the branch that the change goes to.

    Raises:
        UserError: there is no repository or no such revision, or the history is too short.
    """
    git = Git.at(root)
    if git is None:
        raise UserError(
            f"{root} is in no Git repository, or git is not installed: `tpgen gate` compares with a "
            "commit; run it in a clone"
        )
    base = _merge_base(git, revision)
    try:
        raw = _raw(git, root, base)
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise UserError(f"git can't compare with {base[:10]}: {said}") from None
    entries, patches = _split(raw)
    files: dict[str, FileDiff] = {}
    removed = set()
    for state, *paths in entries:
        was, path = paths[0], paths[-1]
        # Of a file that becomes a link git prints two: it goes, and it comes.
        patch = [next(patches) for _ in range(2 if state == "T" else 1)][-1]
        if state in "DR":
            removed.add(was)
        lines, cuts = _new_lines(patch)
        # Without a hunk it is only renamed, or has other rights.
        if state == "D" or (root / path).is_symlink():
            continue
        is_new = state == "A" or _is_from_elsewhere(root, was, path)
        if state == "R" and is_new:
            lines = frozenset(range(1, len((root / path).read_bytes().splitlines()) + 1))
        if is_new or b"\n@@ -" in patch:
            files[path] = FileDiff(path, "" if is_new else was, lines, cuts)
    return Diff(git, base, files, frozenset(removed - files.keys()))


def _is_from_elsewhere(root: Path, was: str, path: str) -> bool:
    """Return whether a file comes from another top folder, such as `scripts`: then it is new here.

    If that folder is gone, the package itself was renamed.
    """
    above, here = (Path(each).parts[:-1][:1] for each in (was, path))
    return above != here and (not above or (root / above[0]).exists())


def _raw(git: Git, root: Path, base: str) -> bytes:
    with TemporaryDirectory() as folder:
        # An index of its own has the new files too, so that git also finds those that were renamed.
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        known = root / git.line("rev-parse", "--git-path", "index")
        with suppress(FileNotFoundError):
            # With its time, by which git finds files that were edited in the same instant.
            shutil.copy2(known, index["GIT_INDEX_FILE"])
        git.run("add", "--intent-to-add", "--all", "--", ".", env=index)
        options = [*OPTIONS, *PLAIN, "--patch-with-raw", "-z", "--relative"]
        return git.run("diff", *options, base, "--", ".", env=index)


def _merge_base(git: Git, revision: str) -> str:
    if git.commit(revision) is None:
        remote, _, branch = revision.partition("/")
        remotes = git.run("remote").decode(errors="replace").split()
        if not remotes:
            raise UserError(
                f"there is no revision {revision} to compare with, and the repository has no remote: "
                "name the branch that the change goes to, such as `--base main`"
            )
        is_remote = branch and remote in remotes
        command = f"git fetch {remote} {branch}" if is_remote else "git fetch origin"
        if branch == "HEAD":
            command = "git remote set-head origin --auto"
        raise UserError(
            f"there is no revision {revision} to compare with: `{command}` brings it (in GitHub "
            "Actions: `fetch-depth: 0` of actions/checkout), or name another: `--base main`"
        )
    try:
        return git.line("merge-base", revision, "HEAD")
    except subprocess.CalledProcessError:
        pass
    if git.is_shallow:
        raise UserError(
            f"this clone is shallow, and does not hold the commit where HEAD and {revision} part: "
            "`git fetch --unshallow` fetches it (in GitHub Actions: `fetch-depth: 0`)"
        )
    raise UserError(f"HEAD and {revision} have no commit in common: name another with --base")


def _split(raw: bytes) -> tuple[list[tuple[str, ...]], Iterator[bytes]]:
    """Return the raw entries of a diff (state and paths), and the patch of each."""
    listed, _, text = raw.partition(b"\0\0")
    words = listed.split(b"\0") if listed else []
    entries: list[tuple[str, ...]] = []
    while words:
        head = words.pop(0).split()
        state = head[-1][:1].decode()
        paths = [os.fsdecode(words.pop(0)) for _ in range(2 if state in "RC" else 1)]
        entries.append((state, *paths))
    patches = re.split(rb"^(?=diff --git )", text, flags=re.MULTILINE)[1:]
    return entries, iter(patches)


def _new_lines(patch: bytes) -> tuple[frozenset[int], frozenset[int]]:
    """Return the new and edited lines, and those after which lines of code were only deleted."""
    lines: set[int] = set()
    cuts = set()
    start = count = 0
    for line in patch.split(b"\n"):
        if found := HUNK.match(line):
            start, count = int(found[1]), int(found[2] or 1)
            lines |= {*range(start, start + count)}
        elif start and not count and line[:1] == b"-" and line[1:].strip()[:1] not in (b"", b"#"):
            cuts.add(start)
    return frozenset(lines), frozenset(cuts)
