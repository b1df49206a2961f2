"""The places where tests are run again until they pass."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from . import tests
from .file import File, Unreadable
from .places import is_test_python
from .project import Project
from .qualified import full_name, last_name

TRIGGERS = (b"flaky", b"retry", b"backoff", b"reruns", b"retries")
DECORATORS = re.compile(r"(?:.*\.)?(?:flaky|retry|on_exception|on_predicate|auto_retry|rerun\w*)")
MARK = re.compile(
    rb"\.flaky\b|@[\w.]*(?:flaky|retry|on_exception|on_predicate|rerun)"
    rb"|(?:flaky|retry|on_exception|on_predicate|rerun\w*) as \w"
)
COUNTS = {
    "reruns",
    "retries",
    "max_runs",
    "tries",
    "max_tries",
    "attempts",
    "stop_max_attempt_number",
}
WORDS = re.compile(r"[A-Za-z][a-z']+|#\d+")
NO_REASON = re.compile(
    r"\s*(?:noqa|type:|pragma|fmt:|pylint|ruff:|mypy:|nosec|todo\W*$)", re.IGNORECASE
)
CONFIGURATION = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|\.?pytest\.(?:ini|toml)|setup\.cfg|tox\.ini|tox\.toml|Makefile|justfile"
    r"|Justfile|.*\.mk|noxfile\.py|tasks\.py|\.gitlab-ci\.ya?ml|\.pre-commit-config\.yaml|.*\.sh"
    r"|\.circleci/.*\.ya?ml|azure-pipelines\.ya?ml|Jenkinsfile)|\.github/(?:workflows|actions)/.*\.ya?ml"
    r"|\.ci/.*"
)
OPTION = re.compile(
    r"--(?:force-reruns|reruns|retries|max-runs|force-flaky)\b(?:[=\s\"',\\]+(\d+))?"
)
SETTING = re.compile(r"^\s*(?:reruns|retries)\s*=\s*[\"']?(\d+)")


@dataclass(frozen=True, eq=False)
class Rerun:
    """A mark by which a test is run again.

    Attributes:
        node: the mark.
        times: how often, where it says a number.
        tests: how many tests of the file it is for.
    """

    node: ast.expr
    times: int | None
    tests: int = 1


def may_rerun(file: File) -> bool:
    """Whether a file has to be parsed to find such a mark."""
    return MARK.search(file.data) is not None


def of(file: File) -> Iterator[Rerun]:
    """The marks of a file: `pytest.mark.flaky` anywhere, and decorators of tests that repeat."""
    seen: set[ast.expr] = set()
    for holder in [*tests.functions(file), *file.nodes(ast.ClassDef)]:
        for one in holder.decorator_list if holder.name.lower().startswith("test") else ():
            called = one.func if isinstance(one, ast.Call) else one
            name = full_name(file, called)
            if DECORATORS.fullmatch(name) and not name.startswith("pytest.mark.parametrize"):
                seen.add(called)
                yield Rerun(one, _times(one), _count(file, holder))
    calls = {call.func: call for call in file.nodes(ast.Call)}
    for node in file.nodes(ast.Attribute):
        if (
            node.attr == "flaky"
            and node not in seen
            and full_name(file, node) == "pytest.mark.flaky"
        ):
            mark = calls.get(node, node)
            yield Rerun(mark, _times(mark), _count(file, _holder(file, mark)))


def _holder(file: File, mark: ast.expr) -> ast.AST | None:
    """What a mark is for: a function, a class or a module; None where it is for a set of values."""
    node: ast.AST = mark
    while (above := file.parents.get(node)) is not None:
        if isinstance(above, (*tests.FUNCTIONS, ast.ClassDef)) and node in above.decorator_list:
            # Within another decorator it is for a row of values.
            return above if node is mark else None
        node = above
        if isinstance(node, ast.Assign) and last_name(node.targets[0]) == "pytestmark":
            return file.parents[node]
    return None


def _count(file: File, holder: ast.AST | None) -> int:
    """How many tests are in a class or a module; a function is one."""
    if isinstance(holder, ast.Module):
        return len(tests.of(file))
    if isinstance(holder, ast.ClassDef):
        return sum(holder in test.classes for test in tests.of(file))
    return 1


def _times(node: ast.expr) -> int | None:
    if not isinstance(node, ast.Call):
        return None
    named = [one.value for one in node.keywords if one.arg in COUNTS]
    for value in [*named, *node.args]:
        if isinstance(value, ast.Constant) and type(value.value) is int:
            return value.value
    return _stop(node)


def _stop(node: ast.Call) -> int | None:
    """The number in tenacity's `stop=stop_after_attempt(5)`."""
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Call)
            and last_name(inner.func) == "stop_after_attempt"
            and inner.args
        ):
            value = inner.args[0]
            return (
                value.value
                if isinstance(value, ast.Constant) and type(value.value) is int
                else None
            )
    return None


def configured(file: File) -> Iterator[tuple[int, int | None]]:
    """The lines of a configuration that run tests again, and how often."""
    for number, line in enumerate(file.lines, 1):
        if not line.lstrip().startswith(("#", ";")):
            found = OPTION.search(f"{line}\n{''.join(file.lines[number : number + 1])}") or (
                SETTING.search(line) if not file.path.endswith((".sh", ".yml", ".yaml")) else None
            )
            if (
                found
                and found.start() < len(line)
                and (found.re is OPTION or _is_of_pytest(file, number))
            ):
                yield number, int(found[1]) if found[1] else None


def _is_of_pytest(file: File, number: int) -> bool:
    headers = [line for line in file.lines[:number] if line.lstrip().startswith("[")]
    return bool(headers) and "pytest" in headers[-1]


def reason(file: File, first: int, last: int) -> str:
    """What comments say in some lines or right above them, if it is a reason."""
    above = first - 1
    while above and file.lines[above - 1].lstrip().startswith(("#", ";")):
        above -= 1
    found = [_comment(line) for line in file.lines[above : min(last, len(file.lines))]]
    said = " ".join(one for one in found if not NO_REASON.match(one))
    words = WORDS.findall(said)
    return said if len(words) > 2 or any(one.startswith("#") for one in words) else ""


def _comment(line: str) -> str:
    stripped = line.lstrip()
    if stripped.startswith(("#", ";")):
        return stripped[1:]
    # A sign within a text is no comment: it stands between quotes.
    for found in re.finditer(r"\s#", line):
        before = line[: found.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return line[found.end() :]
    return ""


def marked_files(project: Project) -> Iterator[File]:
    """The test files that hold such a mark, by their words; git looks for them where it can."""
    for path in _candidates(project):
        if is_test_python(path) and (file := project.read(path)) and b"flaky" in file.data:
            try:
                if file.tree:
                    yield file
            except Unreadable:
                continue


def _candidates(project: Project) -> list[str]:
    if not project.git:
        return project.files
    try:
        said = project.git.run("grep", "-lzF", "--untracked", "-e", "flaky", "--", "*.py")
    except subprocess.CalledProcessError:
        return []
    found = said.decode(errors="surrogateescape").split("\0")
    return [path for path in found if path in project.paths]
