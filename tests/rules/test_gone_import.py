"""TPG503: imports of what the policy has, and of what it has no more."""

from pathlib import Path

import pytest

from tests.checking import check, repository

POLICY = {
    "tests/__init__.py": "",
    "tests/policy/policy.toml": "",
    "tests/policy/__init__.py": "from .watch import SECONDS\n",
    "tests/policy/watch.py": "SECONDS = 1\n\n\ndef told(): ...\n",
    "tests/policy/suites/__init__.py": "class Suite: ...\n",
    "tests/policy/suites/step.py": "class StepSuite: ...\n",
}


def found(tmp_path: Path, path: str, text: str) -> list[str]:
    here = repository(tmp_path, {**POLICY, path: text})
    return [one.message for one in check(here, "TPG503")]


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "import tests.policy.slow\n": "tests.policy.slow is gone from the policy: `git log -p",
        "from tests.policy.slow import SECONDS\n": "gone from the policy: SECONDS is in tests.pol",
        "from tests.policy.watch import heard\n": "tests.policy.watch has no heard any more: `git",
        "from tests.policy import told\n": "has no told any more: told is in tests.policy.watch",
        "from tests.policy.suites import vault\n": "tests.policy.suites has no vault any more",
        "from ..policy.slow import SECONDS\n": "tests.policy.slow is gone",
        "from..policy.slow import SECONDS\n": "tests.policy.slow is gone",
        "def test_x():\n    from tests.policy import slow\n": "tests.policy has no slow any more",
        "X = 1; from tests.policy import slow\n": "tests.policy has no slow any more",
        "if True: from tests.policy import slow\n": "tests.policy has no slow any more",
        "from tests.policy import \\\n    slow\n": "tests.policy has no slow any more",
        "import os, \\\n    tests.policy.slow\n": "tests.policy.slow is gone from the policy",
        "from tests.policy import (  # (two)\n    SECONDS,\n    slow,\n)\n": "has no slow any more",
        "from tests.policy.watch import SECONDS\nfrom tests.policy import slow\n": "has no slow",
    }.items(),
)
def test_what_is_gone(text: str, message: str, tmp_path: Path) -> None:
    (said,) = found(tmp_path, "tests/unit/test_x.py", text)
    assert message in said


@pytest.mark.parametrize(
    "text",
    [
        "import tests.policy.watch\n",
        "from tests.policy import SECONDS, suites, watch\n",
        "from tests.policy.watch import *\n",
        "from tests.policy.suites.step import StepSuite\n",
        "from ..policy.watch import told\n",
        "from policy import anything\n",
        "from tests.other import policy\n",
    ],
)
def test_what_is_there(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, "tests/unit/test_x.py", text) == []


@pytest.mark.parametrize(
    ("only", "gone"),
    {"'test_redacts'": [], "'test_detects', 'test_mine'": ["test_detects"]}.items(),
)
def test_a_case_that_a_class_takes_alone(only: str, gone: list[str], tmp_path: Path) -> None:
    """The suite has another name for it now, so that nothing would run."""
    suite = "class StepSuite:\n    def test_redacts(self): ...\n"
    test = (
        "from tests.policy.suites.step import StepSuite\n\n\n"
        f"class TestX(StepSuite, only=[{only}]):\n    def test_mine(self): ...\n"
    )
    tree = {**POLICY, "tests/policy/suites/step.py": suite, "tests/test_x.py": test}
    said = [one.message for one in check(repository(tmp_path, tree), "TPG503")]
    assert said == [
        f"TestX: `only` names {case}, which its suite has no more; it has test_redacts"
        for case in gone
    ]


def test_what_a_module_has_of_others(tmp_path: Path) -> None:
    """All of what another one defines, by a star: nobody can tell what that is."""
    star = {"tests/policy/http.py": "from .watch import *\n"}
    here = repository(
        tmp_path, {**POLICY, **star, "tests/test_x.py": "from tests.policy.http import told\n"}
    )
    assert check(here, "TPG503") == []


def test_a_repository_without_a_policy(tmp_path: Path) -> None:
    here = repository(tmp_path, {"tests/test_x.py": "from tests.policy import anything\n"})
    assert check(here, "TPG503") == []
