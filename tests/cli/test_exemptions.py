"""Exemptions: each with a rule, a path, a reason, an issue and an end."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from tpgen.check import engine, registry
from tpgen.check.exemptions import example
from tpgen.core.settings import exemption

from tests.checking import findings, repository, tpgen, write

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
FOUND = "tests/test_job.py:5:5 TPG205"
SOON = date.today() + timedelta(days=30)
GONE = date.today() - timedelta(days=1)
VENDORED = '[[tool.tpgen.exclude]]\npath = "vendored/**"\nreason = "copied from a library"\n'
TABLE = {
    "rule": '"TPG205"',
    "path": '"tests/test_job.py"',
    "reason": '"the worker has no event yet"',
    "issue": '"#12"',
    "until": f"{SOON}",
}


def exempt(**changed: str | None) -> str:
    """An exemption in `pyproject.toml`, with some keys changed or, with None, left out."""
    table = {key: value for key, value in (TABLE | changed).items() if value is not None}
    lines = [f"{key} = {value}" for key, value in table.items()]
    return "\n".join(["", "[[tool.tpgen.exemptions]]", *lines, ""])


def found(tmp_path: Path, settings: str) -> list[str]:
    tree = {"pyproject.toml": settings, "tests/test_job.py": SLEEPS}
    return findings(tmp_path, tree, select="TPG2")


@pytest.mark.parametrize(
    "path", ["tests/test_job.py", "tests/*.py", "tests/**", "**/test_*.py", "**"]
)
def test_what_is_covered_is_no_finding(path: str, tmp_path: Path) -> None:
    assert found(tmp_path, exempt(path=f'"{path}"')) == []


@pytest.mark.parametrize("path", ["*.py", "test_job.py", "tests/test_job", "tests/*/*.py"])
def test_what_covers_nothing_is_a_finding(path: str, tmp_path: Path) -> None:
    """At the line where it stands, beside what it was to cover."""
    assert found(tmp_path, exempt(path=f'"{path}"')) == ["pyproject.toml:2:1 TPG002", FOUND]


def test_an_exclusion_that_matches_no_file_is_a_finding(tmp_path: Path) -> None:
    settings = '[[tool.tpgen.exclude]]\npath = "old/**"\nreason = "copied"\n'
    assert found(tmp_path, settings) == ["pyproject.toml:2:1 TPG002", FOUND]
    said = tpgen(tmp_path, "check").out
    message = "the exclusion of old/** matches no file: correct its path, or remove it"
    assert f"pyproject.toml:2:1: TPG002 {message}" in said


def test_a_rule_may_be_named(tmp_path: Path) -> None:
    assert found(tmp_path, exempt(rule='"sleep-in-test"')) == []


def test_the_last_day_holds_and_the_next_does_not(tmp_path: Path) -> None:
    assert found(tmp_path, exempt(until=f"{date.today()}")) == []
    assert found(tmp_path, exempt(until=f"{GONE}")) == ["pyproject.toml:2:1 TPG002", FOUND]


def test_another_that_holds_covers_what_an_ended_one_did(tmp_path: Path) -> None:
    said = found(tmp_path, exempt(until=f"{GONE}") + exempt())
    assert said == ["pyproject.toml:2:1 TPG002"]


def test_one_for_another_rule_covers_nothing(tmp_path: Path) -> None:
    """And whether it is of use nobody knows, where its rule did not run."""
    assert found(tmp_path, exempt(rule='"TPG001"')) == ["pyproject.toml:2:1 TPG002", FOUND]
    tree = {"pyproject.toml": exempt(), "tests/test_job.py": "def test_a(job):\n    assert job\n"}
    assert findings(tmp_path, tree, select="TPG001") == []


def test_one_of_a_change_may_wait_for_the_next(tmp_path: Path) -> None:
    """What a rule finds in a change is gone with it; elsewhere an exemption would be left over."""
    here = repository(tmp_path, {"pyproject.toml": exempt()})
    rules = registry.selected(["TPG205"], [])
    assert [one.code for one in engine.run(here, rules).findings] == ["TPG002"]
    assert engine.run(here, [replace(one, diff_only=True) for one in rules]).findings == []


def test_only_where_all_is_checked_one_can_be_of_no_use(tmp_path: Path) -> None:
    repository(tmp_path, {"pyproject.toml": exempt(), "tests/test_b.py": SLEEPS})
    said = tpgen(tmp_path, "check", "--select=TPG205", "pyproject.toml")
    assert (said.code, said.out) == (0, "no findings; 0 files checked\n")


MISTAKES = {
    "no rule": (exempt(rule=None), ":2: an exemption lacks `rule`"),
    "no path": (exempt(path=None), "lacks `path`"),
    "no reason": (exempt(reason=None), "lacks `reason`"),
    "an empty reason": (exempt(reason='"  "'), "lacks `reason`"),
    "no issue": (exempt(issue=None), "lacks `issue`"),
    "no end": (exempt(until=None), "lacks `until`"),
    "an end in quotes": (exempt(until=f'"{SOON}"'), "lacks `until`, a date without quotes"),
    "an end with a time": (exempt(until=f"{SOON}T00:00:00"), "lacks `until`, a date"),
    "an end that is far": (exempt(until="2999-01-31"), "more than a year from now"),
    "an issue that is none": (exempt(issue='"soon"'), "has the `issue` 'soon'"),
    "a rule that is none": (exempt(rule='"TPG2005"'), "there is no rule TPG2005; is it TPG205?"),
    "a rule that is misspelt": (exempt(rule='"sleep-in-tests"'), "is it sleep-in-test?"),
    "a group of rules": (exempt(rule='"TPG2"'), "there is no rule TPG2"),
    "the rule about them": (exempt(rule='"TPG002"'), "which has none"),
    "a key that is misspelt": (exempt(untl="1"), "unknown key `untl` (is it `until`?)"),
    "a path from the root": (exempt(path='"/tests/**"'), "has the `path` '/tests/**'"),
    "a path with a dot": (exempt(path='"./tests/**"'), "relative to pyproject.toml"),
    "a path that leads out": (exempt(path='"../tests/**"'), "relative to pyproject.toml"),
    "a path with backslashes": (exempt(path=r"'tests\test_job.py'"), "with /"),
    "a folder": (exempt(path='"tests/"'), "of a folder: write 'tests/**'"),
    "the second one": (exempt() + exempt(rule=None), "pyproject.toml:9: an exemption lacks"),
    "a list of texts": ('[tool.tpgen]\nexemptions = ["TPG205"]\n', "must be a table"),
    "one table": ('[tool.tpgen.exemptions]\nrule = "TPG205"\n', "as a table of its own"),
    "a misspelt table": (
        exempt().replace("exemptions", "exemption"),
        "the keys are app, areas, exclude, exempt, exemptions",
    ),
    "settings that are none": ("[tool]\ntpgen = 3\n", "[tool.tpgen] must be a table"),
    "an exclusion without a reason": (
        '[[tool.tpgen.exclude]]\npath = "a/**"\n',
        "[[tool.tpgen.exclude]]\npath = ",
    ),
    "an exclusion with an empty reason": (
        '[[tool.tpgen.exclude]]\npath = " "\n',
        "is a table with `path` and `reason`",
    ),
    "a list of exclusions": (
        '[tool.tpgen]\nexclude = ["a/**", "b.py"]\n',
        "[[tool.tpgen.exclude]]\npath = ",
    ),
    "an exclusion that is a text": ('[tool.tpgen]\nexclude = "a/**"\n', "path = "),
    "an exclusion of a folder": (
        '[[tool.tpgen.exclude]]\npath = "tests"\nreason = "not ours"\n',
        "an exclusion has the `path` of a folder: write 'tests/**'",
    ),
    "an exclusion with a dot": (
        '[[tool.tpgen.exclude]]\npath = "./tests/**"\nreason = "not ours"\n',
        "an exclusion has the `path` './tests/**'",
    ),
    "an exempt case without a reason": (
        '[[tool.tpgen.exempt]]\ncase = "TestA.test_b"\n',
        "each [[tool.tpgen.exempt]] needs `case` and `reason`",
    ),
    "an exempt case without its class": (
        '[[tool.tpgen.exempt]]\ncase = "test_b"\nreason = "does not apply"\n',
        "each [[tool.tpgen.exempt]] needs `case` and `reason`",
    ),
    "no TOML": ("[tool.tpgen", "pyproject.toml can't be read"),
}


@pytest.mark.parametrize("what", MISTAKES)
@pytest.mark.parametrize("command", ["check", "exemptions"])
def test_a_mistake(command: str, what: str, tmp_path: Path) -> None:
    """Said with its line, and with an example where the table itself is wrong."""
    settings, said = MISTAKES[what]
    repository(tmp_path, {"pyproject.toml": settings, "tests/test_job.py": SLEEPS})
    done = tpgen(tmp_path, command)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    if "an exemption" in done.err:
        assert done.err.endswith(f"{example()}\n")


def test_the_example_is_one(tmp_path: Path) -> None:
    """Whoever pastes it has an exemption."""
    table = "\n".join(line.strip() for line in example().splitlines())
    assert findings(tmp_path, {"pyproject.toml": table}, select="TPG205") == []
    assert "TPG104 " in tpgen(tmp_path, "exemptions").out


@pytest.mark.parametrize("issue", ["#1", "org/repo#12", "ABC-12", "https://example.com/issues/12"])
def test_issues(issue: str, tmp_path: Path) -> None:
    assert found(tmp_path, exempt(issue=f'"{issue}"')) == []


def test_all_are_listed(tmp_path: Path) -> None:
    """What ends first stands first, what ended is marked, and so is what no rule looks at."""
    write(
        tmp_path,
        {
            "pyproject.toml": VENDORED
            + exempt()
            + exempt(until=f"{GONE}", path='"a.py"', issue='"org/repo#3"')
        },
    )
    said = tpgen(tmp_path, "exemptions")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"TPG205 sleep-in-test in a.py: EXPIRED on {GONE}\n"
        "    the worker has no event yet (org/repo#3)\n"
        f"TPG205 sleep-in-test in tests/test_job.py: until {SOON}, {(SOON - date.today()).days} days left\n"
        "    the worker has no event yet (#12)\n"
        "excluded from all rules: vendored/** (copied from a library)\n"
    )


def test_where_nothing_is_exempt(tmp_path: Path) -> None:
    assert tpgen(tmp_path, "exemptions").out == "nothing is exempt\n"


def test_the_line_is_the_one_of_the_table(tmp_path: Path) -> None:
    """However its header is written, and whatever stands around it."""
    settings = (
        "# [[tool.tpgen.exemptions]]\n[project]\nname = 'a'\n"
        + exempt().replace("[[tool.tpgen.exemptions]]", "  [[ tool.tpgen . exemptions ]]")
        + exempt(path='"b.py"')
    )
    said = found(tmp_path, settings)
    assert said == ["pyproject.toml:12:1 TPG002"]
    assert settings.splitlines()[11:14:2] == ["[[tool.tpgen.exemptions]]", 'path = "b.py"']


def test_required_cases_that_do_not_apply_are_listed(tmp_path: Path) -> None:
    settings = exemption("TestChat.test_403", "names no row")
    repository(tmp_path, {"pyproject.toml": settings})
    done = tpgen(tmp_path, "exemptions")
    assert done.out == "TestChat.test_403: does not apply\n    names no row\n"
