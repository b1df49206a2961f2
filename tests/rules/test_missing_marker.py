"""TPG304: marks that lack, and how they are added."""

import ast
from pathlib import Path

import pytest
from tpgen.check import fixes

from tests.checking import check, findings, repository

LACKING = {
    "fixture": "import pytest\n\n\ndef test_a(pg_container):\n    assert pg_container\n",
    "no import": '"""Text."""\n\nfrom __future__ import annotations\n\n\ndef test_a(committed_db):\n    assert 1\n',
    "method": "import pytest\n\n\nclass TestA:\n    @pytest.mark.slow\n    def test_a(self, pg_session):\n        assert 1\n",
    "made": 'def test_a():\n    with PostgresContainer("postgres:15") as it:\n        assert it\n',
    "live": 'import httpx\n\n\ndef test_a():\n    assert httpx.get("https://api.openai.com/v1")\n',
}
FINE = {
    "tests/test_a.py": "import pytest\n\n\n@pytest.mark.integration\ndef test_a(committed_db):\n    assert 1\n",
    "tests/test_b.py": "import pytest\n\npytestmark = [pytest.mark.integration]\n\n\ndef test_a(pg_session):\n    assert 1\n",
    "tests/integration/test_c.py": "def test_a(committed_db):\n    assert 1\n",
    "tests/test_d.py": "def test_a(db):\n    assert db\n",
    "tests/test_e.py": 'import httpx\n\n\ndef test_a():\n    assert httpx.get("http://localhost/a")\n',
}


@pytest.mark.parametrize("source", LACKING.values(), ids=LACKING)
def test_a_mark_that_lacks_is_found_and_added_once(tmp_path: Path, source: str) -> None:
    """After `--fix` the file is valid Python, and there is nothing left to find."""
    here = repository(tmp_path, {"tests/test_a.py": source})
    found = check(here, "TPG304")
    assert [one.code for one in found] == ["TPG304"]
    fixes.apply(here, found)
    mended = (tmp_path / "tests/test_a.py").read_text()
    assert "import pytest" in mended and "@pytest.mark." in mended and ast.parse(mended)
    assert check(here, "TPG304") == []


def test_what_is_marked_or_lies_in_a_layer_is_fine(tmp_path: Path) -> None:
    """And so are `db` of another sort and a server of this machine."""
    assert findings(tmp_path, FINE, select="TPG304") == []
