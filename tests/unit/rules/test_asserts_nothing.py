"""TPG301: tests in which nothing can fail; a call may assert, so that it is never reported."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = "import asyncio\nimport pytest\nimport time\nimport unittest\nfrom contextlib import suppress\n\n"
NOTHING = {
    "pass": "def test_a():\n    pass\n",
    "docstring": 'def test_a():\n    """It works."""\n',
    "dots": "async def test_a(client):\n    ...\n",
    "true": "def test_a():\n    assert True\n",
    "tuple": "def test_a(x):\n    assert (x == 1, 'one')\n",
    "or": "def test_a(x):\n    assert x or True\n",
    "compares": "def test_a(x):\n    x.body is None\n",
    "returns first": "def test_a(x):\n    return\n",
    "method": "class TestA:\n    def test_a(self):\n        pass\n",
    "case": "class Some(unittest.TestCase):\n    def test_a(self):\n        pass\n",
    "sleeps": "def test_a():\n    time.sleep(1)\n",
    "awaits a sleep": "async def test_a():\n    await asyncio.sleep(1)\n",
    "waits for a page": "def test_a(page):\n    page.wait_for_timeout(3000)\n",
    "prints": "def test_a(x):\n    print(x)\n",
    "a function that nothing calls": "def test_a(x):\n    def inner():\n        assert x\n",
    "uses fixtures": "@pytest.mark.usefixtures('db')\ndef test_a():\n    pass\n",
    "marked": "@pytest.mark.slow\ndef test_a():\n    pass\n",
}
SOMETHING = {
    "assert": "def test_a(x):\n    assert x\n",
    "different constants": "def test_a():\n    assert 1 == 2\n",
    "assert False": "def test_a(x):\n    assert False\n",
    "raises": "def test_a(x):\n    with pytest.raises(ValueError):\n        x()\n",
    "only raises": "def test_a(x):\n    with raising:\n        x\n",
    "case": "class Some(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue(x)\n",
    "calls": "def test_a(client):\n    client.ask()\n",
    "calls in a constant": "def test_a(client):\n    assert f'{client.ask()}'\n",
    "raise": "def test_a(x):\n    if x:\n        raise AssertionError\n",
    "another test": "def test_b(x):\n    assert x\n\ndef test_a(x):\n    test_b(x)\n",
    "only skips": "def test_a():\n    pytest.skip('not on Windows, #1')\n",
    "imports": "def test_a():\n    import shop\n",
    "defines a class of the code": "def test_a():\n    class Own(Base):\n        pass\n",
    "a decorated function": "def test_a(app):\n    @app.route\n    def view():\n        pass\n",
    "skipped": "@pytest.mark.skip(reason='#1')\ndef test_a():\n    pass\n",
    "a decorator that may assert": "@compares_images\ndef test_a():\n    pass\n",
    "suppressed error": "def test_a(x):\n    with suppress(OSError):\n        assert x\n",
    "switched off": "class TestA(Suite):\n    test_x = None\n",
    "not a test": "def helper():\n    pass\n",
    "fixture": "@pytest.fixture\ndef test_data():\n    return 1\n",
}


@pytest.mark.parametrize("source", NOTHING.values(), ids=NOTHING)
def test_what_cannot_fail_is_found(tmp_path: Path, source: str) -> None:
    found = findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG301")
    assert [finding.split()[1] for finding in found] == ["TPG301"]


@pytest.mark.parametrize("source", SOMETHING.values(), ids=SOMETHING)
def test_what_may_fail_is_fine(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG301") == []


def test_a_test_on_the_first_line_is_found(tmp_path: Path) -> None:
    source = "def test_a():\n    pass\n"
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG301")
    assert found == ["tests/test_a.py:1:1 TPG301"]


def test_a_line_in_another_test_changes_no_verdict(tmp_path: Path) -> None:
    """Each test is judged by its own statements."""
    first = "def test_first():\n    def inner():\n        pass  # no patch\n    assert inner\n\n\n"
    source = first + "def test_second():\n    pass\n"
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG301")
    assert found == ["tests/test_a.py:7:1 TPG301"]
