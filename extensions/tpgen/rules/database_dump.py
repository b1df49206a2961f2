"""TPG404: a dump of a database, whatever its name."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tpgen.check.contents import parts
from tpgen.check.dump_rows import many_rows
from tpgen.check.dumps import kind
from tpgen.check.file import File
from tpgen.check.places import is_test_path
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

PROSE = (".py", ".pyi", ".md", ".rst", ".adoc", ".html", ".j2", ".jinja", ".txt.py")


def check(file: File) -> Iterator[Finding]:
    """The first dump in a file."""
    is_prose = file.path.endswith(PROSE)
    for part in parts(file.data):
        if name := _kind(part.data, is_prose and not part.path, is_test_path(file.path)):
            inside = f" inside {part.path}" if part.path else ""
            line = file.data.count(b"\n", 0, part.offset) + 1
            yield file.finding(
                line,
                f"this is a dump of a database ({name}{inside}): take it out of the history too, "
                "and let factories make the rows that the tests need",
            )
            return


def _kind(data: bytes, is_prose: bool, is_test: bool) -> str:
    name = kind(data, is_prose=is_prose)
    # Outside tests, rows without more may be what the service ships: countries, currencies.
    return name or (many_rows(data, is_prose=is_prose) if is_test else "")


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
    why="A dump holds people's data, and nobody can say any more which; it also ages: after the "
    "next migration the tests run on a schema that is nowhere else.",
    fix="Let factories make the rows. A schema comes from the migrations; a dump of a schema "
    "without rows is no finding.",
    applies=lambda path: True,
    check=check,
    bad=_bad,
    good={
        "tests/fixtures/schema.sql": "CREATE TABLE agents (label text NOT NULL);\n",
    },
)
