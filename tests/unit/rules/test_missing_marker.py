"""TPG304: marks that lack, and how they are added."""

import ast
from pathlib import Path

import pytest
from tpgen.check import fixes

from tests.checking import check, findings, folder

LACKING = {
    "fixture": "import pytest\n\n\ndef test_a(pg_container):\n    assert pg_container\n",
    "no import": '"""Text."""\n\nfrom __future__ import annotations\n\nimport shop\n\n\ndef test_a(committed_db):\n    assert 1\n',
    "method": "import pytest\n\n\nclass TestA:\n    @pytest.mark.slow\n    def test_a(self, pg_session):\n        assert 1\n",
    "made": 'from shop import PostgresContainer\n\n\ndef test_a():\n    with PostgresContainer("postgres:15") as it:\n        assert it\n',
    "live": 'import httpx\n\n\ndef test_a():\n    assert httpx.get("https://api.openai.com/v1")\n',
}
FINE = {
    "tests/test_a.py": "import pytest\n\n\n@pytest.mark.integration\ndef test_a(committed_db):\n    assert 1\n",
    "tests/test_b.py": "import pytest\n\npytestmark = [pytest.mark.integration]\n\n\ndef test_a(pg_session):\n    assert 1\n",
    "tests/integration/test_c.py": "def test_a(committed_db):\n    assert 1\n",
    "tests/test_d.py": "def test_a(db):\n    assert db\n",
    "tests/test_f.py": 'import httpx\n\n\ndef test_a():\n    assert httpx.get("https://api.example.com/a")\n',
    "tests/test_i.py": "import httpx\nimport respx\n\n\n@respx.mock\ndef test_a():\n"
    '    assert httpx.get("https://api.openai.com/v1")\n',
    "tests/test_e.py": 'import httpx\n\n\ndef test_a():\n    assert httpx.get("http://localhost/a")\n',
}

SEVERAL = {
    "functions": "import shop\n\n\ndef test_a(pg_session):\n    assert 1\n\n\n"
    "def test_b(pg_session):\n    assert 1\n",
    "class first": "from shop import (\n    fast,\n)\n\n\nclass TestA:\n    def test_a(self, pg_session):\n"
    "        assert 1\n\n\n@fast\ndef test_b(pg_session):\n    assert 1\n",
    "text and value": '"""Text."""\n\nSIZE = 1\n\nimport shop\n\n\n@shop.fast\ndef test_a(pg_session):\n'
    "    assert 1\n\n\ndef test_b(pg_session):\n    assert 1\n",
}
UNCLEAR = {
    "no import at all": "def test_a(pg_session):\n    assert 1\n",
    "import below": "def test_a(pg_session):\n    assert 1\n\n\nimport shop\n",
    "byte order mark": "\ufeffimport shop\n\n\ndef test_a(pg_session):\n    assert 1\n",
    "after a semicolon": "import pytest\nx = 1; test = 2\n\f\fdef test_a(pg_session): assert 1\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("source", SEVERAL.values(), ids=SEVERAL)
def test_several_tests_are_marked_at_once(tmp_path: Path, source: str, end: str) -> None:
    """With one import, and the line ends of the file."""
    here = folder(tmp_path, {"tests/test_a.py": source.replace("\n", end)})
    found = check(here, "TPG304")
    assert len(found) == 2
    fixes.apply(here, found)
    mended = (tmp_path / "tests/test_a.py").read_bytes()
    assert mended.count(b"import pytest") == 1
    assert mended.count(b"@pytest.mark.integration") == 2
    assert mended.count(b"\n") == mended.count(end.encode()) and ast.parse(mended)
    assert check(here, "TPG304") == []


@pytest.mark.parametrize("source", UNCLEAR.values(), ids=UNCLEAR)
def test_a_mark_without_a_clear_place_is_left_to_a_person(tmp_path: Path, source: str) -> None:
    found = check(folder(tmp_path, {"tests/test_a.py": source}), "TPG304")
    assert [finding.edits for finding in found] == [()]


def test_a_page_of_playwright_is_a_browser(tmp_path: Path) -> None:
    """If the file imports Playwright; another fixture of that name is none."""
    test = "def test_a(page):\n    assert page\n"
    tree = {
        "tests/test_a.py": f"from playwright.sync_api import Page\n\n\n{test}",
        "tests/test_b.py": test,
    }
    assert findings(tmp_path, tree, select="TPG304") == ["tests/test_a.py:4:1 TPG304"]


def test_a_service_marks_what_asks_for_a_database_by_itself(tmp_path: Path) -> None:
    """Its plugin does; a live upstream it can't see."""
    tree = {
        "tests/policy/policy.toml": "",
        "tests/test_a.py": LACKING["fixture"],
        "tests/test_b.py": LACKING["live"],
    }
    assert findings(tmp_path, tree, select="TPG304") == ["tests/test_b.py:4:1 TPG304"]


@pytest.mark.parametrize("source", LACKING.values(), ids=LACKING)
def test_a_mark_that_lacks_is_found_and_added_once(tmp_path: Path, source: str) -> None:
    """After `--fix` the file is valid Python, and there is nothing left to find."""
    here = folder(tmp_path, {"tests/test_a.py": source})
    found = check(here, "TPG304")
    assert [one.code for one in found] == ["TPG304"]
    fixes.apply(here, found)
    mended = (tmp_path / "tests/test_a.py").read_bytes()
    assert b"import pytest" in mended and b"@pytest.mark." in mended and ast.parse(mended)
    assert check(here, "TPG304") == []


@pytest.mark.parametrize("start", ['"""Text."""', "from __future__ import annotations"])
def test_no_line_is_added_before_a_docstring(tmp_path: Path, start: str) -> None:
    """Nor before an import from `__future__`: the import to add would have to split a line."""
    source = f"{start}; import shop\n\n\ndef test_a(committed_db):\n    assert 1\n"
    found = check(folder(tmp_path, {"tests/test_a.py": source}), "TPG304")
    assert [finding.edits for finding in found] == [()]


def test_what_is_marked_or_lies_in_a_layer_is_fine(tmp_path: Path) -> None:
    """And so are `db` of another sort and a server of this machine."""
    assert findings(tmp_path, FINE, select="TPG304") == []
