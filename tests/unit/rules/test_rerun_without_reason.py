"""TPG203: reruns, and what counts as a reason."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = "import pytest\nfrom flaky import flaky\nfrom tenacity import retry\n\n"
BODY = "def test_a():\n    assert f()\n"
BARE = {
    "mark": "@pytest.mark.flaky(reruns=2)\n",
    "retries": "@pytest.mark.flaky(retries=2)\n",
    "decorator": "@flaky\n",
    "tenacity": "@retry\n",
    "noqa": "@pytest.mark.flaky(reruns=2)  # noqa: X100\n",
    "two words": "@flaky  # sometimes fails\n",
}
SAID = {
    "beside": "@pytest.mark.flaky(reruns=2)  # the provider drops calls\n",
    "above": "# The provider drops calls.\n@pytest.mark.flaky(reruns=2)\n",
    "issue": "@flaky  # #12\n",
}
CONFIGURED = {
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--reruns 2"\n',
    "native/pyproject.toml": '[tool.pytest]\naddopts = ["-q", "--force-reruns=2"]\n',
    "pytest.ini": "[pytest]\nreruns = 2\n",
    "Makefile": "test:\n\tpytest --reruns=2\n",
    ".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: pytest --retries 2\n",
}


@pytest.mark.parametrize("mark", BARE.values(), ids=BARE)
def test_a_bare_rerun_is_found(tmp_path: Path, mark: str) -> None:
    """By whichever plugin."""
    found = findings(tmp_path, {"tests/test_a.py": HEAD + mark + BODY}, select="TPG203")
    assert [one.split()[1] for one in found] == ["TPG203"]


@pytest.mark.parametrize("mark", SAID.values(), ids=SAID)
def test_a_reason_in_a_comment_is_enough(tmp_path: Path, mark: str) -> None:
    """In the lines of the mark, or right above."""
    assert findings(tmp_path, {"tests/test_a.py": HEAD + mark + BODY}, select="TPG203") == []


def test_a_comment_above_an_option_is_enough(tmp_path: Path) -> None:
    text = '[tool.pytest]\n# The pool closes too early.\naddopts = ["-q", "--reruns", "3"]\n'
    assert findings(tmp_path, {"pyproject.toml": text}, select="TPG203") == []


@pytest.mark.parametrize("path", CONFIGURED)
def test_reruns_of_all_tests_are_found(tmp_path: Path, path: str) -> None:
    """In whatever runs pytest; a comment beside it is a reason."""
    text = CONFIGURED[path]
    found = findings(tmp_path / "bare", {path: text}, select="TPG203")
    said = findings(
        tmp_path / "said",
        {path: text.rstrip() + "  # until the pool closes, #12\n"},
        select="TPG203",
    )
    assert (len(found), said) == (1, [])
