"""TPG303: what is a placeholder of the engine."""

from pathlib import Path

import pytest

from tests.checking import findings

FILE = "tests/unit/test_x.py"


@pytest.mark.parametrize(
    "source",
    [
        "from pytest_tpgen.suites import placeholder\nx = placeholder('y = 1')\n",
        "from pytest_tpgen.suites import placeholder as fill\nx = placeholder(fill('y = 1'))\n",
        "from pytest_tpgen.suites import fill_in\nx = fill_in('y = 1')\n",
        "from pytest_tpgen.suites import to_build\nx = to_build('a:B', 'a.py')\n",
    ],
)
def test_a_placeholder_is_found(tmp_path: Path, source: str) -> None:
    assert len(findings(tmp_path, {FILE: source}, select="TPG303")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from app.forms import placeholder\nx = placeholder('y = 1')\n",
        "def test_x():\n    assert 'placeholder(1)'\n",
        "from pytest_tpgen.requests import without\nx = without('placeholder()')\n",
    ],
)
def test_another_function_is_none(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, {FILE: source}, select="TPG303") == []
