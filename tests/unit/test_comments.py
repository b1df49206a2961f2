"""The list of required cases in a test class is true, and nothing else is changed by it."""

from pathlib import Path

import pytest
from tpgen.source import comments
from tpgen.source.code import Code

SUITES = """
class PublicSuite:
    def test_happy_path(self): ...


class Suite(PublicSuite):
    async def test_401(self): ...
    helper = 1
"""
HEAD = "from tests.policy.suites.route import PublicSuite, Suite\n\n\n"
LIST = "    # Required cases of Suite (tests/policy/suites/route.py):\n    #   test_happy_path, test_401\n"


@pytest.fixture
def code(tmp_path: Path) -> Code:
    """The tests of a service with two suites."""
    (tmp_path / "tests/policy/suites").mkdir(parents=True)
    (tmp_path / "tests/policy/suites/route.py").write_text(SUITES)
    return Code([tmp_path / "tests"])


def refreshed(code: Code, text: str, new: set[str] | None = None) -> str:
    """Return the text with true lists; a second time, nothing changes."""
    path = code.packages[0] / "unit/test_it.py"
    once = comments.refresh(code, path, HEAD + text, new)
    assert comments.refresh(code, path, once, new) == once
    return once.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "class TestA(Suite):\n    x = 1\n": f"class TestA(Suite):\n{LIST}    x = 1\n",
        "class TestA(\n    Suite,\n):\n    # mine\n    x = 1\n": (
            f"class TestA(\n    Suite,\n):\n{LIST}\n    # mine\n    x = 1\n"
        ),
        'class TestA(Suite):\n    """D."""\n': f'class TestA(Suite):\n    """D."""\n\n{LIST}',
        "class TestA(Suite):\n    def f(self): ...\n": (
            f"class TestA(Suite):\n{LIST}\n    def f(self): ...\n"
        ),
        "class Mine(Suite):\n    x = 1\n\n\nclass TestA(Mine):\n    y = 1\n": (
            f"class Mine(Suite):\n{LIST}    x = 1\n\n\nclass TestA(Mine):\n{LIST}    y = 1\n"
        ),
        "class TestA(Suite): ...\n": "class TestA(Suite): ...\n",
        "class TestA:\n    x = 1\n": "class TestA:\n    x = 1\n",
    }.items(),
)
def test_a_list_is_added_below_the_header(code: Code, text: str, expected: str) -> None:
    assert refreshed(code, text) == expected


def test_a_stale_list_is_replaced_and_other_comments_stay(code: Code) -> None:
    stale = LIST.replace("test_happy_path", "test_old").replace("of Suite", "of OldSuite")
    text = f"class TestA(Suite):\n    # mine\n{stale}    # mine too\n    x = 1  # and this\n"
    assert refreshed(code, text, set()) == text.replace(stale, LIST)


def test_a_list_without_a_suite_is_removed(code: Code) -> None:
    assert refreshed(code, f"class TestA:\n{LIST}    x = 1\n") == "class TestA:\n    x = 1\n"


def test_only_new_classes_get_a_list(code: Code) -> None:
    text = "class TestA(Suite):\n    x = 1\n\n\nclass TestB(Suite):\n    x = 1\n"
    assert refreshed(code, text, {"TestB"}) == text.replace("B(Suite):\n", f"B(Suite):\n{LIST}")


def test_lines_keep_their_ends(code: Code) -> None:
    path = code.packages[0] / "unit/test_it.py"
    text = (HEAD + "class TestA(Suite):\n    x = 1\n").replace("\n", "\r\n")
    assert "\n" not in comments.refresh(code, path, text).replace("\r\n", "")
