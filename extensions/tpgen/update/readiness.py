"""Refuse an update that could lose something, or that git could not take back."""

import os
from collections.abc import Iterable
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
        raise UserError(
            f"an update needs a clean tree, and {shortened(changed, SHOWN)} "
            f"{'is' if len(changed) == 1 else 'are'} not committed: commit, or "
            f"`git stash push --include-untracked -- .`, {where}and run it again"
        )
    # In a sparse checkout a skipped file (`S`) is not there.
    listed = (line.partition(" ") for line in names(git.run("ls-files", "-v", "-z")))
    if hidden := [
        path
        for mark, _, path in listed
        if mark.islower() or (mark == "S" and os.path.lexists(git.root / path))
    ]:
        raise UserError(
            f"git was told to overlook changes of {shortened(hidden, SHOWN)}, so that an update "
            "could lose them: `git update-index --no-assume-unchanged --no-skip-worktree "
            f"{quote(hidden[0])}`, and commit what differs"
        )
    return git


def refuse_ignored(git: Git, files: Iterable[str]) -> None:
    """Refuse if git ignores a file where the update may write one of these files."""
    paths = {found for path in files if (found := _in_the_way(git.root, path))}
    listed = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *sorted(paths))
    if paths and (ignored := names(git.run("--literal-pathspecs", *listed))):
        raise UserError(
            f"git ignores {ignored[0]}, where a file of the template is, so that an update would "
            f"lose it: `git add --force {quote(ignored[0])}` and commit, or move it away"
        )


def _in_the_way(root: Path, path: str) -> str:
    """Return the path if it exists, or what stands in the place of one of its folders; or ""."""
    for folder in list(PurePosixPath(path).parents)[-2::-1]:
        here = root / folder
        # Git looks at nothing behind a link or in a submodule.
        if here.is_symlink() or not here.is_dir() or (here / ".git").exists():
            path = str(folder)
            break
    return path if os.path.lexists(root / path) else ""
