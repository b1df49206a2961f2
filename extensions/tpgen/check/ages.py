"""How old a part of a file is, by git."""

import ast
import re
import subprocess
import time
from collections.abc import Callable
from functools import lru_cache

from tpgen.core.git import Git

from .file import File, Unreadable
from .tests import FUNCTIONS

DAY = 24 * 60 * 60


@lru_cache(maxsize=4)
def is_shallow(git: Git) -> bool:
    """Whether the repository holds only the newest commits, so that an age can't be told."""
    return git.run("rev-parse", "--is-shallow-repository").strip() == b"true"


def days_of_lines(git: Git, path: str, first: int, last: int) -> float:
    """How many days ago the oldest of some lines was written.

    Lines that were indented keep their age, and those of a file that was renamed; lines that are
    not committed have none. Copies are not looked for: two skips often read the same.
    """
    try:
        said = git.run("blame", "-w", "--line-porcelain", f"-L{first},{last}", "--", path)
    except subprocess.CalledProcessError:
        return 0
    # Line by line: the commit, its author's time, and a boundary where the history is cut.
    times = [float(one) for one in re.findall(rb"^author-time (\d+)$", said, re.MULTILINE)]
    return (time.time() - min(times)) / DAY if times else 0


@lru_cache(maxsize=8)
def commit_of(git: Git, days: float) -> str:
    """The newest commit that is at least so old, or "" where the history is shorter."""
    since = int(time.time() - days * DAY)
    return git.run("rev-list", "-1", f"--before={since}", "HEAD").decode().strip()


def was_so(file: File, function: str, days: float, is_so: Callable[[File], set[str]]) -> bool:
    """Whether something held for a function so many days ago, in whichever file it was then.

    Args:
        file: where the function is now.
        function: its name; "" for the file as a whole.
        days: how long ago.
        is_so: the functions of a file for which it holds.
    """
    git = file.project.git
    commit = commit_of(git, days) if git else ""
    if not git or not commit:
        return False
    then = _then(file, commit, file.path)
    if then and f"def {function}(".encode() in then.data:
        return function in _told(is_so, then)
    if not function:
        return then is not None and function in _told(is_so, then)
    for path in _holding(git, commit, function):
        now = file.project.file(path) if path in file.project.paths else None
        # It was moved only where it is not there any more.
        is_gone = path != file.path and (now is None or function not in _told(is_so, now))
        was = _then(file, commit, path) if is_gone else None
        if was and function in _told(is_so, was):
            return True
    return False


def _told(is_so: Callable[[File], set[str]], file: File) -> set[str]:
    try:
        return is_so(file)
    except Unreadable:
        return set()


def _then(file: File, commit: str, path: str) -> File | None:
    git = file.project.git
    data = git.show(commit, path) if git else None
    return None if data is None else File(path, data, file.project)


def _holding(git: Git, commit: str, function: str) -> list[str]:
    """The files that defined a function in a commit."""
    try:
        said = git.run("grep", "-lz", "-E", rf"def {function} *\(", commit, "--", "*.py")
    except subprocess.CalledProcessError:
        return []
    names = said.decode(errors="replace").split("\0")
    return [name.partition(":")[2] for name in names if name]


def function_around(file: File, node: ast.AST) -> str:
    """The name of the function that a node is in or decorates, or ""."""
    above: ast.AST | None = node
    while above is not None:
        if isinstance(above, FUNCTIONS):
            return above.name
        above = file.parents.get(above)
    return ""
