"""TPG404: a dump of a database, whatever its name."""

from collections.abc import Iterator

from tpgen.check.dumps import kind
from tpgen.check.file import File
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

PROSE = (".py", ".pyi", ".md", ".rst", ".adoc", ".html", ".j2", ".jinja")


def check(file: File) -> Iterator[Finding]:
    is_prose = file.path.endswith(PROSE)
    if program := kind(file.data, is_whole=not file.is_cut, is_prose=is_prose):
        yield file.finding(
            1,
            f"this is a database dump ({program}): remove it, from the history too, and let "
            "factories make the rows that the tests need",
        )


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
    bad={"tests/fixtures/agents.bin": b"SQLite format 3\0" + bytes(84)},
    good={"tests/fixtures/schema.sql": "CREATE TABLE agents (label text NOT NULL);\n"},
)
