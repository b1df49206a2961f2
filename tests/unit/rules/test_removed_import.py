"""TPG503: imports of what the policy has, and of what it has no more."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tpgen.check import engine, fixes, moved, project
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.rules import removed_import

from tests.checking import check, folder

POLICY = {
    "tests/__init__.py": "",
    "tests/policy/policy.toml": '[engine]\nrequires = ">=0.3"\n',
    "tests/policy/__init__.py": "from .watch import SECONDS\n",
    "tests/policy/watch.py": "SECONDS = 1\n\n\ndef told(): ...\n",
    "tests/policy/suites/__init__.py": "class Suite: ...\n",
    "tests/policy/suites/step.py": "class StepSuite: ...\n",
}


def found(tmp_path: Path, path: str, text: str) -> list[str]:
    here = folder(tmp_path, {**POLICY, path: text})
    return [one.message for one in check(here, "TPG503")]


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "import tests.policy.slow\n": "tests.policy.slow: `git log -p tests/policy` shows what rep",
        "from tests.policy.slow import SECONDS\n": "slow.SECONDS: `git log -p",
        "from tests.policy.watch import heard\n": "tests.policy.watch.heard: `git log -p",
        "from tests.policy import told\n": "tests.policy.told: `git log -p",
        "from tests.policy.suites import vault\n": "tests.policy.suites.vault: ",
        "from ..policy.slow import SECONDS\n": "tests.policy.slow.SECONDS: ",
        "def test_x():\n    from tests.policy import slow\n": "tests.policy.slow: ",
        "X = 1; from tests.policy import slow\n": "tests.policy.slow: ",
        "from tests.policy import \\\n    slow\n": "tests.policy.slow: ",
        "import os, \\\n    tests.policy.slow\n": "tests.policy.slow: ",
        "from tests.policy import (  # (two)\n    SECONDS,\n    slow,\n)\n": "policy.slow: ",
    }.items(),
)
def test_what_is_gone(text: str, message: str, tmp_path: Path) -> None:
    (said,) = found(tmp_path, "tests/unit/test_x.py", text)
    assert said.startswith("the policy has no ") and message in said


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


MOVED = """
[names]
"tests.policy.http" = "pytest_tpgen.upstream"
"tests.policy.http.promises" = "pytest_tpgen.upstream.differences"
"tests.policy.suites.blank" = ["pytest_tpgen.suites.placeholder", "pytest_tpgen.suites.fill_in"]
"tests.policy.suites.step.having" = "pytest_tpgen.requests.with_value"

[fixtures]
wrong_auth = "stranger_auth"

