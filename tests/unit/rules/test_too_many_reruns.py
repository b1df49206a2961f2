"""TPG204: how many reruns, and how many tests with any."""

from pathlib import Path

import pytest

from tests.checking import findings

MARK = "import pytest\n\n@pytest.mark.flaky(reruns={})  # #12\ndef test_a():\n    assert f()\n"

TESTS = "\n".join(f"{{0}}def test_{name}({{1}}):\n{{0}}    assert f()\n" for name in "abcd")
MANY = {
    "class": "@pytest.mark.flaky(reruns=1)\nclass TestA:\n" + TESTS.format("    ", "self"),
    "body": "class TestA:\n    pytestmark = [pytest.mark.flaky(reruns=1)]\n"
    + TESTS.format("    ", "self"),
    "module": "pytestmark = pytest.mark.flaky(reruns=1)\n" + TESTS.format("", ""),
}


def test_more_reruns_than_the_policy_allows(tmp_path: Path) -> None:
    """Three are fine, four are not."""
    tree = {"tests/test_a.py": MARK.format(3), "tests/test_b.py": MARK.format(4)}
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_b.py:3:2 TPG204"]


def test_more_tests_than_the_policy_allows(tmp_path: Path) -> None:
    """The fourth of the project is one too many."""
    tree = {f"tests/test_{name}.py": MARK.format(1) for name in "abcd"}
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_d.py:3:2 TPG204"]


@pytest.mark.parametrize("source", MANY.values(), ids=MANY)
def test_the_tests_of_a_mark_are_counted(tmp_path: Path, source: str) -> None:
    """Not the marks: one on a class or a module is for each of its tests."""
    found = findings(tmp_path, {"tests/test_a.py": "import pytest\n\n" + source}, select="TPG204")
    assert [one.split()[1] for one in found] == ["TPG204"]


def test_the_number_of_an_option(tmp_path: Path) -> None:
    text = '[tool.pytest.ini_options]\naddopts = ["--reruns", "5"]\n'
    found = findings(tmp_path, {"pyproject.toml": text}, select="TPG204")
    assert found == ["pyproject.toml:2:1 TPG204"]


def test_the_numbers_are_the_policys(tmp_path: Path) -> None:
    """`[flaky]` says both."""
    tree = {
        "tests/policy/policy.toml": "[flaky]\nreruns = 9\ntests = 1\n",
        "tests/test_a.py": MARK.format(9),
        "tests/test_b.py": MARK.format(1),
    }
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_b.py:3:2 TPG204"]
