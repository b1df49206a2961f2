"""TPG403: live keys of the service, and what only looks like one."""

import secrets
from pathlib import Path

import pytest

from tests.checking import check, findings, folder

BODY = secrets.token_hex(16)


def key(mode: str = "live", prefix: str = "tp", body: str = BODY) -> str:
    """A key; built here, so that no file of ours holds one."""
    return f"{prefix}_{mode}_{body}"


FOUND: dict[str, str | bytes] = {
    "tests/plain.py": f'KEY = "{key()}"\n',
    "src/allowed.py": f'KEY = "{key()}"  # {"gitleaks"}:allow\n',
    "uv.lock": f'token = "{key()}"\n',
    ".env": f"KEY={key()}\n",
    "tests/alphabet.txt": key(body="abcdefghijklmnopqrstuvwxyz"),
    "tests/short.txt": key(body="s3cr3t-1"),
    "tests/utf16.txt": key().encode("utf-16"),
    "tests/latin.py": f"# caf\xe9 {key()}\n".encode("latin-1"),
}
NOT_FOUND = {
    "test key": key("test"),
    "other prefix": key(prefix="sk"),
    "inside a word": f"x{key()}",
    "x": key(body="x" * 16),
    "words": key(body="your_key_here"),
    "dots": "tp_live_...",
    "pattern": "regex = '''(tp_live_[A-Za-z0-9_-]{16,})'''",
    "name": "def test_tp_live_streams(): ...",
}


@pytest.mark.parametrize("path", FOUND)
def test_a_live_key_is_found_in_any_file(path: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {path: FOUND[path]}, select="TPG403")
    assert [finding.split(":")[0] for finding in found] == [path]


@pytest.mark.parametrize("name", NOT_FOUND)
def test_a_test_key_and_a_placeholder_are_not(name: str, tmp_path: Path) -> None:
    assert findings(tmp_path, {"tests/a.txt": NOT_FOUND[name]}, select="TPG403") == []


def test_the_prefix_is_the_one_that_the_template_asked_for(tmp_path: Path) -> None:
    lines = f"{key()}\n  {key(prefix='gw')}\n"
    tree = {".copier-answers.yml": "key_prefix: gw\n", "a.txt": lines}
    assert findings(tmp_path, tree, select="TPG403") == ["a.txt:2:3 TPG403"]


def test_the_message_does_not_show_the_key(tmp_path: Path) -> None:
    [finding] = check(folder(tmp_path, {"a.txt": key()}), "TPG403")
    assert "tp_live_…" in finding.message
    assert BODY[:6] not in finding.message
