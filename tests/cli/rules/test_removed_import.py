"""TPG503: `--fix` gives old names their new ones, and adds fixtures."""

from pathlib import Path

import pytest

from tests.checking import folder, tpgen
from tests.unit.rules.test_removed_import import POLICY, SUITE, TEST, WIRED, fix, wired

RENAMED = {
    "from tests.policy.http import Upstream\n": "from pytest_tpgen.upstream import Upstream\n",
    "from tests.policy.http import Upstream, promises as p\np()\n": (
        "from pytest_tpgen.upstream import Upstream, differences as p\np()\n"
    ),
    "from ..policy.http import promises  # as agreed\nx = promises\n": (
        "from pytest_tpgen.upstream import differences  # as agreed\nx = differences\n"
    ),
    "def test_x():\n    from tests.policy.http import Upstream, promises\n\n    promises(Upstream)\n": (
        "def test_x():\n    from pytest_tpgen.upstream import Upstream, differences\n\n"
        "    differences(Upstream)\n"
    ),
    "from tests.policy.suites.step import StepSuite, having\n\nx = [having(1)]\n": (
        "from tests.policy.suites.step import StepSuite\n"
        "from pytest_tpgen.requests import with_value\n\nx = [with_value(1)]\n"
    ),
    "from tests.policy.suites.step import having\n\n\ndef f(having):\n    return having\n": (
        "from pytest_tpgen.requests import with_value as having\n\n\n"
        "def f(having):\n    return having\n"
    ),
    "from tests.policy.suites.step import having\n\nwith_value = having(1)\n": (
        "from pytest_tpgen.requests import with_value as having\n\nwith_value = having(1)\n"
    ),
    "from tests.policy.suites import blank\n\n\nclass TestX:\n    a = blank('a')\n": (
        "from pytest_tpgen.suites import placeholder\n\n\nclass TestX:\n    a = placeholder('a')\n"
    ),
    "from tests.policy.suites import blank\n\n\ndef f(a=blank(1)):\n    b = blank('é')\n": (
        "from pytest_tpgen.suites import fill_in, placeholder\n\n\n"
        "def f(a=placeholder(1)):\n    b = fill_in('é')\n"
    ),
    "def test_x(wrong_auth):\n    assert wrong_auth\n": (
        "def test_x(stranger_auth):\n    assert stranger_auth\n"
    ),
    "import pytest\n\n\n@pytest.mark.usefixtures('wrong_auth')\ndef test_x(): ...\n": (
        "import pytest\n\n\n@pytest.mark.usefixtures('stranger_auth')\ndef test_x(): ...\n"
    ),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(("before", "after"), RENAMED.items())
def test_old_names_become_new_ones(before: str, after: str, ends: str, tmp_path: Path) -> None:
    """Nothing else changes, and a second run changes nothing."""
    path, expected = "tests/unit/test_x.py", after.replace("\n", ends).encode()
    for text in (before.replace("\n", ends).encode(), expected):
        assert fix(tmp_path, {path: text}) == []
        assert (tmp_path / path).read_bytes() == expected


CONFTEST = '''"""Mine."""

import pytest

from tests.policy.http import Upstream

X = 'mine'  # as I like it


@pytest.fixture
def   db(sandbox): return Upstream(sandbox)
def pg_container(): ...
'''


def test_fixtures_that_a_conftest_lacks(tmp_path: Path) -> None:
    """What a person wrote there stays, in its own layout."""
    assert wired(tmp_path, CONFTEST) == CONFTEST.replace(
        "from tests.policy.http import Upstream\n",
        "from pytest_tpgen.upstream import Upstream\n"
        "from tests.factories import AgentFactory\n"
        "from pytest_tpgen.wiring import Events\n"
        "from pytest_tpgen.fixtures import committed\n"
        "from pytest_tpgen.fixtures import sandbox\n",
    ) + (
        "\n\n@pytest.fixture\nasync def events(db: object) -> Events:\n"
        '    """Read the events."""\n    return await AgentFactory.read(db)\n'
        '\n\n__all__ = ["committed", "sandbox"]\n'
    )


def test_a_fixture_that_this_service_must_write(tmp_path: Path) -> None:
    """It has no such factory: the other fixtures are added, and the finding stays."""
    tree = {
        "tests/policy/suites/step.py": SUITE,
        "tests/unit/test_x.py": TEST,
        "tests/factories.py": "class UserFactory: ...\n",
        "tests/conftest.py": CONFTEST,
    }
    (left,) = fix(tmp_path, tree)
    assert (left.path, left.edits) == ("tests/conftest.py", ())
    assert "lacks events," in left.message and "write it by hand" in left.message
    text = (tmp_path / "tests/conftest.py").read_text()
    assert '__all__ = ["committed", "sandbox"]' in text and "AgentFactory" not in text


def test_the_base_of_a_suite_asks_too(tmp_path: Path) -> None:
    suite = SUITE.replace("Step", "Base") + "\n\nclass StepSuite(BaseSuite): ...\n"
    assert fix(tmp_path, {**WIRED, "tests/policy/suites/step.py": suite}) == []
    assert "def events(" in (tmp_path / "tests/conftest.py").read_text()


def test_the_table_of_this_tool(tmp_path: Path) -> None:
    """It has the names of the service: its package, and the prefix of its API."""
    suite = "class RouteSuite:\n    def test_a(self, send_messages): ...\n"
    tree = {
        **POLICY,
        ".copier-answers.yml": "package: other\napi_prefix: /api\n",
        "src/shop/__init__.py": "",
        "src/shop/models.py": "class Base: ...\nclass AuditEvent: ...\n",
        "tests/policy/suites/route.py": suite,
        "tests/unit/test_x.py": TEST.replace("step", "route").replace("Step", "Route"),
        "tests/conftest.py": "from tests.policy.http import Upstream\nX = Upstream\n\n\n"
        "@fixture\ndef pg_container(audit_events, client, auth): ...\n",
    }
    folder(tmp_path, tree)
    assert tpgen(tmp_path, "check", "--select=TPG503", "--fix").out.startswith("no findings; ")
    text = (tmp_path / "tests/conftest.py").read_text()
    assert "from pytest_tpgen.upstream import Upstream\n" in text
    assert "from shop.models import AuditEvent\n" in text
    assert 'client.post("/api/chat/completions"' in text


def test_names_in_all(tmp_path: Path) -> None:
    text = CONFTEST.replace("X =", "__all__ = ['X']\nX =")
    assert '__all__ += ["committed", "sandbox"]\n' in wired(tmp_path, text)
