"""Classify a statement by what it does to its transaction. In doubt, it counts as a write."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.engine import Engine

# By this notice a database tells of what changes its schema, by whatever road. Unlike a row or
# NOTIFY, it is sent at once and is not undone.
NOTICE = "tpgen: the schema has changed"

# What a statement may begin with: blanks, comments, parentheses.
_LEAD = r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_READS = _pattern(rf"{_LEAD}(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b")
_CHANGES = _pattern(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|FOR\s+(KEY\s+)?SHARE"
    r"|pg_(try_)?advisory_\w*lock\w*|pg_notify|set_config|lo_\w+)\b"
)
_ENDS = _pattern(
    rf"{_LEAD}(BEGIN|START\s+TRANSACTION|PREPARE\s+TRANSACTION|COMMIT|END|ABORT"
    r"|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO\b))\b"
)
_NEEDS_COMMIT = _pattern(
    rf"{_LEAD}(SET\s+(LOCAL\s+|SESSION\s+CHARACTERISTICS\s+AS\s+)?TRANSACTION\b"
    r"|SET\s+CONSTRAINTS\b.*\bDEFERRED\b|CREATE\b.*\bON\s+COMMIT\s+(DROP|DELETE)\b)"
)
_LISTENS = _pattern(rf"{_LEAD}LISTEN\b")
_NOTIFIES = _pattern(rf"{_LEAD}NOTIFY\b|\bpg_notify\b")
# A `DO` block or a procedure may hold any of these.
_CHANGES_SCHEMA = _pattern(rf"{_LEAD}(CREATE|ALTER|DROP|IMPORT|DO|CALL|DEALLOCATE|DISCARD)\b")
_SET = _pattern(
    rf"{_LEAD}(?:SET|RESET)\s+(SESSION\s+(?!AUTHORIZATION)|LOCAL\s+)?"
    r'(SESSION\s+AUTHORIZATION|TIME\s+ZONE|XML\s+OPTION|[\w.]+|"[^"]+")'
)
_SPELLED = {
    "SESSION AUTHORIZATION": "session_authorization",
    "TIME ZONE": "timezone",
    "XML OPTION": "xmloption",
    "NAMES": "client_encoding",
    "SCHEMA": "search_path",
}
_TEXT = r"'(?:[^']|'')*'"
_ARGUMENT = rf"((?:[^(),']|{_TEXT}|\((?:[^()']|{_TEXT})*\))*)"
_SET_CONFIG_CALL = _pattern(r"\bset_config\s*\(")
_SET_CONFIG = _pattern(rf"\bset_config\s*\({_ARGUMENT},{_ARGUMENT},{_ARGUMENT}\)")
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


def listens(statement: str) -> bool:
    """Return whether the statement is a LISTEN."""
    return bool(_LISTENS.match(statement))


def notifies(statement: str) -> bool:
    """Return whether the statement sends a notification, as far as its text shows."""
    return bool(_NOTIFIES.search(statement))


def changes_schema(statement: str) -> bool:
    """Return whether statements that were prepared before this one may be invalid after it."""
    return bool(_CHANGES_SCHEMA.match(statement))


def forget_prepared(engine: Engine, dbapi_connection: Any) -> None:
    """Forget the prepared statements of a connection, and what the driver knows of the types."""
    engine.dialect._invalidate_schema_cache()  # type: ignore[attr-defined]
    # None if the engine was created without a cache.
    if dbapi_connection._prepared_statement_cache is not None:
        dbapi_connection._prepared_statement_cache.clear()


def settings(statement: str, parameters: object) -> Iterator[tuple[str, bool]]:
    """Yield the settings that a statement sets or resets, and whether for its transaction only.

    The name is empty if it can't be read from the statement and its parameters.
    """
    if found := _SET.match(statement):
        words = " ".join(found[2].upper().split())
        yield _SPELLED.get(words, found[2].strip('"').lower()), "LOCAL" in (found[1] or "").upper()
    elif "set_config" in statement.lower():
        calls = _SET_CONFIG.findall(statement)
        for name, _, is_local in calls:
            for_transaction = _value(is_local, parameters)
            yield str(_value(name, parameters) or ""), for_transaction not in (False, "false")
        if len(calls) < len(_SET_CONFIG_CALL.findall(statement)):
            yield "", True


def _value(argument: str, parameters: object) -> object:
    """Return the value of an argument that is a literal or a parameter, else None."""
    if number := re.search(r"\$(\d+)", argument):
        at = int(number[1]) - 1
        known = isinstance(parameters, Sequence) and at < len(parameters)
        return parameters[at] if known else None  # type: ignore[index]
    literal = re.fullmatch(rf"\s*(true|false|({_TEXT})(::\w+)?)\s*", argument, re.IGNORECASE)
    if literal is None:
        return None
    return literal[2][1:-1].replace("''", "'") if literal[2] else literal[1].lower()


def savepoint(statement: str) -> tuple[str, str] | None:
    """Return `SAVEPOINT`, `RELEASE` or `ROLLBACK` and the savepoint's name, or None."""
    found = _SAVEPOINT.match(statement)
    return (found[1].upper(), found[2]) if found else None
