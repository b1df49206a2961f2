"""TPG303: what is a blank of ours."""

from pathlib import Path

import pytest

from tests.checking import findings

FILE = "tests/unit/test_x.py"


@pytest.mark.parametrize(
    "source",
    [
        "from tests.policy.suites import blank\nx = blank('y = 1')\n",
        "from tests.policy.suites import blank as fill\nx = blank(fill('y = 1'))\n",
        "from tests.policy.suites import to_build\nx = to_build('a:B', 'a.py')\n",
    ],
)
def test_a_blank_is_found(tmp_path: Path, source: str) -> None:
    assert len(findings(tmp_path, {FILE: source}, select="TPG303")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from app.forms import blank\nx = blank('y = 1')\n",
        "def test_x():\n    assert 'blank(1)'\n",
        "from tests.policy.suites import fill_in\nx = fill_in('blank()')\n",
    ],
)
def test_another_function_is_none(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, {FILE: source}, select="TPG303") == []
