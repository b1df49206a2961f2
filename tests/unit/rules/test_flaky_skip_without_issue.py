"""TPG201: skips that tell of a flake."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = "import pytest\nimport unittest\nWHY = 'needs Windows'\n\n"
SILENT = {
    "keyword": '@pytest.mark.skip(reason="Flaky")\ndef test_a():\n    assert f()\n',
    "positional": '@pytest.mark.skip("intermittent failure")\ndef test_a():\n    assert f()\n',
    "other name": 'from pytest import mark\n\n@mark.skip(reason="Flaky")\ndef test_a():\n    assert f()\n',
    "method": 'class A(unittest.TestCase):\n    def test_a(self):\n        self.skipTest("flaky")\n',
    "call": 'def test_a():\n    pytest.skip("race condition")\n',
    "xfail": '@pytest.mark.xfail(reason="non-deterministic")\ndef test_a():\n    assert f()\n',
    "unittest": '@unittest.skip("unstable")\ndef test_a():\n    assert f()\n',
    "module": 'pytestmark = pytest.mark.skipif(True, reason="a flake")\n',
    "parameter": 'P = [pytest.param(1, marks=pytest.mark.skip(reason="flakey"))]\n',
    "no reason": "@pytest.mark.skip\ndef test_a():\n    assert f()\n",
    "empty call": "@pytest.mark.skip()\ndef test_a():\n    assert f()\n",
    "no reason, other name": "from pytest import mark\n\n@mark.skip\ndef test_a():\n    assert f()\n",
    "loose": "@pytest.mark.xfail(strict=False)\ndef test_a():\n    assert f()\n",
}
TOLD = {
    "number": '@pytest.mark.skip(reason="flaky, see #12")\ndef test_a():\n    assert f()\n',
    "key": '@pytest.mark.skip(reason="flaky: OPS-12")\ndef test_a():\n    assert f()\n',
    "address": '@pytest.mark.skip("flaky https://x.test/issues/12")\ndef test_a():\n    assert f()\n',
    "no flake": '@pytest.mark.skip(reason="needs Windows")\ndef test_a():\n    assert f()\n',
    "trace": '@pytest.mark.skip(reason="needs a trace")\ndef test_a():\n    assert f()\n',
    "a constant": "@pytest.mark.skip(reason=WHY)\ndef test_a():\n    assert f()\n",
    "if": '@pytest.mark.skipif(True, reason="PyPy")\ndef test_a():\n    assert f()\n',
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_a_silent_flake_is_found(tmp_path: Path, source: str) -> None:
    """However the skip is written."""
    found = findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG201")
    assert [one.split()[1] for one in found] == ["TPG201"]


@pytest.mark.parametrize("source", TOLD.values(), ids=TOLD)
def test_a_skip_that_says_where_it_is_worked_on_is_fine(tmp_path: Path, source: str) -> None:
    """And so is one that is for no flake."""
    assert findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG201") == []


def test_an_encoding_is_no_issue(tmp_path: Path) -> None:
    """UTF-8 looks like the key of an issue."""
    source = 'import pytest\n\n@pytest.mark.skip(reason="flaky with UTF-8")\ndef test_a(): ...\n'
    assert findings(tmp_path, {"tests/test_a.py": source}, select="TPG201")
