"""What must be so before an update: else it could lose something, or git could not bring it back."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from shlex import quote

from tpgen.core.errors import Misuse
from tpgen.core.git import Git, names
from tpgen.report.text import shortened

SHOWN = 5
# What git keeps while a person is in the midst of something, and what ends it.
UNFINISHED = {
    "MERGE_HEAD": "git merge --abort",
    "CHERRY_PICK_HEAD": "git cherry-pick --abort",
    "REVERT_HEAD": "git revert --abort",
    "rebase-merge": "git rebase --abort",
    "rebase-apply/applying": "git am --abort",
    "rebase-apply": "git rebase --abort",
}


def repository(root: Path) -> Git:
    """The repository of a service, in which nothing is open.

    Raises:
        Misuse: there is none, it has no commit, or something is not committed.
    """
    git = Git.at(root)
    if git is None or not git.has_commits:
        raise Misuse(
            f"{root} is not committed to git, which must be able to bring everything back: "
            "`git init && git add --all && git commit -m 'as copied'`"
        )
    folder = Path(os.fsdecode(git.run("rev-parse", "--absolute-git-dir").rstrip(b"\n")))
    for name, command in UNFINISHED.items():
        if (folder / name).exists():
            raise Misuse(f"git is in the midst of something here: finish it, or `{command}`")
    if (folder / "index.lock").exists():
        raise Misuse(
            f"{folder / 'index.lock'} is there: another git command runs here, or was killed; "
            "remove that file once none does"
        )
    if changed := git.uncommitted():
        raise Misuse(
            f"an update needs a clean tree, and {_listed(changed)} not committed: commit, or "
            f"`{_stash(git)}`, {_where(git, changed)}and run it again"
        )
    if overlooked := list(_overlooked(git)):
        raise Misuse(
            f"git was told to overlook changes of {shortened(overlooked, SHOWN)}, so that an "
            f"update could lose them: `git update-index --no-assume-unchanged --no-skip-worktree "
            f"{quote(overlooked[0])}`, and commit what differs"
        )
    return git


def _stash(git: Git) -> str:
    """Return the command that stashes what is open in the service, and nothing beside it."""
    below = git.run("rev-parse", "--show-prefix").strip()
    return "git stash push --include-untracked -- ." if below else "git stash --include-untracked"


def _overlooked(git: Git) -> Iterator[str]:
    for line in names(git.run("ls-files", "-v", "-z")):
        mark, path = line[0], line[2:]
        # Of a sparse checkout the file is not there.
        if mark.islower() or (mark == "S" and os.path.lexists(git.root / path)):
            yield path


def nothing_ignored(git: Git, files: Iterable[str]) -> None:
    """Make sure that git knows each file that is where one of the template is, or shall be.

    Args:
        git: the repository, at the folder of the service.
        files: what the update could write, relative to the service.

    Raises:
        Misuse: git ignores one, so that an update would overwrite what is in it.
    """
    there = {one for path in files for one in _in_the_way(git.root, path)}
    given = b"".join(os.fsencode(path) + b"\0" for path in sorted(there))
    try:
        said = git.run("check-ignore", "--verbose", "--stdin", "-z", given=given)
    except subprocess.CalledProcessError as error:
        if error.returncode == 1:  # None is.
            return
        raise
    where, line, pattern, path = names(said)[:4]
    raise Misuse(
        f"git ignores {path}, where a file of the template is, so that an update would lose it: "
        f"take {pattern!r} out of {where}, line {line}, or `git add --force {quote(path)}` and commit"
    )


def _in_the_way(root: Path, path: str) -> Iterator[str]:
    """What is at a path, or below it, or stands for one of its folders."""
    for folder in list(PurePosixPath(path).parents)[-2::-1]:
        here = root / folder
        # Beyond a link, or in a submodule, git looks at nothing for this repository.
        if here.is_symlink() or not here.is_dir() or (here / ".git").exists():
            yield from [str(folder)] if os.path.lexists(here) else []
            return
    if (root / path).is_dir() and not (root / path).is_symlink():
        yield from (
            one.relative_to(root).as_posix() for one in (root / path).rglob("*") if not one.is_dir()
        )
    elif os.path.lexists(root / path):
        yield path


def _where(git: Git, changed: list[str]) -> str:
    return "in that submodule, " if (git.root / changed[0] / ".git").exists() else ""


def _listed(paths: list[str]) -> str:
    return f"{shortened(paths, SHOWN)} {'is' if len(paths) == 1 else 'are'}"
