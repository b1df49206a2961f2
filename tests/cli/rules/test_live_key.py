"""TPG403: private keys that openssl makes."""

import subprocess
from pathlib import Path

import pytest

from tests.checking import findings


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_private_key_without_its_first_line_is_found(form: str, tmp_path: Path) -> None:
    """The base64 or the bytes alone, as openssl writes them."""
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-outform", form]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    tree = {"tests/body": b"\n".join(data.splitlines()[1:-1]) if form == "PEM" else data}
    assert findings(tmp_path, tree, select="TPG403") == ["tests/body:1:1 TPG403"]
