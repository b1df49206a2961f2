"""TPG301: tests that can't fail, and those that only look so."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = "import pytest\nimport unittest\nfrom tests.helpers import is_well\n\n"
NOTHING = {
    "calls": "def test_a(client):\n    client.ask()\n",
    "pass": "def test_a():\n    pass\n",
    "true": "def test_a():\n    assert True\n",
    "tuple": "def test_a(x):\n    assert (x == 1, 'one')\n",
    "or": "def test_a(x):\n    assert x or True\n",
    "after return": "def test_a(x):\n    return\n    assert x\n",
    "if False": "def test_a(x):\n    if False:\n        assert x\n",
    "except": "def test_a(x):\n    try:\n        x()\n    except ValueError as e:\n        assert e\n",
    "method": "class TestA:\n    def test_a(self):\n        work()\n",
    "case": "class Some(unittest.TestCase):\n    def test_a(self):\n        work()\n",
    "a double raises": "class Double:\n    def ask(self):\n        raise OSError\n\n"
    "def test_a():\n    Double().ask()\n",
    "in a text": 'def test_a():\n    run("""\n    assert 1 == two\n""")\n',
    "constant first": "def test_a():\n    assert 1 == 1\n",
    "in a tuple": "def test_a(x):\n    assert (x, (x) == 1)\n",
    "after a return, deeper": "def test_a(x):\n    with x:\n        return\n        assert x\n",
    "compares": "def test_a(x):\n    x.body is None\n",
}
SOMETHING = {
    "assert": "def test_a(x):\n    assert x\n",
    "raises": "def test_a(x):\n    with pytest.raises(ValueError):\n        x()\n",
    "case": "class Some(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue(x)\n",
    "fail": "def test_a(x):\n    if x:\n        pytest.fail('no')\n",
    "raise": "def test_a(x):\n    if x:\n        raise AssertionError\n",
    "helper": "def well(x):\n    assert x\n\ndef test_a(x):\n    well(x)\n",
    "helper's helper": "def a(x):\n    assert x\n\ndef b(x):\n    a(x)\n\ndef test_a(x):\n    b(x)\n",
    "imported": "def test_a(x):\n    is_well(x)\n",
    "fixture": "@pytest.fixture\ndef y():\n    yield 1\n    assert done()\n\ndef test_a(y):\n    work()\n",
    "snapshot": "def test_a(snapshot):\n    work(snapshot)\n",
    "method": "class TestA:\n    def well(self):\n        assert x\n\n    def test_a(self):\n        self.well()\n",
    "method of an object": "class Reader:\n    def do(self):\n        assert x\n\n"
    "def test_a():\n    reader = Reader()\n    reader.do()\n",
    "tearDown": "class TestA(unittest.TestCase):\n    def tearDown(self):\n"
    "        self.assertTrue(x)\n\n    def test_a(self):\n        work()\n",
    "handler returns": "def test_a(x):\n    def answer():\n        return 1\n\n    with x(answer):\n"
    "        assert x\n",
    "awaited": "async def test_a(x):\n    assert (await x.get(f'{x}')).status == 200\n",
    "expected first": "def test_a(x):\n    assert 'a' in x\n",
    "another test": "def test_b(x):\n    assert x\n\ndef test_a(x):\n    test_b(x)\n",
    "else": "def test_a(x):\n    try:\n        x()\n    except ValueError:\n        pass\n"
    "    else:\n        assert False\n",
    "skipped": "@pytest.mark.skip(reason='#1')\ndef test_a():\n    pass\n",
    "switched off": "class TestA(Suite):\n    test_x = None\n",
    "no test": "def helper():\n    pass\n",
}
HELPERS = {"tests/helpers.py": "def is_well(x):\n    assert x\n"}


@pytest.mark.parametrize("source", NOTHING.values(), ids=NOTHING)
def test_what_cannot_fail_is_found(tmp_path: Path, source: str) -> None:
    """One finding at the test."""
    found = findings(tmp_path, HELPERS | {"tests/test_a.py": HEAD + source}, select="TPG301")
    assert [one.split()[1] for one in found] == ["TPG301"]


@pytest.mark.parametrize("source", SOMETHING.values(), ids=SOMETHING)
def test_what_can_fail_is_fine(tmp_path: Path, source: str) -> None:
    """By its own lines, or by those of a helper or a fixture."""
    tree = HELPERS | {"tests/test_a.py": HEAD + source}
    assert findings(tmp_path, tree, select="TPG301") == []
