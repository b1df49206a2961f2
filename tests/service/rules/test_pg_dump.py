"""TPG404: what pg_dump itself writes, in each of its formats."""

import base64
import gzip
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.checking import findings
from tests.rendering import Service
from tests.servers import Given, given, tool

WAYS: Mapping[str, tuple[str, ...]] = {
    "plain": ("-Fp",),
    "custom": ("-Fc",),
    "tar": ("-Ft",),
    "inserts": ("--inserts",),
    "data": ("--data-only",),
    "columns": ("--column-inserts", "--data-only", "--no-comments"),
}


@pytest.fixture(scope="module")
def server(rendered: Service) -> Iterator[Given]:
    """A server with a table of 200 rows."""
    with given(rendered) as server:
        server.sql(
            "CREATE TABLE agents AS SELECT n AS id, 'n' AS label FROM generate_series(1, 200) n"
        )
        yield server


def dumped(server: Given, *options: str) -> bytes:
    """What pg_dump writes of the database."""
    command = [str(tool(server.service, "pg_dump")), *options, server.of("postgres")]
    return subprocess.run(command, check=True, capture_output=True).stdout


def found(tmp_path: Path, tree: Mapping[str, bytes]) -> set[str]:
    """The files that are told."""
    return {one.split(":")[0] for one in findings(tmp_path, tree, select="TPG404")}


def test_each_format_is_found(server: Given, tmp_path: Path) -> None:
    """As it is, compressed, as base64 and under a name that says nothing."""
    tree: dict[str, bytes] = {}
    for way, options in WAYS.items():
        data = dumped(server, *options)
        tree[f"tests/data/{way}.txt"] = data
        tree[f"tests/data/{way}.bin"] = gzip.compress(data)
        tree[f"tests/data/{way}.json"] = b'{"seed": "%s"}' % base64.b64encode(data)
    coded = {f"tests/data/{way}.json" for way in WAYS if way not in ("inserts", "data", "columns")}
    assert found(tmp_path, tree) >= {one for one in tree if not one.endswith("json")} | coded


def test_each_file_of_a_directory_is_found(server: Given, tmp_path: Path) -> None:
    """The table of contents, and the rows of one table without it."""
    dumped(server, "-Fd", "-f", str(tmp_path / "dump"))
    tree = {f"tests/data/{one.name}": one.read_bytes() for one in (tmp_path / "dump").iterdir()}
    (tmp_path / "here").mkdir()
    assert len(tree) == 2
    assert found(tmp_path / "here", tree) == set(tree)


def test_rows_without_their_header_are_found(server: Given, tmp_path: Path) -> None:
    """What is left when a person takes out everything but the rows."""
    lines = dumped(server, "--inserts").splitlines()
    rows = [one for one in lines if one.startswith(b"INSERT INTO")]
    command = "COPY agents TO stdout WITH (FORMAT binary)"
    psql = [str(tool(server.service, "psql")), server.of("postgres"), "-qc"]
    binary, shown = (
        subprocess.run([*psql, sql], check=True, capture_output=True).stdout
        for sql in (command, "SELECT * FROM agents")
    )
    tree = {
        "tests/data/seed.sql": b"\n".join(rows),
        "tests/data/seed.py": b'SEED = """\n' + b"\n".join(rows) + b'\n"""\n',
        "tests/data/rows.bin": binary,
        "tests/data/rows.txt": shown,
    }
    assert found(tmp_path, tree) == set(tree)


def test_a_schema_is_none(server: Given, tmp_path: Path) -> None:
    """Without rows it is what the migrations say."""
    tree = {
        "tests/data/schema.sql": dumped(server, "--schema-only"),
        "tests/data/few.sql": b"INSERT INTO agents VALUES (1, 'n');\n" * 20,
        "src/countries.sql": b"INSERT INTO countries VALUES ('nl');\n" * 200,
    }
    assert found(tmp_path, tree) == set()
