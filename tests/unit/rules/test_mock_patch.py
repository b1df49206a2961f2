"""TPG103: patches of the mock library and of `mocker`; requests by PATCH are none."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = (
    "import unittest.mock as m\nfrom unittest.mock import patch as swap\nfrom tests import mock\n\n"
)
PATCHES = {
    "call": 'def test_a():\n    with m.patch("shop.clock.now"):\n        pass\n',
    "object": 'def test_a():\n    m.patch.object(rates, "get")\n',
    "decorator": '@m.patch("shop.clock.now")\ndef test_a(now):\n    pass\n',
    "decorator of a class": "@m.patch.multiple\nclass TestA:\n    pass\n",
    "dict": "@m.patch.dict(rates.table)\ndef test_a():\n    pass\n",
    "other name": 'def test_a():\n    swap("shop.clock.now")\n',
    "passed on": 'def test_a():\n    mock.patch("shop.clock.now")\n',
    "mocker": 'def test_a(mocker):\n    mocker.patch("shop.clock.now")\n',
    "self.mocker": 'def test_a(self):\n    self.mocker.patch("shop.clock.now")\n',
}
FINE = {
    "client": 'def test_a(client):\n    client.patch("/v1/agents/1")\n',
    "requests": 'import requests\n\ndef test_a():\n    requests.patch("http://test/a")\n',
    "router": '@router.patch("/a")\ndef view():\n    pass\n',
    "self.client": 'def test_a(self):\n    self.client.patch("/a")\n',
    "a server called mock": 'def test_a(server):\n    server.mock.patch("/a")\n',
}


@pytest.mark.parametrize("source", PATCHES.values(), ids=PATCHES)
def test_a_patch_is_found_once(tmp_path: Path, source: str) -> None:
    found = findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG103")
    assert [finding.split()[1] for finding in found] == ["TPG103"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_a_request_is_not_found(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG103") == []
