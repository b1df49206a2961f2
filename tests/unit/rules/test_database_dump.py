"""TPG404: dumps by content, whatever their name and however they are packed."""

import base64
import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tpgen.check import contents
from tpgen.check.contents import parts
from tpgen.check.dumps import kind

from tests.checking import findings


def sqlite(path: Path) -> bytes:
    """A database with a row."""
    with sqlite3.connect(path) as database:
        database.execute("create table agents (label text)")
        database.execute("insert into agents values ('one')")
    database.close()
    return path.read_bytes()


def sql_dump(path: Path) -> bytes:
    """What `.dump` of SQLite's shell gives: Python's own lacks its first line."""
    sqlite(path)
    with sqlite3.connect(path) as database:
        lines = "\n".join(database.iterdump())
    return f"PRAGMA foreign_keys=OFF;\n{lines}\n".encode()


def zipped(data: bytes) -> bytes:
    """A zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", data)
    return packed.getvalue()


def tarred(data: bytes) -> bytes:
    """A tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("inner")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


# Filled in, so that this file is no dump itself.
ROWS = b"%s public.agents (label) FROM stdin;\none\n\\.\n" % b"COPY"
PG = b"--\n-- %s database dump\n--\n\n-- %s version 15.4\n" % (
    b"PostgreSQL",
    b"Dumped from database",
)
PG += b"\nCREATE TABLE public.agents (label text);\n" + ROWS
MYSQL = b"-- MySQL dump 10.13\n\nCREATE TABLE a (b int);\nINSERT INTO `a` VALUES (1);\n"
INDENTED = b"\xef\xbb\xbf# seeds\n    " + PG.replace(b"\n", b"\n    ")
WITHOUT_COMMENTS = b"SET x = 0;\n" + ROWS
BINARY = {
    "custom": b"PGDMP\x01\x0e\x00" + b"\0" * 50,
    "redis": b"REDIS0009\xfa",
    "mongo": b"\x6d\xe2\x99\x81" + b"\0" * 20,
    "mssql": b"TAPE\0\0\x03\0" + b"\0" * 50,
    "duckdb": b"\0" * 8 + b"DUCK" + b"\0" * 20,
    "pg": PG,
    "mysql": MYSQL,
    "indented": INDENTED,
    "bare": WITHOUT_COMMENTS,
    "utf16": PG.decode().encode("utf-16"),
    "crlf": PG.replace(b"\n", b"\r\n"),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda data: gzip.compress(tarred(data)),
    "zip in tar": lambda data: tarred(zipped(data)),
    "base64": lambda data: b"SEED = '''\n" + base64.encodebytes(data) + b"'''\n",
    "base64 of gzip": lambda data: b'{"seed": "' + base64.b64encode(gzip.compress(data)) + b'"}',
}
HARMLESS: dict[str, str | bytes] = {
    "schema.sql": "CREATE TABLE agents (label text);\nINSERT INTO kinds VALUES (1);\n",
    "structure.sql": PG.split(b"COPY")[0] + b"INSERT INTO schema_migrations VALUES ('1');\n",
    "notes.md": "The first line is `-- PostgreSQL database dump`.\n\n-- PostgreSQL database dump\n",
    "reader.py": 'HEAD = "-- PostgreSQL database dump"\nMAGIC = b"PGDMP"\n',
    "tape.txt": "TAPE and scissors\n",
    "broken.zip": b"PK\x03\x04" + b"\xff" * 40,
    "broken.gz": b"\x1f\x8b" + b"\xff" * 40,
}


@pytest.mark.parametrize("name", BINARY)
def test_a_dump_is_found_whatever_its_name(name: str, tmp_path: Path) -> None:
    """Each sort of dump is known by what is in it."""
    found = findings(tmp_path, {"tests/data/notes.bin": BINARY[name]}, select="TPG404")
    assert found == ["tests/data/notes.bin:1:1 TPG404"]


@pytest.mark.parametrize("how", PACKED)
def test_a_packed_dump_is_found(how: str, tmp_path: Path) -> None:
    """A real database and its dump as text are found in each sort of archive."""
    tree: dict[str, str | bytes] = {
        "tests/data/one": PACKED[how](sqlite(tmp_path / "a.db")),
        "tests/data/two": PACKED[how](sql_dump(tmp_path / "b.db")) if how[:4] != "base" else "",
        "tests/data/three": PACKED[how](PG),
    }
    (tmp_path / "p").mkdir()
    found = {one.split(":")[0] for one in findings(tmp_path / "p", tree, select="TPG404")}
    assert found == {path for path, data in tree.items() if data}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_dump_is_not(name: str, tmp_path: Path) -> None:
    """Schemas, migrations, documentation and broken archives are no finding."""
    assert findings(tmp_path, {f"tests/{name}": HARMLESS[name]}, select="TPG404") == []


def test_a_truncated_archive_is_read_as_far_as_it_goes() -> None:
    """A gzip and a zip that break off show the dump that they begin with."""
    noise = bytes(range(256)) * 2000
    for data in (gzip.compress(PG + noise)[:-300], zipped(PG + noise)[:-30]):
        assert any(kind(part.data) for part in parts(data))


def test_a_bomb_is_not_unpacked() -> None:
    """What one file unpacks to is bounded, however deep it goes."""
    bomb = gzip.compress(zipped(b"\0" * (contents.TOTAL * 3)))
    assert sum(len(part.data) for part in parts(bomb)) <= contents.TOTAL + len(bomb)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(PACKED)), st.integers(0, 400), st.binary(max_size=6), st.integers(0, 400)
)
def test_a_damaged_archive_breaks_nothing(how: str, at: int, damage: bytes, cut: int) -> None:
    """Archives with bytes overwritten, or cut off, are read without an error."""
    data = PACKED[how](PG * 3)
    data = data[:at] + damage + data[at + len(damage) :]
    whole = list(parts(data[: max(1, len(data) - cut)]))
    assert whole[0].path == ""
    assert all(isinstance(kind(part.data), str) for part in whole)
