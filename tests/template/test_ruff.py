"""The ruff configuration of a service refuses assertions that can't fail, and swallowed errors."""

import json
import subprocess
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.rendering import render

EMPTY = {
    "F631": "    assert (x == 1, 'one')\n",
    "SIM222": "    assert x or True\n",
    "PLR0124": "    assert x == x\n",
    "PLR0133": "    assert 1 == 1\n",
    "B011": "    assert False\n",
    "B015": "    x == 1\n",
    "B017": "    with pytest.raises(Exception):\n        x.ask()\n",
    "S110": "    try:\n        assert x\n    except Exception:\n        pass\n",
    "SIM105": "    try:\n        assert x\n    except AssertionError:\n        pass\n",
}


@pytest.fixture(scope="module")
def folder(copie_session: Copie) -> Path:
    return render(copie_session)


@pytest.mark.parametrize("code", EMPTY)
def test_ruff_finds_a_test_that_cannot_fail(folder: Path, tmp_path: Path, code: str) -> None:
    source = tmp_path / "test_a.py"
    source.write_text(f"import pytest\n\n\ndef test_a(x):\n{EMPTY[code]}")
    command = ["ruff", "check", f"--config={folder}/pyproject.toml", "--output-format=json"]
    done = subprocess.run([*command, str(source)], capture_output=True, check=False)
    assert code in {finding["code"] for finding in json.loads(done.stdout)}
