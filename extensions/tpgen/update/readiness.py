"""Refuse an update that could lose something, or that git could not take back."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from shlex import quote

from tpgen.core.errors import UserError
from tpgen.core.git import Git, names
from tpgen.report.text import shortened

SHOWN = 5
# What git keeps during a command that is not finished.
UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply/applying": "am",
    "rebase-apply": "rebase",
}


def repository(root: Path) -> Git:
    """Return the repository of a service, which is clean."""
    git = Git.at(root)
    if git is None or not git.has_commits:
        raise UserError(
            f"{root} is not committed to git, which must be able to bring everything back: "
            "`git init && git add --all && git commit -m 'as copied'`"
        )
    folder = Path(git.line("rev-parse", "--absolute-git-dir"))
    for name, command in UNFINISHED.items():
        if (folder / name).exists():
            raise UserError(
                f"a git {command} is not finished: finish it, or `git {command} --abort`"
            )
    if (folder / "index.lock").exists():
        raise UserError(
            f"{folder / 'index.lock'} is there: another git command runs here, or was killed; "
            "remove that file once none does"
        )
    if changed := git.uncommitted():
        where = "in that submodule, " if (git.root / changed[0] / ".git").exists() else ""
        stash = "git stash --include-untracked"
        if git.line("rev-parse", "--show-prefix"):  # Other folders are left alone.
            stash = "git stash push --include-untracked -- ."
        raise UserError(
            f"an update needs a clean tree, and {shortened(changed, SHOWN)} "
            f"{'is' if len(changed) == 1 else 'are'} not committed: commit, or `{stash}`, "
            f"{where}and run it again"
        )
    if hidden := list(_hidden(git)):
        raise UserError(
            f"git was told to overlook changes of {shortened(hidden, SHOWN)}, so that an update "
            "could lose them: `git update-index --no-assume-unchanged --no-skip-worktree "
            f"{quote(hidden[0])}`, and commit what differs"
        )
    return git


def _hidden(git: Git) -> Iterator[str]:
    for line in names(git.run("ls-files", "-v", "-z")):
        mark, path = line[0], line[2:]
        # In a sparse checkout a skipped file is not there.
        if mark.islower() or (mark == "S" and os.path.lexists(git.root / path)):
            yield path


def refuse_ignored(git: Git, files: Iterable[str]) -> None:
    """Refuse if git ignores a file where the update may write one of these files."""
    paths = {found for path in files for found in _in_the_way(git.root, path)}
    if not paths:
        return
    listed = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *sorted(paths))
    if ignored := names(git.run("--literal-pathspecs", *listed)):
        raise UserError(
            f"git ignores {ignored[0]}, where a file of the template is, so that an update would "
            f"lose it: `git add --force {quote(ignored[0])}` and commit, or move it away"
        )


def _in_the_way(root: Path, path: str) -> Iterator[str]:
    """Yield a path that exists, or what stands in the place of one of its folders."""
    for folder in list(PurePosixPath(path).parents)[-2::-1]:
        here = root / folder
        # Git looks at nothing behind a link or in a submodule.
        if here.is_symlink() or not here.is_dir() or (here / ".git").exists():
            if os.path.lexists(here):
                yield str(folder)
            return
    if os.path.lexists(root / path):
        yield path
