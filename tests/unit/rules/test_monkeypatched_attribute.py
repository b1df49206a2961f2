"""TPG104: monkeypatch on attributes, whatever it is called."""

from pathlib import Path

import pytest

from tests.checking import findings

SWAPS = {
    "fixture": 'def test_a(monkeypatch):\n    monkeypatch.setattr(app, "clock", None)\n',
    "delattr": 'def test_a(monkeypatch):\n    monkeypatch.delattr("app.clock")\n',
    "context": 'def test_a():\n    with pytest.MonkeyPatch.context() as mp:\n        mp.setattr(app, "a", 1)\n',
    "made": 'def test_a():\n    pytest.MonkeyPatch().setattr(app, "a", 1)\n',
    "alias": 'def test_a(monkeypatch):\n    mp = monkeypatch\n    mp.setattr(app, "a", 1)\n',
}
FINE = {
    "setenv": 'def test_a(monkeypatch):\n    monkeypatch.setenv("A", "1")\n',
    "environ": 'import os\ndef test_a(monkeypatch):\n    monkeypatch.setitem(os.environ, "A", "1")\n',
    "argv": 'import sys\ndef test_a(monkeypatch):\n    monkeypatch.setattr(sys, "argv", [])\n',
    "argv as text": 'def test_a(monkeypatch):\n    monkeypatch.setattr("sys.argv", [])\n',
    "builtin": 'def test_a(agent):\n    setattr(agent, "name", "new")\n',
    "whole environment": 'def test_a(monkeypatch):\n    monkeypatch.setattr("os.environ", {})\n',
    "of builtins": 'import builtins\ndef test_a(agent):\n    builtins.setattr(agent, "a", 1)\n',
}


@pytest.mark.parametrize("source", SWAPS.values(), ids=SWAPS)
def test_each_swap_is_found(tmp_path: Path, source: str) -> None:
    """One finding each."""
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG104")
    assert [one.split()[1] for one in found] == ["TPG104"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_the_surroundings_may_be_set(tmp_path: Path, source: str) -> None:
    """The environment and the arguments of the process are no code."""
    assert findings(tmp_path, {"tests/test_a.py": source}, select="TPG104") == []
