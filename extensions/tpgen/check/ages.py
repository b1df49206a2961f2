"""What held for the functions of a file some days ago, by Git."""

import ast
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

from tpgen.core.git import Git

from .file import File, Unreadable
from .tests import FUNCTIONS

DAY = 24 * 60 * 60


@lru_cache(maxsize=8)
def commit_before(git: Git, days: float) -> str:
    """Return the newest commit that is at least so many days old; "" if history is shorter."""
    since = int(time.time() - days * DAY)
    return git.run("rev-list", "-1", f"--before={since}", "HEAD").decode().strip()


def was_so(file: File, function: str, commit: str, having: Callable[[File], set[str]]) -> bool:
    """Return whether something held for a function in a commit, in whichever file it was then.

    Args:
        file: the file that has the function now.
        function: its name; "" for the file as a whole.
        commit: the commit to look at.
        having: returns the functions of a file for which it holds.
    """
    then = _show(file, commit, file.path)
    if then and (not function or _defines(then, function)):
        return function in _readable(having, then)
    return any(function in _readable(having, moved) for moved in _elsewhere(file, function, commit))


def function_around(file: File, node: ast.AST) -> str:
    """Return the name of the function that a node is in or decorates, or ""."""
    above: ast.AST | None = node
    while above is not None and not isinstance(above, FUNCTIONS):
        above = file.parents.get(above)
    return getattr(above, "name", "")


def _elsewhere(file: File, function: str, commit: str) -> Iterator[File]:
    """Yield the files that defined a function in a commit, and define it no longer."""
    git = file.project.git
    if not git or not function:
        return
    found = git.grep("-E", "-e", rf"def {function} *\(", commit, "--", "*.py")
    for path in (name.partition(":")[2] for name in found):
        now = file.project.file(path) if path in file.project.paths else None
        then = _show(file, commit, path)
        if then and not (now and _defines(now, function)):
            yield then


def _defines(file: File, function: str) -> bool:
    return re.search(rf"\bdef {function}\b".encode(), file.data) is not None


def _show(file: File, commit: str, path: str) -> File | None:
    data = file.project.git.show(commit, path) if file.project.git else None
    return None if data is None else File(path, data, file.project)


def _readable(having: Callable[[File], set[str]], file: File) -> set[str]:
    try:
        return having(file)
    except Unreadable:
        return set()
