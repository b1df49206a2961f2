"""TPG305: a snapshot that changes while the tests that own it stay the same."""

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping

from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding

FOLDER = "__snapshots__"
ENTRY = re.compile(r"^# name: (.+)\n((?:.*\n)*?)# ---$", re.MULTILINE)


def check(project: Project) -> Iterator[Finding]:
    """Each snapshot that differs from the base, whose test says what it said before."""
    # An update of the template changes the suites that own snapshots, for all services alike.
    if project.is_update:
        return
    for path, state in sorted(project.changed.items()):
        if state == "M" and posixpath.basename(posixpath.dirname(path)) == FOLDER:
            owner = f"{posixpath.dirname(posixpath.dirname(path))}/{_stem(path)}.py"
            yield from _of_file(project, path, owner)
        elif state == "M" and f"/{FOLDER}/" in path:
            # One file for each snapshot, in a folder that is named after its module.
            owner = path.partition(f"/{FOLDER}/")[0] + f"/{path.split('/')[-2]}.py"
            if _stem(path) in _unchanged(project, owner, [_stem(path)]):
                yield _finding(path, 1, _stem(path), owner)


def _stem(path: str) -> str:
    return posixpath.basename(path).partition(".")[0]


def _of_file(project: Project, path: str, owner: str) -> Iterator[Finding]:
    """The findings of a file that holds the snapshots of one module."""
    before = _entries(project.before(path))
    after_text = _text(project, path)
    after = _entries(after_text)
    names = [name for name in after if name in before and before[name] != after[name]]
    same = _unchanged(project, owner, names)
    for name in names:
        if name in same:
            place = after_text.find(f"# name: {name}\n")
            yield _finding(path, after_text.count("\n", 0, place) + 1, name, owner)


def _finding(path: str, line: int, name: str, owner: str) -> Finding:
    message = (
        f"the snapshot of {name} changes, and its test in {owner} does not: state the new shape "
        "in an assertion there, or bring the old one back"
    )
    return Finding(path, line, 1, message)


def _text(project: Project, path: str) -> str:
    file = project.file(path)
    return file.text if file else ""


def _entries(text: str) -> dict[str, str]:
    return {found[1]: found[2] for found in ENTRY.finditer(text)}


def _unchanged(project: Project, owner: str, names: list[str]) -> set[str]:
    """Those snapshots whose test or class of tests says the same as before."""
    before, after = _tests(project.before(owner)), _tests(_text(project, owner))
    tests = {name: re.split(r"[.\[]", name)[0] for name in names}
    return {name for name, test in tests.items() if _is_same(test, before, after)}


def _is_same(test: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    # A test that its module does not define comes from elsewhere: the module is what is left.
    return before.get(test) == after[test] if test in after else before == after


def _tests(text: str) -> Mapping[str, str]:
    """What each test or class at the top of a module says, less comments, layout and docstrings."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [line for line in body if not _says_nothing(line)] or [ast.Pass()]
    return {getattr(node, "name", ""): ast.dump(node) for node in tree.body}


def _says_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass) or (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    )


SNAPSHOT = """\
# serializer version: 1
# name: test_reads_an_agent
  dict({{
    '{key}': 'reporter',
  }})
# ---
"""
TEST = """\
def test_reads_an_agent(client, snapshot):
    agent = client.get("/v1/agents/1").json()
    {assertion}assert agent == snapshot
"""
PLACE, OWNER = (
    "tests/integration/__snapshots__/test_agents.ambr",
    "tests/integration/test_agents.py",
)

RULE = ProjectRule(
    code="TPG305",
    name="silent-snapshot-change",
    section="Snapshot tests: a snapshot diff in a PR without accompanying test assertions is a "
    "red flag",
    why="It means that the contract changed silently: `--snapshot-update` makes any response the "
    "right one.",
    fix="Say in an assertion of the test what the response holds now, or bring the old shape back.",
    check=check,
    of_a_change=True,
    before={PLACE: SNAPSHOT.format(key="label"), OWNER: TEST.format(assertion="")},
    bad={PLACE: SNAPSHOT.format(key="title")},
    good={
        PLACE: SNAPSHOT.format(key="title"),
        OWNER: TEST.format(assertion='assert "label" not in agent\n    '),
    },
)
