"""TPG103: a test patches the code that it runs."""

import ast
import re
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.mocks import MOCKERS
from tpgen.check.places import is_test_python
from tpgen.check.qualified import dotted, full_name, imported
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

PATCH = re.compile(r"(?:.*\.)?(\w+)\.patch(?:\.(?:object|dict|multiple|context_manager))?")


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each call and each decorator that patches."""
    used = [call.func for call in file.nodes(ast.Call)]
    for node in [*tests.functions(file), *file.nodes(ast.ClassDef)]:
        # Those with arguments are calls.
        used += [used_as for used_as in node.decorator_list if not isinstance(used_as, ast.Call)]
    for expression in used:
        if _is_patch(file, expression):
            yield file.finding(
                expression,
                "patch replaces code of the program while it runs: pass what differs as an argument",
            )


def _is_patch(file: File, expression: ast.expr) -> bool:
    """Return whether it is `patch` of an imported `mock`, or of the fixture `mocker`."""
    found = PATCH.fullmatch(full_name(file, expression))
    if not found:
        return False
    is_imported = dotted(expression).split(".")[0] in imported(file)
    return found[1] in MOCKERS or (found[1] == "mock" and is_imported)


RULE = FileRule(
    code="TPG103",
    name="mock-patch",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="A patch holds only for the name that it names: a renamed import, and the test runs against "
    "something else than production does.",
    fix="Pass the code what differs as an argument: a transport, a clock, a setting.",
    applies=is_test_python,
    triggers=(b"patch",),
    check=check,
    bad={
        "tests/unit/test_clock.py": """\
from unittest import mock


@mock.patch("time.time", lambda: 12.0)
def test_waits(worker):
    assert worker.waits()
""",
    },
    good={
        "tests/unit/test_agents.py": """\
async def test_renames(client, auth):
    reply = await client.patch("/v1/agents/1", json={"label": "new"}, headers=auth)
    assert reply.json()["label"] == "new"
"""
    },
)
