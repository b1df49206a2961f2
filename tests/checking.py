"""Trees in, findings out: the engine on a real git repository."""

import io
import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tpgen.check import engine, project, registry
from tpgen.check.project import Project
from tpgen.check.rule import Tree
from tpgen.check.rule import tree as files_of
from tpgen.cli.main import main
from tpgen.core.finding import Finding

Given = Tree | Callable[[], Tree]
SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
NOTHING: Mapping[str, str] = {}


def git(root: Path, *arguments: str, days_ago: float = 0) -> str:
    """What git says in a folder, without the settings of the developer.

    Args:
        root: the folder.
        arguments: those of git.
        days_ago: when a commit is said to be made.
    """
    time = f"{datetime.now(UTC) - timedelta(days=days_ago):%Y-%m-%dT%H:%M:%S+00:00}"
    dates = {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
    mine = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    who = ["-c", "user.name=Jane", "-c", "user.email=jane@example.com"]
    command = ["git", "-C", str(root), *who, *arguments]
    done = subprocess.run(
        command, env={**mine, **SETTINGS, **dates}, check=True, capture_output=True
    )
    return os.fsdecode(done.stdout)


def write(root: Path, tree: Given) -> None:
    """Write files, by path."""
    for path, content in files_of(tree).items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def repository(
    root: Path, tree: Given = NOTHING, *, before: Given = NOTHING, days_ago: float = 0
) -> Project:
    """A project in git.

    Args:
        root: its folder.
        tree: files that are in the index, not committed.
        before: files that were committed before those were written.
        days_ago: how long ago.
    """
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    write(root, before)
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "before", days_ago=days_ago)
    write(root, tree)
    git(root, "add", "-A")
    return project.find(root, [])


def folder(root: Path, tree: Given) -> Project:
    """A project without git, so that no process is started.

    Args:
        root: its folder.
        tree: its files.
    """
    root.mkdir(parents=True, exist_ok=True)
    write(root, tree)
    return project.find(root, [])


def check(here: Project, select: str = "") -> list[Finding]:
    """What the rules find; `select` as on the command line."""
    rules = registry.selected([word for word in select.split(",") if word], [])
    return engine.run(here, rules).findings


def findings(
    tmp_path: Path,
    tree: Given,
    *,
    select: str = "",
    before: Given | None = None,
    days_ago: float = 0,
) -> list[str]:
    """The findings in a tree, each as `path:line:col CODE`, sorted; notes are among them.

    Args:
        tmp_path: where the project is made.
        tree: the files; in the index, if there is a repository.
        select: codes, their beginnings or names, between commas; none for all.
        before: what was committed before; without it there is no repository.
        days_ago: how long ago.
    """
    if before is None:
        here = folder(tmp_path, tree)
    else:
        here = repository(tmp_path, tree, before=before, days_ago=days_ago)
    found = check(here, select)
    return sorted(f"{one.path}:{one.line}:{one.column} {one.code}" for one in found)


@dataclass(frozen=True)
class Said:
    """How a command of ours ended: its exit code, what it printed, and its complaints."""

    code: int
    out: str
    err: str


def tpgen(folder: Path, *arguments: str) -> Said:
    """Run the command in a folder, in this process."""
    with (
        chdir(folder),
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
    ):
        code = main(arguments)
    return Said(code, out.getvalue(), err.getvalue())