[wiring]
conftest = '''
import pytest
from pytest_tpgen.fixtures import committed, sandbox
from pytest_tpgen.wiring import Events
from tests.factories import AgentFactory
@pytest.fixture
async def events(db: object) -> Events:
    \"\"\"Read the events.\"\"\"
    return await AgentFactory.read(db)
'''
"""


def fix(tmp_path: Path, tree: Mapping[str, str | bytes]) -> list[Finding]:
    """Fix what the table above says of a tree; return what is left."""
    rule = removed_import.RULE
    rule = replace(rule, check=partial(removed_import.check, moved=moved.parse(MOVED)))
    here = folder(tmp_path, {**POLICY, "pyproject.toml": SORTED, **tree})
    fixes.apply(here, engine.run(here, [rule]).findings)
    return engine.run(project.find(tmp_path, []), [rule]).findings


SORTED = "[tool.ruff.lint.isort]\nknown-local-folder = ['tests']\n"


BY_HAND = [
    "placeholder = 1\nfrom tests.policy.suites import blank\nx = blank()\ndef f(): blank()\n",
    "def test_x(wrong_auth, stranger_auth): ...\n",
    "from tests.policy import http\nhttp.promises(http.Upstream())\n",
    "import tests.policy.http as web\nx = web.promises\n",
    "from tests.policy.http import *\n",
    "from tests.policy.http import (  # two\n    Upstream,\n)\n",
    "X = 1; from tests.policy.http import Upstream; Y = 2\n",
]


@pytest.mark.parametrize("text", BY_HAND)
def test_what_a_person_must_rename(text: str, tmp_path: Path) -> None:
    (found,) = fix(tmp_path, {"tests/unit/test_x.py": text})
    assert (found.edits, "rename it by hand" in found.message) == ((), True)
    assert (tmp_path / "tests/unit/test_x.py").read_text() == text


SUITE = "class StepSuite:\n    def test_a(self, events): ...\n"
TEST = "from tests.policy.suites.step import StepSuite\n\n\nclass TestX(StepSuite): ...\n"


def wired(tmp_path: Path, conftest: str, factories: str = "class AgentFactory: ...\n") -> str:
    """A conftest after `tpgen check --fix`."""
    tree = {
        "tests/policy/suites/step.py": SUITE,
        "tests/unit/test_x.py": TEST,
        "tests/factories.py": factories,
        "tests/conftest.py": conftest,
    }
    assert fix(tmp_path, tree) == []
    return (tmp_path / "tests/conftest.py").read_text()


@pytest.mark.parametrize(
    "own",
    [
        "from mine import events, committed, sandbox, pg_container\n",
        "from mine import *\npg_container = 1\n",
        "pytest_plugins = ['mine']\npg_container = 1\n",
        "def events(pg_container): ...\ncommitted = 1\n",
    ],
)
def test_fixtures_that_a_conftest_has(own: str, tmp_path: Path) -> None:
    assert wired(tmp_path, own) == own


WIRED = {
    "tests/factories.py": "class AgentFactory: ...\n",
    "tests/conftest.py": "from .wiring import committed, pg_container, sandbox\n",
    "tests/integration/test_x.py": TEST,
    "tests/policy/suites/step.py": SUITE,
}


@pytest.mark.parametrize(
    "change",
    [
        {"conftest.py": "import pytest\n\n\n@pytest.fixture\ndef events(): ...\n"},
        {"tests/unit/conftest.py": "from .wiring import events\n"},
        {"tests/integration/test_x.py": "# StepSuite one day\ndef test_x(): ...\n"},
        {"tests/policy/suites/step.py": f"{SUITE.replace('Step', 'Other')}class StepSuite: ...\n"},
        {"tests/conftest.py": "def sandbox(): ...\n"},
    ],
    ids=["the root has it", "a layer has it", "a comment", "no case", "not wired"],
)
def test_fixtures_that_nothing_asks_of_a_conftest(change: dict[str, str], tmp_path: Path) -> None:
    tree = {**POLICY, **WIRED, **change}
    assert fix(tmp_path, tree) == []
    conftest = "tests/conftest.py"
    assert (tmp_path / conftest).read_text() == tree[conftest]


def test_a_policy_that_holds_its_engine(tmp_path: Path) -> None:
    """Up to 0.2 the old names were the right ones."""
    old = {
        **POLICY,
        "tests/policy/policy.toml": "",
        "tests/policy/http.py": "class Upstream: ...\n",
    }
    test = "from tests.policy.http import Upstream\n\n\ndef test_x(wrong_tenant_auth): ...\n"
    assert check(folder(tmp_path, {**old, "tests/test_x.py": test}), "TPG503") == []


@pytest.mark.parametrize("text", ["[names", "names = 1", "[names]\na = 1"])
def test_a_table_that_is_broken(text: str) -> None:
    with pytest.raises(
        UserError, match=r"^extensions/tpgen/moved.toml of the template can.t be read"
    ):
        moved.parse(text)


def test_what_a_module_has_of_others(tmp_path: Path) -> None:
    """All of what another one defines, by a star: nobody can tell what that is."""
    star = {"tests/policy/other.py": "from .watch import *\n"}
    test = {"tests/test_x.py": "from tests.policy.other import told\n"}
    assert check(folder(tmp_path, {**POLICY, **star, **test}), "TPG503") == []


def test_a_repository_without_a_policy(tmp_path: Path) -> None:
    here = folder(tmp_path, {"tests/test_x.py": "from tests.policy import anything\n"})
    assert check(here, "TPG503") == []
