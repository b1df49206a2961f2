"""TPG404: dumps by their magic bytes and headers, whatever their name."""

import gzip
import io
import sqlite3
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.check.dumps import LIMIT, kind
from tpgen.check.file import LIMIT as READ

from tests.checking import check, findings, folder


def sqlite(path: Path) -> bytes:
    """A database with a row."""
    with sqlite3.connect(path) as database:
        database.execute("create table agents (label text)")
        database.execute("insert into agents values ('one')")
    database.close()
    return path.read_bytes()


def tarred(data: bytes) -> bytes:
    """A tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("toc.dat")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


# Filled in, so that this file is not a dump itself.
ROWS = b"%s public.agents (label) FROM stdin;\none\n\\.\n" % b"COPY"
SCHEMA = b"--\n-- %s database dump\n--\n\n-- %s version 15.4\n" % (
    b"PostgreSQL",
    b"Dumped from database",
)
SCHEMA += b"\nCREATE TABLE public.agents (label text);\n"
PG = SCHEMA + ROWS
MYSQL = b"-- MySQL dump 10.13\n\nCREATE TABLE a (b int);\nINSERT INTO `a` VALUES (1);\n"
CUSTOM = b"PGDMP\x01\x0e\x00" + b"\0" * 50
DUMPS = {
    "custom": CUSTOM,
    "tar": tarred(CUSTOM),
    "redis": b"REDIS0009\xfa",
    "mongo": b"\x6d\xe2\x99\x81" + b"\0" * 20,
    "mssql": b"TAPE\0\0\x03\0" + b"\0" * 50,
    "duckdb": b"\0" * 8 + b"DUCK" + b"\0" * 20,
    "pg": PG,
    "inserts": SCHEMA + b"INSERT INTO agents VALUES (1);\n",
    "mysql": MYSQL,
    "mark": b"\xef\xbb\xbf" + MYSQL,
    "sqlite": b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nINSERT INTO a VALUES (1);\n",
    "bare": b"SET x = 0;\n" + ROWS,
    "utf16": PG.decode().encode("utf-16"),
    "crlf": PG.replace(b"\n", b"\r\n"),
}
HARMLESS: dict[str, str | bytes] = {
    "schema.sql": SCHEMA,
    "schema.sql.gz": gzip.compress(SCHEMA),
    "structure.sql": SCHEMA + b"INSERT INTO schema_migrations VALUES ('1');\n",
    "seed.sql": "CREATE TABLE agents (label text);\nINSERT INTO kinds VALUES (1);\n",
    "notes.md": PG,
    "reader.py": 'HEAD = "-- PostgreSQL database dump"\nMAGIC = b"PGDMP"\n',
    "quoted.txt": "the first line is -- PostgreSQL database dump\nINSERT INTO a VALUES (1);\n",
    "tape.txt": "TAPE and scissors\n",
    "text.gz": gzip.compress(b"INSERT INTO kinds VALUES (1);\n"),
    "broken.zip": b"PK\x03\x04" + b"\xff" * 40,
    "broken.gz": b"\x1f\x8b" + b"\xff" * 40,
}


@pytest.mark.parametrize("name", DUMPS)
def test_a_dump_is_found_whatever_its_name(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {"tests/data/notes.bin": DUMPS[name]}, select="TPG404")
    assert found == ["tests/data/notes.bin:1:1 TPG404"]


def test_a_compressed_dump_is_found(tmp_path: Path) -> None:
    tree = {
        "src/one": gzip.compress(sqlite(tmp_path / "a.db")),
        "src/two": gzip.compress(PG),
    }
    found = findings(tmp_path / "here", tree, select="TPG404")
    assert found == ["src/one:1:1 TPG404", "src/two:1:1 TPG404"]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_schema_and_documentation_are_not(name: str, tmp_path: Path) -> None:
    assert findings(tmp_path, {f"tests/{name}": HARMLESS[name]}, select="TPG404") == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_rows_that_are_not_read_count_as_there(pack: Callable[[bytes], bytes]) -> None:
    """The header says that it is a dump; only a file read to its end is known to have no rows."""
    long = SCHEMA + b"CREATE TABLE a (b int);\n" * (LIMIT // 20)
    assert kind(pack(long), is_whole=False) == "pg_dump"
    assert kind(long, is_whole=True) == ""


def test_a_large_dump_is_found_by_its_header(tmp_path: Path) -> None:
    """And a note says that the rest was not read."""
    data = SCHEMA + b"-- \n" * (READ // 4) + ROWS
    found = check(folder(tmp_path, {"tests/a.sql": data}), "TPG404")
    assert sorted((finding.code, finding.level) for finding in found) == [
        ("TPG001", "note"),
        ("TPG404", "error"),
    ]


def test_a_bomb_costs_no_time() -> None:
    """200 MB of zeros behind some kilobytes: no more than the beginning is decompressed."""
    bomb = gzip.compress(b"\0" * 200_000_000)
    start = time.process_time()
    assert kind(bomb, is_whole=True) == ""
    assert time.process_time() - start < 0.1


@given(st.integers(0, 400), st.binary(max_size=6), st.integers(0, 400))
def test_a_damaged_file_breaks_nothing(at: int, damage: bytes, cut: int) -> None:
    data = gzip.compress(PG * 3)
    data = data[:at] + damage + data[at + len(damage) :]
    assert kind(data[: max(1, len(data) - cut)], is_whole=True) in {"", "pg_dump"}
