"""Classify a statement by what it does to its transaction. In doubt, it counts as a write."""

import re
from collections.abc import Sequence

# What a statement may begin with: blanks, comments, parentheses.
_LEAD = r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_READS = _pattern(rf"{_LEAD}(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b")
_CHANGES = _pattern(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|FOR\s+(KEY\s+)?SHARE"
    r"|pg_(try_)?advisory_\w*lock\w*|set_config|lo_\w+)\b"
)
_ENDS = _pattern(
    rf"{_LEAD}(BEGIN|START\s+TRANSACTION|PREPARE\s+TRANSACTION|COMMIT|END|ABORT"
    r"|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO\b))\b"
)
_NEEDS_COMMIT = _pattern(
    rf"{_LEAD}(SET\s+(LOCAL\s+|SESSION\s+CHARACTERISTICS\s+AS\s+)?TRANSACTION\b"
    r"|SET\s+CONSTRAINTS\b.*\bDEFERRED\b|CREATE\b.*\bON\s+COMMIT\s+(DROP|DELETE)\b)"
)
_SETS_LOCAL = _pattern(rf"{_LEAD}SET\s+LOCAL\b|\bset_config\b")
_SAVEPOINT = _pattern(
    rf"{_LEAD}(SAVEPOINT|RELEASE|ROLLBACK)\s+(?:(?:WORK|TRANSACTION)\s+)?(?:TO\s+)?"
    r'(?:SAVEPOINT\s+)?("[^"]+"|\w+)\s*;?\s*$'
)

# Functions that the migrations made and that may write, as far as they are declared.
WRITING_FUNCTIONS = """
SELECT DISTINCT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE provolatile = 'v' AND prorettype <> 'trigger'::regtype
AND nspname NOT IN ('pg_catalog', 'information_schema')
AND NOT EXISTS (SELECT FROM pg_depend
                WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
"""


def names_one_of(names: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the names in a statement."""
    return _pattern(rf"\b({'|'.join(map(re.escape, names))})\b" if names else "(?!)")


def only_reads(statement: str) -> bool:
    """Return whether the statement changes no row, lock or setting, so a rollback changes nothing.

    A function that it calls may still write.
    """
    return bool(_READS.match(statement)) and not _CHANGES.search(statement)


def ends_transaction(statement: str) -> bool:
    """Return whether the statement begins or ends a transaction without SQLAlchemy."""
    return bool(_ENDS.match(statement))


def needs_commit(statement: str) -> bool:
    """Return whether the statement depends on the start or the commit of a real transaction."""
    return bool(_NEEDS_COMMIT.match(statement))


def sets_local(statement: str) -> bool:
    """Return whether the statement changes a setting until the end of its transaction."""
    return bool(_SETS_LOCAL.search(statement))


def savepoint(statement: str) -> tuple[str, str] | None:
    """Return `SAVEPOINT`, `RELEASE` or `ROLLBACK` and the savepoint's name, or None."""
    found = _SAVEPOINT.match(statement)
    return (found[1].upper(), found[2]) if found else None
