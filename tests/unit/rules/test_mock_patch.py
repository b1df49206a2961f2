"""TPG103: patches, by the library and by hand; requests by PATCH are none."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = (
    "import unittest.mock as m\nimport shop.clock\nfrom shop import rates\nfrom shop.rates import Rates, reckon\nimport sys\n"
    "from tests.helpers import Upstream\n\n"
)
PATCHES = {
    "call": 'def test_a():\n    with m.patch("shop.clock.now"):\n        pass\n',
    "object": 'def test_a():\n    m.patch.object(rates, "get")\n',
    "decorator": '@m.patch("shop.clock.now")\ndef test_a(now):\n    pass\n',
    "dict": "@m.patch.dict(rates.table)\ndef test_a():\n    pass\n",
    "mocker": 'def test_a(mocker):\n    mocker.patch("shop.clock.now")\n',
    "self.mocker": 'def test_a(self):\n    self.mocker.patch("shop.clock.now")\n',
    "alias": 'swap = m.patch\n\ndef test_a():\n    swap("shop.clock.now")\n',
    "module": "def test_a():\n    shop.clock.now = lambda: 1\n",
    "from": "def test_a(fake):\n    rates.get = fake\n",
    "setattr": 'def test_a(fake):\n    setattr(shop.clock, "now", fake)\n',
    "__dict__": 'def test_a(fake):\n    shop.clock.__dict__["now"] = fake\n',
    "vars": 'def test_a(fake):\n    vars(shop.clock)["now"] = fake\n',
    "class": "def test_a(fake):\n    Rates.get = fake\n",
    "setattr of a class": 'def test_a(fake):\n    setattr(Rates, "get", fake)\n',
    "object.__setattr__": 'def test_a(fake):\n    object.__setattr__(rates, "get", fake)\n',
    "__dict__.update": "def test_a(fake):\n    rates.__dict__.update(get=fake)\n",
    "vars().update": "def test_a(fake):\n    vars(rates).update(get=fake)\n",
    "two targets": "def test_a(fake):\n    rates.get, old = fake, 1\n",
    "annotated": "def test_a(fake):\n    rates.get: object = fake\n",
    "no spaces": "def test_a(fake):\n    rates.get=fake\n",
    "__code__": "def test_a(fake):\n    reckon.__code__ = fake.__code__\n",
    "sys.modules.update": 'def test_a(fake):\n    sys.modules.update({"shop.clock": fake})\n',
    "sys.modules": 'def test_a(fake):\n    sys.modules["shop.clock"] = fake\n',
}
FINE = {
    "client": 'def test_a(client):\n    client.patch("/v1/agents/1")\n',
    "requests": 'import requests\n\ndef test_a():\n    requests.patch("http://test/a")\n',
    "router": '@router.patch("/a")\ndef view():\n    pass\n',
    "self.client": 'def test_a(self):\n    self.client.patch("/a")\n',
    "setting": "def test_a():\n    shop.clock.ZONE = 3\n",
    "argv": "def test_a(given):\n    sys.argv = given\n",
    "local": "def test_a(rates, fake):\n    rates.get = fake\n",
    "class of the tests": "def test_a(fake):\n    Upstream.get = fake\n",
    "entry": "def test_a(fake):\n    rates.table.update(fake)\n",
    "attribute": "def test_a(agent, fake):\n    agent.name = fake\n",
}
PROGRAM = {
    "src/shop/clock.py": "now = 1\n",
    "src/shop/rates.py": "get = 1\n",
    "tests/helpers.py": "",
}


@pytest.mark.parametrize("source", PATCHES.values(), ids=PATCHES)
def test_each_patch_is_found_once(tmp_path: Path, source: str) -> None:
    """One finding at the place of the patch."""
    tree = PROGRAM | {"tests/test_a.py": HEAD + source}
    found = findings(tmp_path, tree, select="TPG103")
    assert [one.split()[1] for one in found] == ["TPG103"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_what_is_no_patch_is_not_found(tmp_path: Path, source: str) -> None:
    """Requests by PATCH, settings, and objects of the test's own."""
    tree = PROGRAM | {"tests/test_a.py": HEAD + source}
    assert findings(tmp_path, tree, select="TPG103") == []
