"""List the files of a project, and classify them by path."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tpgen.core.git import Git, TrackedFiles

TEST_FOLDERS = {"test", "tests", "testing", "fixtures", "testdata", "test_data", "seeds"}
NOT_OURS = {".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".tpgen"}


# Each rule calls it, file by file.
@lru_cache(maxsize=64)
def is_test_path(path: str) -> bool:
    """Return whether a file belongs to tests: their code, or what they read."""
    *folders, name = path.split("/")
    return bool(TEST_FOLDERS & set(folders)) or is_test_file(path) or name == "conftest.py"


def is_test_file(path: str) -> bool:
    """Return whether pytest collects a file by itself."""
    name = path.rpartition("/")[2]
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def is_test_python(path: str) -> bool:
    """Return whether a file is Python of tests, other than the policy folder."""
    return is_python(path) and is_test_path(path) and not is_policy(path)


def is_policy(path: str) -> bool:
    return path.startswith("tests/policy/")


def matches(path: str, pattern: str) -> bool:
    """Return whether a path fits a pattern: `*` stays within a folder, `**` does not."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts), re.DOTALL)


def require_pattern(root: Path, pattern: str) -> None:
    """Refuse a pattern that can't fit any file.

    Raises:
        ValueError: it is one; the message continues "an exemption …".
    """
    if pattern.startswith(("/", "./", "~")) or "\\" in pattern or ".." in pattern.split("/"):
        raise ValueError(f"has the `path` {pattern!r}: write it relative to pyproject.toml, with /")
    if not re.search(r"[*?]", pattern) and (root / pattern).is_dir():
        raise ValueError(f"has the `path` of a folder: write {pattern.rstrip('/') + '/**'!r}")


def list_files(root: Path, git: Git | None) -> TrackedFiles:
    """Return the files that are committed or could be; without git, all but environments."""
    return git.files() if git else TrackedFiles(sorted(_walk(root)))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()
