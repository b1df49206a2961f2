"""TPG307: what a new case asks of the classes that inherit it."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.checking import check, folder

LATER = date.today() + timedelta(days=30)
SUITE = """
import pytest

from pytest_tpgen.suites import Suite, placeholder


class StepSuite(Suite):
    triggering = placeholder("…")
    harmless: str = placeholder("…")

    @pytest.fixture
    def message(self):
        return self.harmless

    def test_detects(self):
        assert self.triggering

    @pytest.mark.required_from("{day}")
    def test_new(self, message):
        assert message
"""
HEAD = "from tests.policy.suites.step import StepSuite\n\n\n"
FILE = "tests/unit/test_step.py"


def found(tmp_path: Path, test: str, day: date) -> list[str]:
    """Level, path and message of each finding."""
    tree = {
        "tests/policy/policy.toml": "",
        "tests/policy/suites/step.py": SUITE.replace("{day}", str(day)),
        FILE: HEAD + test,
    }
    here = folder(tmp_path, tree)
    return [f"{one.level} {one.path} {one.message}" for one in check(here, "TPG307")]


@pytest.mark.parametrize(
    ("test", "reason"),
    {
        "class TestA(StepSuite):\n    triggering = 1\n": "lacks `harmless`, for",
        "class Mine(StepSuite): ...\n\n\nclass TestA(Mine):\n    triggering = 1\n": "lacks `harmless`",
    }.items(),
)
def test_what_is_lacking(test: str, reason: str, tmp_path: Path) -> None:
    """A warning until the day, an error from then on."""
    before = [one for one in found(tmp_path / "before", test, LATER) if FILE in one]
    assert all(one.startswith("warning") and reason in one for one in before), before
    assert any("TestA" in one and f"required from {LATER} (in 30 days)" in one for one in before)
    after = [one for one in found(tmp_path / "after", test, date(2026, 1, 15)) if FILE in one]
    same = [re.sub(r"\S+ \(in \d+ days\)", "2026-01-15", one) for one in before]
    assert [one.replace("warning", "error") for one in same] == after


@pytest.mark.parametrize(
    "test",
    [
        "class TestA(StepSuite):\n    triggering = 1\n    harmless = 'x'\n",
        "class TestA(StepSuite):\n    def message(self):\n        return 'x'\n",
        "class Mine(StepSuite):\n    harmless = 'x'\n\n\nclass TestA(Mine): ...\n",
    ],
)
def test_what_has_all(test: str, tmp_path: Path) -> None:
    """Only the case itself is announced, with the command that tells where it fails."""
    (one,) = found(tmp_path, test, LATER)
    assert one.startswith("warning tests/policy/suites/step.py StepSuite: new is required from")
    assert "`uv run pytest -k test_new` shows which still fail" in one
    assert found(tmp_path / "after", test, date(2026, 1, 15)) == []


def test_a_case_of_no_class_is_not_announced(tmp_path: Path) -> None:
    """A class that is written later has all of its cases from its first day."""
    assert found(tmp_path, "def test_x(): ...\n", LATER) == []
