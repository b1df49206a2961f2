"""TPG404: what pg_dump itself writes, in each of its formats."""

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
    """As it is, compressed, and under a name that says nothing."""
    tree: dict[str, bytes] = {}
    for way, options in WAYS.items():
        data = dumped(server, *options)
        tree[f"tests/data/{way}.txt"] = data
        tree[f"tests/data/{way}.bin"] = gzip.compress(data)
    assert found(tmp_path, tree) == set(tree)


def test_a_directory_is_found_by_its_table_of_contents(server: Given, tmp_path: Path) -> None:
    dumped(server, "-Fd", "-f", str(tmp_path / "dump"))
    tree = {f"tests/data/{path.name}": path.read_bytes() for path in (tmp_path / "dump").iterdir()}
    assert found(tmp_path / "here", tree) == {"tests/data/toc.dat"}


def test_rows_without_a_header_are_found(server: Given, tmp_path: Path) -> None:
    psql = [str(tool(server.service, "psql")), server.of("postgres"), "-qc"]
    command = "COPY agents TO stdout WITH (FORMAT binary)"
    binary = subprocess.run([*psql, command], check=True, capture_output=True).stdout
    copy = dumped(server, "--data-only").partition(b"COPY ")
    tree = {"tests/data/rows.bin": binary, "tests/data/seed.sql": b"".join(copy[1:])}
    assert found(tmp_path, tree) == set(tree)


def test_a_schema_is_none(server: Given, tmp_path: Path) -> None:
    """Without rows it is what the migrations say."""
    tree = {
        "tests/data/schema.sql": dumped(server, "--schema-only"),
        "tests/data/few.sql": b"INSERT INTO agents VALUES (1, 'n');\n" * 20,
        "src/countries.sql": b"INSERT INTO countries VALUES ('nl');\n" * 200,
    }
    assert found(tmp_path, tree) == set()
