"""The places where tests are run again until they pass, and the reasons that they state."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tpgen.source.trees import callee

from . import tests
from .file import File, Unreadable
from .places import is_test_python
from .project import Project
from .qualified import full_name
from .skips import ISSUE

TRIGGERS = (b"flaky", b"retry", b"reruns", b"retries", b"max-runs")
# The mark of pytest-rerunfailures, and decorators of flaky, tenacity and others.
NAME = re.compile(r"(?:.*\.)?(?:flaky|retry|rerun\w*)")
COUNTS = {"reruns", "retries", "max_runs", "tries", "max_tries", "attempts"}
CONFIGURATION = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|\.?pytest\.(?:ini|toml)|setup\.cfg|tox\.(?:ini|toml)|noxfile\.py"
    r"|Makefile|[Jj]ustfile|.*\.sh|\.gitlab-ci\.ya?ml)|\.github/(?:workflows|actions)/.*\.ya?ml"
)
OPTION = re.compile(
    r".*--(?:force-reruns|reruns|retries|max-runs|force-flaky)\b(?:[=\s\"',]+(\d+))?"
)
SETTING = re.compile(r"[ \t]*(?:reruns|retries)\s*=\s*[\"']?(\d+)")
COMMENT = re.compile(r"(?:^\s*[#;]|\s#\s)(.*)")
WORD = re.compile(r"[A-Za-z][a-z']+")


@dataclass(frozen=True, eq=False)
class Rerun:
    """A mark by which `tests` tests of a file are run again, and how often, if it says so."""

    node: ast.expr
    times: int | None
    tests: int = 1


def of(file: File) -> Iterator[Rerun]:
    """Yield the marks by which the tests of a file are run again."""
    marks = (mark for test in tests.of(file) for mark in tests.marks(file, test))
    found = Counter(mark for mark in marks if NAME.fullmatch(full_name(file, callee(mark))))
    for mark, count in found.items():
        named = [
            keyword.value for keyword in getattr(mark, "keywords", []) if keyword.arg in COUNTS
        ]
        values = [getattr(node, "value", None) for node in [*named, *getattr(mark, "args", [])]]
        times = next((value for value in values if type(value) is int), None)
        yield Rerun(mark, times, count)


def is_configuration(path: str) -> bool:
    return CONFIGURATION.fullmatch(path) is not None


def configured(file: File) -> Iterator[tuple[int, int | None]]:
    """Yield the lines of a configuration that run tests again, and how often."""
    section = ""
    for number, line in enumerate(file.lines, 1):
        section = line if line.startswith("[") else section
        code = COMMENT.sub("", line)
        found = OPTION.match(code) or ("pytest" in section and SETTING.match(code))
        if found:
            yield number, int(found[1]) if found[1] else None


def has_reason(file: File, first: int, last: int) -> bool:
    """Return whether comments state why the tests of some lines are run again.

    A reason has three words or an issue, and is on one of these lines or directly above.
    """
    while first > 1 and file.lines[first - 2].lstrip().startswith(("#", ";")):
        first -= 1
    comments = [
        found[1] for line in file.lines[first - 1 : last] if (found := COMMENT.search(line))
    ]
    said = " ".join(comments)
    return ISSUE.search(said) is not None or len(WORD.findall(said)) > 2


def marked_files(project: Project) -> Iterator[File]:
    """Yield the test files that hold the word "flaky" and are valid Python."""
    # Git finds the word faster than Python reads the files.
    git = project.git
    paths = git.grep("-F", "--untracked", "-e", "flaky", "--", "*.py") if git else project.files
    for path in filter(is_test_python, set(paths).intersection(project.files)):
        if (file := project.read(path)) and b"flaky" in file.data:
            try:
                if file.tree:
                    yield file
            except Unreadable:
                continue
