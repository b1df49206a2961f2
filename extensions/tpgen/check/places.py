"""Which files there are, and what a path tells of one."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tpgen.core.git import Git

TEST_FOLDERS = {"test", "tests", "testing", "fixtures", "testdata", "test_data", "seeds"}
NOT_OURS = {".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".tpgen"}


# Each rule asks, file by file.
@lru_cache(maxsize=64)
def is_test_path(path: str) -> bool:
    """Whether a file belongs to tests: what they do, or what they read."""
    *folders, name = path.split("/")
    return bool(TEST_FOLDERS & set(folders)) or is_test_file(path) or name == "conftest.py"


def is_test_file(path: str) -> bool:
    """Whether pytest finds tests in a file by itself."""
    return re.fullmatch(r"(test_.*|.*_test)\.py", path.rpartition("/")[2]) is not None


def is_python(path: str) -> bool:
    """Whether a file is Python, by its name."""
    return path.endswith((".py", ".pyi"))


def is_test_python(path: str) -> bool:
    """Whether a file is Python of tests, other than what the template brings."""
    return is_python(path) and is_test_path(path) and not is_policy(path)


def is_policy(path: str) -> bool:
    """Whether a file is the template's."""
    return path.startswith("tests/policy/")


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern: `*` stays within a folder, `**` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(known.get(one, re.escape(one)) for one in parts), path) is not None


def list_files(root: Path, git: Git | None) -> list[str]:
    """The files of a project that are committed or could be; without git, all but environments."""
    return git.files() if git else sorted(_walk(root))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()
