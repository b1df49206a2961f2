"""The rules about Python, on real test files that are broken at random."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.check import registry
from tpgen.check.file import File, Unreadable
from tpgen.check.project import Project
from tpgen.check.rule import FileRule, tree
from tpgen.core.finding import Finding

HERE = Path(__file__).parent
# TPG202 asks Git.
RULES = [
    rule
    for code, rule in registry.all_rules().items()
    if isinstance(rule, FileRule) and code.startswith(("TPG1", "TPG2", "TPG3"))
    if code != "TPG202"
]
OWN = [path.read_text() for path in sorted(HERE.glob("test_*.py"))]
BAD = [str(text) for rule in RULES for path, text in tree(rule.bad).items() if path.endswith(".py")]
SOURCES = [text.splitlines(keepends=True) for text in [*OWN, *BAD]]
PIECES = [
    *("\n", '"""', "'", "(", ")", "    ", "\t", "\r\n", "\0", "é", "\\", "#", "return\n", "async "),
    *(
        "assert x\n",
        "def test_a(mocker):\n",
        "class TestA:\n",
        "@patch('a.b')\n",
        "time.sleep(1)\n",
    ),
    *(
        "    monkeypatch.setattr(a, 'b', c)\n",
        "import unittest.mock as m\n",
        "if False:\n",
        "x = y\n",
    ),
]


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A real test file with lines that are taken out, doubled, moved or filled with something."""
    lines = list(draw(st.sampled_from(SOURCES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        piece, way = (
            draw(st.sampled_from(PIECES)),
            draw(st.sampled_from(["cut", "twice", "in", "between"])),
        )
        line = lines[at] if lines else ""
        column = draw(st.integers(0, len(line)))
        changed = {
            "cut": [],
            "twice": [line, line],
            "in": [line[:column] + piece + line[column:]],
            "between": [piece, line],
        }
        lines[at : at + 1] = changed[way]
    return "".join(lines)


def look(text: str) -> None:
    """Let each rule look at a test, and compare the places of its findings with the file."""
    file = File("tests/test_a.py", text.encode(), Project(HERE / "nothing"))
    findings: list[Finding] = []
    for rule in RULES:
        if not rule.triggers or any(one in file.data for one in rule.triggers):
            findings += rule.check(file)
    lines = len(file.lines)
    assert all(1 <= found.line <= lines and found.column >= 1 for found in findings)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
@given(broken())
def test_rules_end_in_findings_whatever_a_file_holds(text: str) -> None:
    """Or say that it is no Python; nothing else is raised, and each finding is in the file."""
    try:
        look(text)
    except Unreadable:
        with pytest.raises((SyntaxError, ValueError)):
            compile(text.encode(), "a", "exec", ast.PyCF_ONLY_AST)
