"""The parts of the gate that need no process: its comment, its JSON, and the lines of statements."""

import ast
import json
from pathlib import Path

import pytest
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.gate import comment, outcome
from tpgen.gate.line_rules import spans
from tpgen.gate.outcome import JudgedFile, Outcome, UnprovedCase, shortened
from tpgen.report.markdown import escaped

BASE = "0" * 40
FOUND = Outcome(
    BASE,
    [Finding("src/a.py", 3, 1, "no test runs line 3", "TPG601")],
    [JudgedFile("src/a.py", 4, 3, 91.5)],
    [UnprovedCase("route GET /v1/agents", "happy path", "no passing test")],
)
HOSTILE = [
    "@team",
    "#12",
    "https://evil.example",
    "[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<img src=x>",
    "`code`",
    "**bold**",
    "a | b",
    "a\nb",
    "<!-- x -->",
    "\x1b[31m",
    "$x^2$",
    "&lt;",
]


def test_the_json_holds_all_of_an_outcome(tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    file.write_text(outcome.as_json(FOUND))
    assert outcome.from_json(file) == FOUND


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"base": "main; rm -rf /"},
        {"more": 1},
        {"files": [{"path": "a", "new": -1, "covered": 0, "percent": 1}]},
        {"findings": [{"code": "X", "level": "error", "path": "a", "line": 1, "message": ""}]},
        {"cases": [{"component": "c" * 2000, "case": "", "why": ""}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_json_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    file.write_text(json.dumps({**json.loads(outcome.as_json(FOUND)), **change}))
    with pytest.raises(UserError, match="is not what `tpgen gate --json FILE` writes"):
        outcome.from_json(file)


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\udc80"], ids=["cut", "deep", "bytes"])
def test_what_is_no_json_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match="can't be read"):
        outcome.from_json(file)


def test_the_comment_has_the_findings_the_files_and_the_cases() -> None:
    text = comment.render(FOUND)
    assert text.startswith(comment.MARK)
    assert "1 finding" in text
    assert f"| {escaped('src/a.py')} | 3 of 4 | 92 % |" in text
    assert f"| {escaped('route GET /v1/agents')} | happy path | no passing test |" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_of_a_stranger_stays_a_text_in_its_cell(text: str) -> None:
    shown = escaped(text)
    assert not set(shown) & set("@`*_[]()<>|\n\x1b\\!$:")
    assert "#" not in shown.replace("&#", "")


def test_a_comment_is_short_enough_for_github() -> None:
    many = [Finding("src/a.py", 1, 1, "*" * 4000, "TPG601")] * 5000
    cases = [UnprovedCase("*" * 1000, "*" * 1000, "*" * 4000)] * 5000
    files = [JudgedFile("*" * 4000, 1, 1, 1.0)] * 5000
    assert len(comment.render(Outcome(BASE, many, files, cases))) < 65_536


def test_lines_are_shown_as_ranges() -> None:
    assert shortened([9, 3, 4, 5, 11, 12]) == "3-5, 9, 11-12"


def test_many_lines_are_cut() -> None:
    text = shortened(range(1, 4000, 2))
    assert text.endswith(", 19 and 1990 more places")


def test_each_line_belongs_to_a_statement() -> None:
    code = """\
@decorate(
    1,
)
def f(
    a,
):
    '''Text.'''
    if (
        a
    ):
        return [
            a,
        ]
    try:
        pass
    except (
        ValueError
    ):
        x = 1
"""
    found = [*spans(ast.parse(code))]
    assert {span.start for span, is_inside in found if is_inside} == {7, 8, 11, 14, 15, 16, 19}
    assert {line: span.start for span, _ in found for line in span} == {
        **dict.fromkeys((1, 2, 3), 1),
        **dict.fromkeys((4, 5, 6), 4),
        7: 7,
        **dict.fromkeys((8, 9, 10), 8),
        **dict.fromkeys((11, 12, 13), 11),
        14: 14,
        15: 15,
        **dict.fromkeys((16, 17, 18), 16),
        19: 19,
    }
