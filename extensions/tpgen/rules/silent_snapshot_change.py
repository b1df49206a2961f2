"""TPG305: a snapshot that changes while its test stays the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding

FOLDER = "/__snapshots__/"
ENTRY = re.compile(r"^# name: (.+)\n((?:.*\n)*?)# ---$", re.MULTILINE)


def check(project: Project) -> Iterator[Finding]:
    """Yield each snapshot that differs from the base, while its test is the same as before."""
    # To compare with the base takes git longer than all other rules take for one file. An update
    # of the template changes suites and their snapshots for all services alike.
    if not any(FOLDER in path for path in project.checked) or project.is_update:
        return
    changed = [path for path, state in sorted(project.changed.items()) if state == "M"]
    for path in (path for path in changed if FOLDER in path):
        folder, _, inside = path.partition(FOLDER)
        owner = f"{folder}/{re.split('[./]', inside)[0]}.py"
        files = [project.file(path), project.file(owner)]
        snapshot, module = (file.text if file else "" for file in files)
        before = {name: content for name, _, content in snapshots(path, project.before(path))}
        tests_before, tests = _definitions(project.before(owner)), _definitions(module)
        for name, line, content in snapshots(path, snapshot):
            test = re.split(r"[.\[]", name)[0]
            is_same_test = tests_before.get(test) == tests.get(test)
            # Of a test that the module imports, only the module as a whole can be compared.
            if test not in tests:
                is_same_test = tests_before == tests
            if is_same_test and before.get(name, content) != content:
                message = (
                    f"the snapshot of {name} changes, and its test in {owner} does not: assert the "
                    "new shape there, or restore the old one"
                )
                yield Finding(path, line, 1, message)


def snapshots(path: str, text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the name, the line and the content of each: an .ambr file holds many, others one."""
    if not path.endswith(".ambr"):
        yield PurePosixPath(path).name.partition(".")[0], 1, text
        return
    for entry in ENTRY.finditer(text):
        yield entry[1], text.count("\n", 0, entry.start()) + 1, entry[2]


def _definitions(text: str) -> dict[str, str]:
    """Return each definition at the top of a module without its comments and layout."""
    try:
        return {getattr(node, "name", ""): ast.dump(node) for node in ast.parse(text).body}
    except (SyntaxError, ValueError):
        return {}


SNAPSHOT = """\
# serializer version: 1
# name: test_reads_an_agent
  dict({{'{key}': 'reporter'}})
# ---
"""
TEST = """\
def test_reads_an_agent(client, snapshot):
    agent = client.get("/v1/agents/1").json()
    assert {what} == snapshot
"""
PLACE = "tests/integration/__snapshots__/test_agents.ambr"
OWNER = "tests/integration/test_agents.py"

RULE = ProjectRule(
    code="TPG305",
    name="silent-snapshot-change",
    section="Snapshot tests: a snapshot diff in a PR without accompanying test assertions is a "
    "red flag",
    why="The contract changed silently: `--snapshot-update` records any response.",
    fix="Assert in the test what the response holds now, or restore the old shape.",
    check=check,
    diff_only=True,
    before={PLACE: SNAPSHOT.format(key="label"), OWNER: TEST.format(what="agent")},
    bad={PLACE: SNAPSHOT.format(key="title")},
    good={PLACE: SNAPSHOT.format(key="title"), OWNER: TEST.format(what='agent["title"] and agent')},
)
