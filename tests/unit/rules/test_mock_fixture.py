"""TPG102: fixtures that patch."""

from pathlib import Path

import pytest

from tests.checking import findings

USERS = {
    "parameter": "def test_a(mocker):\n    assert mocker\n",
    "annotated": "async def test_a(session_mocker: object):\n    assert session_mocker\n",
    "fixture": "import pytest\n\n@pytest.fixture\ndef fake(module_mocker):\n    return 1\n",
    "method": "class TestA:\n    def test_a(self, *, class_mocker):\n        assert class_mocker\n",
    "getfixturevalue": 'def test_a(request):\n    assert request.getfixturevalue("mocker")\n',
    "usefixtures": 'import pytest\n\npytestmark = pytest.mark.usefixtures("mocker")\n',
    "httpx": "def test_a(httpx_mock):\n    assert httpx_mock\n",
}


@pytest.mark.parametrize("source", USERS.values(), ids=USERS)
def test_each_way_to_ask_is_found(tmp_path: Path, source: str) -> None:
    """Also where the file imports nothing."""
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG102")
    assert [one.split()[1] for one in found] == ["TPG102"]


def test_a_fixture_of_ones_own_is_fine(tmp_path: Path) -> None:
    """What `conftest.py` defines under the name is not the plugin's."""
    tree = {
        "tests/conftest.py": "import pytest\n\n@pytest.fixture\ndef mocker():\n    return 1\n",
        "tests/unit/test_a.py": "def test_a(mocker):\n    assert mocker == 1\n",
    }
    assert findings(tmp_path, tree, select="TPG102") == []
