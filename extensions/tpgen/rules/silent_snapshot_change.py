"""TPG305: a snapshot that changes while its test stays the same."""

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
    """Yield each snapshot that differs from the base, while its test is the same as before."""
    # To compare with the base takes git longer than all other rules take for one file.
    if not any(f"/{FOLDER}/" in path for path in project.checked):
        return
    # An update of the template changes suites and their snapshots for all services alike.
    if project.is_update:
        return
    for path, state in sorted(project.changed.items()):
        if state == "M" and f"/{FOLDER}/" in path:
            yield from _of_file(project, path)


def _of_file(project: Project, path: str) -> Iterator[Finding]:
    folder, _, inside = path.partition(f"/{FOLDER}/")
    owner = f"{folder}/{re.split('[./]', inside)[0]}.py"
    before, after = _entries(path, project.before(path)), _entries(path, _text(project, path))
    tests_before, tests_after = _tests(project.before(owner)), _tests(_text(project, owner))
    for name, (line, shape) in after.items():
        if name not in before or before[name][1] == shape:
            continue
        if _is_same(re.split(r"[.\[]", name)[0], tests_before, tests_after):
            message = (
                f"the snapshot of {name} changes, and its test in {owner} does not: assert the "
                "new shape there, or restore the old one"
            )
            yield Finding(path, line, 1, message)


def _entries(path: str, text: str) -> dict[str, tuple[int, str]]:
    """Return the line and the content of each snapshot: an .ambr file holds many, others one."""
    if not path.endswith(".ambr"):
        return {posixpath.basename(path).partition(".")[0]: (1, text)}
    return {
        entry[1]: (text.count("\n", 0, entry.start()) + 1, entry[2])
        for entry in ENTRY.finditer(text)
    }


def _text(project: Project, path: str) -> str:
    file = project.file(path)
    return file.text if file else ""


def _tests(text: str) -> Mapping[str, str]:
    """Return each definition at the top of a module without its comments and layout."""
    try:
        return {getattr(node, "name", ""): ast.dump(node) for node in ast.parse(text).body}
    except (SyntaxError, ValueError):
        return {}


def _is_same(test: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    # A test that its module imports: only the module as a whole can be compared.
    return before.get(test) == after[test] if test in after else before == after


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
    why="The contract changed silently: `--snapshot-update` records any response.",
    fix="Assert in the test what the response holds now, or restore the old shape.",
    check=check,
    diff_only=True,
    before={PLACE: SNAPSHOT.format(key="label"), OWNER: TEST.format(assertion="")},
    bad={PLACE: SNAPSHOT.format(key="title")},
    good={
        PLACE: SNAPSHOT.format(key="title"),
        OWNER: TEST.format(assertion='assert "label" not in agent\n    '),
    },
)
