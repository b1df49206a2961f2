"""TPG404: a dump of a database, whatever its name."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tpgen.check.dumps import kind
from tpgen.check.file import File
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

PROSE = (".py", ".pyi", ".md", ".rst", ".adoc", ".html", ".j2", ".jinja")


def check(file: File) -> Iterator[Finding]:
    """Yield a finding if the file is a dump."""
    is_prose = file.path.endswith(PROSE)
    if program := kind(file.data, is_whole=not file.is_cut, is_prose=is_prose):
        yield file.finding(
            1,
            f"this is a database dump ({program}): remove it, from the history too, and let "
            "factories make the rows that the tests need",
        )


def _bad() -> dict[str, str | bytes]:
    return {"tests/fixtures/agents.bin": _database()}


def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agents.db"
        with sqlite3.connect(path) as database:
            database.execute("create table agents (label text)")
        database.close()
        return path.read_bytes()


RULE = FileRule(
    code="TPG404",
    name="database-dump",
    section="Data: no production database dumps for seeding; use factories",
    why="A dump holds people's data, and nobody knows whose. It also ages: after the next "
    "migration the tests run on a schema that exists nowhere else.",
    fix="Let factories make the rows; the schema comes from the migrations. A dump of a schema "
    "without rows is not a finding.",
    applies=lambda path: True,
    check=check,
    bad=_bad,
    good={
        "tests/fixtures/schema.sql": "CREATE TABLE agents (label text NOT NULL);\n",
    },
)
