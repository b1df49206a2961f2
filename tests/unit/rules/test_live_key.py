"""TPG403: live keys, as people hide them; and what only looks like one."""

import base64
import codecs
import gzip
import io
import json
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tpgen.check.disguises import undone
from tpgen.check.keys import keys

from tests.checking import check, findings, folder

# The same in each process: the keys are in the names of tests.
DICE = random.Random(12)


def key(mode: str = "live", prefix: str = "tp") -> str:
    """A key that never was one."""
    return "_".join([prefix, mode, DICE.randbytes(16).hex()])


def joined(*parts: str) -> str:
    """Parts that stand nowhere together in this file."""
    return "".join(parts)


def zipped(text: str) -> bytes:
    """A zip in a zip."""
    for name in ("a.txt", "a.zip"):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        text = data.getvalue()  # type: ignore[assignment]
    return text  # type: ignore[return-value]


def tarred(text: str) -> bytes:
    """A compressed tar."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        info = tarfile.TarInfo("a.env")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HEAD, BODY = "tp_live_", DICE.randbytes(16).hex()
HIDDEN: dict[str, Callable[[str], str | bytes]] = {
    "plain.py": lambda text: f'KEY = "{text}"\n',
    "allowed.py": lambda text: f'KEY = "{text}"  # {joined("gitleaks", ":allow")}\n',
    "uv.lock": lambda text: f'token = "{text}"\n',
    ".env": lambda text: f"KEY={text}\n",
    "adjacent.py": lambda text: f'KEY = "{text[:8]}" "{text[8:]}"\n',
    "added.py": lambda text: f'KEY = "{text[:3]}" + "{text[3:8]}" + "{text[8:]}"\n',
    "formatted.py": lambda text: f'BODY = "{text[8:]}"\nKEY = f"{text[:8]}{{BODY}}"\n',
    "joined.py": lambda text: f'KEY = "_".join(["{text[:2]}", "live", "{text[8:]}"])\n',
    "percent.py": lambda text: f'KEY = "tp_%s_{text[8:]}" % "live"\n',
    "format.py": lambda text: f'KEY = "tp_{{}}_{text[8:]}".format("live")\n',
    "replaced.py": lambda text: f'KEY = "{text.replace("_", "-")}".replace("-", "_")\n',
    "braces.py": lambda text: f'KEY = "{{p}}{text[2:]}".format(p="{text[:2]}")\n',
    "augmented.py": lambda text: f'KEY = "{text[:8]}"\nKEY += "{text[8:]}"\n',
    "dict.py": lambda text: f'OF = {{"a": "{text[:8]}"}}\nKEY = OF["a"] + "{text[8:]}"\n',
    "chr.py": lambda text: f'KEY = "{text[:2]}" + chr(95) + "{text[3:7]}" + "{text[7:]}"\n',
    "numbers.py": lambda text: f"KEY = bytes({list(text.encode())})\n",
    "backwards.py": lambda text: f'KEY = "{text[::-1]}"[::-1]\n',
    "bytes.py": lambda text: f'KEY = b"{text[:8]}" b"{text[8:]}"\n',
    "two_lines.py": lambda text: f'KEY = (\n    "{text[:8]}"\n    "{text[8:]}"\n)\n',
    "base64.py": lambda text: f'KEY = "{coded(text)}"\n',
    "secret.yaml": lambda text: f"data:\n  key: {coded('KEY=' + text)}\n",
    "hex.py": lambda text: f'KEY = bytes.fromhex("{text.encode().hex()}")\n',
    "rot13.txt": lambda text: codecs.encode(text, "rot13"),
    "url.txt": lambda text: f"https://example.com/?key={quote(text).replace('_', '%5F')}\n",
    "escaped.json": lambda text: f'{{"key": "{text.replace("_", chr(92) + "u005f")}"}}\n',
    "folded.yaml": lambda text: f'key: "{text[:8]}\\\n  {text[8:]}"\n',
    "a.ipynb": lambda text: json.dumps({"cells": [{"source": [f"KEY = '{text}'\n"]}]}),
    "utf16.txt": lambda text: text.encode("utf-16"),
    "utf16le.txt": lambda text: text.encode("utf-16-le"),
    "a.zip": zipped,
    "a.tar.xz": tarred,
    "a.gz": lambda text: gzip.compress(text.encode()),
    "plus.js": lambda text: f'const key = "{text[:8]}" + "{text[8:]}";\n',
    "map.py": lambda text: f'KEY = "".join(map(chr, {list(text.encode())}))\n',
    "class.py": lambda text: f'class K:\n    A = "{text[:8]}"\n\nKEY = K.A + "{text[8:]}"\n',
    "unpacked.py": lambda text: f'A, B = "{text[:8]}", "{text[8:]}"\nKEY = A + B\n',
    "base64_pieces.py": lambda text: f'KEY = b64decode("{coded(text)[:9]}" "{coded(text)[9:]}")\n',
    "base85.py": lambda text: f"KEY = b85decode({base64.b85encode(text.encode())!r})\n",
    "gzip.py": lambda text: f"BODY = {gzip.compress(text.encode())!r}\n",
    "zlib.bin": lambda text: zlib.compress(text.encode()),
    "a.eml": lambda text: f"Encoding: quoted-printable\n\n{text.replace('_', '=5F')}\n",
    "invisible.txt": lambda text: f"{text[:3]}\u200b{text[3:]}\n",
    "rest.json": lambda text: base64.b64encode(b'{"key": "%s"}' % text.encode()),
    "latin.py": lambda text: f"# caf\xe9\nKEY = '{text}'\n".encode("latin-1"),
}
UPPER = "".join(DICE.choice("ABCDEFGHJKLMNPQRSTUVWXYZ234567") for _ in range(12))
MIXED = DICE.randbytes(60).hex()
WELL_KNOWN = [
    joined("AK", "IA", UPPER, "Q7RT"),
    joined("aws_secret_", "access_key = ", MIXED[:40]),
    joined("gh", "p_", MIXED[:36]),
    joined("github", "_pat_", MIXED[:82]),
    joined("sk", "_live_", MIXED[:24]),
    joined("rk", "_live_", MIXED[:24]),
    joined("s", "k-proj-", MIXED[:48]),
    joined("s", "k-ant-api03-", MIXED[:90]),
    joined("xo", "xb-", "123456789012-123456789012-", MIXED[:24]),
    joined("AI", "za", MIXED[:35]),
    joined("gl", "pat-", MIXED[:20]),
    joined("np", "m_", MIXED[:36]),
    joined("py", "pi-AgE", MIXED[:80]),
    joined("S", "G.", MIXED[:22], ".", MIXED[:43]),
    joined("S", "K", MIXED[:32]),
    joined("Account", "Key=", MIXED[:86], "=="),
    joined("postgresql+asyncpg", "://app:", MIXED[:12], "@db.company.com/app"),
    joined("-----BEGIN ", "PRIVATE KEY-----\n", MIXED[:64]),
    joined("hv", "s.", MIXED[:95]),
    joined("lin", "_api_", MIXED[:40]),
    joined("dap", "i", MIXED[:32]),
    joined("whs", "ec_", MIXED[:32]),
    joined("12345678", "90:A", "A", MIXED[:33]),
    joined("machine api.company.com\n login bot\n pass", "word ", MIXED[:16]),
    joined("host=db.company.com user=app pass", "word=", MIXED[:16]),
    joined("Server=tcp:db.company.com;User ID=app;Pass", "word=", MIXED[:16], ";"),
    joined('{"kty": "EC", "', 'd": "', MIXED[:43], '"}'),
    joined("PuTTY-User-Key-File-3: ssh-rsa\nPrivate-", "Lines: 1\n", MIXED[:60]),
    joined('{"private_key": "-----BEGIN ', "PRIVATE KEY-----\\n", MIXED[:64], '"}'),
]
HARMLESS = [
    f'KEY = "{key("test")}"',
    joined("tp_live_", "xxxxxxxxxxxxxxxx"),
    joined("tp_live_", "<your-key> tp_live_... tp_live_your_key_here"),
    joined("sk", "_test_", MIXED[:24]),
    joined("AK", "IA", "IOSFODNN7", "EXAMPLE"),
    "def test_live_connection(is_live_streaming_enabled): ...",
    "regex = '''(tp_live_[A-Za-z0-9_-]{16,})'''",
    "postgresql://postgres:s3cr3tword@localhost:5432/app",
    "postgresql://user:password@db.company.com/app",
    "mysql://scott:tiger@db.example.com/app",
    "sk-learn task-0123456789 disk-usage",
    "-----BEGIN PUBLIC KEY-----\n" + MIXED[:64],
    "host=localhost password=" + MIXED[:16],
    '{"kty": "EC", "x": "' + MIXED[:43] + '"}',
    "-----BEGIN PRIVATE KEY-----\n...\n",
]


@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_key_is_found(name: str, tmp_path: Path) -> None:
    """A live key is found wherever it hides, and a test key in the same place is not."""
    tree = {f"tests/{name}": HIDDEN[name](HEAD + BODY)}
    found = findings(tmp_path, tree, select="TPG403")
    assert {one.split(":")[0] for one in found} == {f"tests/{name}"}
    assert all(one.endswith("TPG403") for one in found)


@pytest.mark.parametrize("name", sorted(set(HIDDEN) - {"joined.py", "percent.py", "format.py"}))
def test_a_hidden_test_key_is_not(name: str, tmp_path: Path) -> None:
    """A test key in the same places is no finding."""
    tree = {f"tests/{name}": HIDDEN[name]("tp_test_" + BODY)}
    assert findings(tmp_path, tree, select="TPG403") == []


@pytest.mark.parametrize("name", [one for one in HIDDEN if isinstance(HIDDEN[one](""), str)])
def test_a_key_deep_in_a_long_file_is_found(name: str, tmp_path: Path) -> None:
    """Text before and after takes nothing away, as it may where only a part is looked at."""
    data = HIDDEN[name](HEAD + BODY)
    assert isinstance(data, str)
    lines = "# one line of many in a file that is long\n" * 99
    found = findings(tmp_path, {f"tests/{name}": lines + data + lines}, select="TPG403")
    assert found != []


def test_a_key_is_told_once(tmp_path: Path) -> None:
    """Not a second time for what Python makes of the lines around it."""
    text = f'KEY = b"""\\\n{joined("-----BEGIN ", "PRIVATE KEY-----")}\n{MIXED[:64]}\n"""\n'
    assert findings(tmp_path, {"tests/a.py": text}, select="TPG403") == ["tests/a.py:2:1 TPG403"]


@pytest.mark.parametrize("text", WELL_KNOWN, ids=lambda text: text[:4])
def test_a_key_of_a_provider_is_found(text: str, tmp_path: Path) -> None:
    """The keys of well-known providers are found."""
    found = findings(tmp_path, {"settings.txt": f"{text}\n"}, select="TPG403")
    assert [one.split(":")[0] for one in found] == ["settings.txt"]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_live_key_is_not(text: str, tmp_path: Path) -> None:
    """Test keys, placeholders, names and local databases are no finding."""
    assert findings(tmp_path, {"tests/a.txt": f"{text}\n"}, select="TPG403") == []


def test_a_key_of_a_provider_is_found_in_base64(tmp_path: Path) -> None:
    """A secret of Kubernetes is read to its last character, whatever its length."""
    for text in WELL_KNOWN[2:4]:
        (tmp_path / text[:4]).mkdir()
        tree = {"secret.yaml": f"data:\n  token: {coded(text)}\n"}
        found = findings(tmp_path / text[:4], tree, select="TPG403")
        assert found == ["secret.yaml:2:1 TPG403"]


def test_a_key_with_the_alphabet_is_found(tmp_path: Path) -> None:
    """The run of letters that gitleaks lets through silently is a key like any other."""
    text = joined("tp", "_live_", "abcdefghijklmnopqrstuvwxyz")
    assert findings(tmp_path, {"tests/a.txt": text}, select="TPG403") == ["tests/a.txt:1:1 TPG403"]


def test_a_key_in_a_name_is_found(tmp_path: Path) -> None:
    """A file may be called after a key."""
    assert findings(tmp_path, {f"tests/{key()}.txt": ""}, select="TPG403") != []


def test_any_body_after_the_services_own_prefix_is_a_key(tmp_path: Path) -> None:
    """The prefix that was answered makes a key of a short body too."""
    tree = {".copier-answers.yml": "key_prefix: gw\n", "a.txt": joined("gw", "_live_", "wordword")}
    assert findings(tmp_path, tree, select="TPG403") == ["a.txt:1:1 TPG403"]


def test_no_message_shows_a_key(tmp_path: Path) -> None:
    """What is printed, and kept in CI's logs, holds the beginning alone."""
    tree = {f"tests/{at}.txt": text for at, text in enumerate([key(), *WELL_KNOWN])}
    messages = [one.message for one in check(folder(tmp_path, tree), "TPG403")]
    assert len(messages) == len(tree)
    assert not any(MIXED[:12] in one or UPPER in one for one in messages)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300), st.sampled_from([*map(str.encode, WELL_KNOWN), b"_evil_", b"%5F"]))
def test_no_bytes_break_it(noise: bytes, part: bytes) -> None:
    """Whatever is around a key, its line is one of the file's."""
    data = noise + part + noise
    for text in (data, *(inner for _, inner, _ in undone(data))):
        assert all(1 <= one.line <= text.count(b"\n") + 1 for one in keys(text))
