"""TPG204: how many reruns, and how many tests with any."""

from pathlib import Path

from tests.checking import findings

MARK = "import pytest\n\n@pytest.mark.flaky(reruns={})  # #12\ndef test_a():\n    assert f()\n"


def test_more_reruns_than_the_policy_allows(tmp_path: Path) -> None:
    """Three are fine, four are not."""
    tree = {"tests/test_a.py": MARK.format(3), "tests/test_b.py": MARK.format(4)}
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_b.py:3:2 TPG204"]


def test_more_tests_than_the_policy_allows(tmp_path: Path) -> None:
    """The fourth of the project is one too many."""
    tree = {f"tests/test_{name}.py": MARK.format(1) for name in "abcd"}
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_d.py:3:2 TPG204"]


def test_the_numbers_are_the_policys(tmp_path: Path) -> None:
    """`[flaky]` says both."""
    tree = {
        "tests/policy/policy.toml": "[flaky]\nreruns = 9\ntests = 1\n",
        "tests/test_a.py": MARK.format(9),
        "tests/test_b.py": MARK.format(1),
    }
    assert findings(tmp_path, tree, select="TPG204") == ["tests/test_b.py:3:2 TPG204"]
