"""Rows of a database without a line of the program that wrote them: told by how many they are."""

import re

from .dumps import OF_MIGRATIONS

# More than a person writes by hand for a test.
MANY = 100
HASHES = (b"pbkdf2_sha", b"$2a$", b"$2b$", b"$2y$", b"$argon2i", b"scrypt:")
HASH = re.compile(
    rb"pbkdf2_sha(?:1|256|512)\$\d{4,8}\$|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2id?\$v=\d\d\$|"
    rb"scrypt:\d{4,6}:\d:\d\$"
)
INSERT = re.compile(rb"^[ \t]{0,8}INSERT INTO\s[^\n]{1,300}", re.IGNORECASE | re.MULTILINE)
TUPLE = re.compile(rb"^[ \t]{0,8}\(.{1,5000}\)[,;][ \t\r]*$", re.MULTILINE)
TOLD_ROWS = re.compile(rb"^\(([1-9]\d{2,8}) rows\)\s*$", re.MULTILINE)


def many_rows(data: bytes, *, is_prose: bool = False) -> str:
    """What a hundred rows or more came from; empty where there are none.

    Args:
        data: the text.
        is_prose: whether it is code or documentation, which may show rows as an example.
    """
    if (b"INSERT INTO" in data or b"insert into" in data) and _inserted(data, is_prose) >= MANY:
        return "INSERTs of many rows"
    if is_prose:
        return ""
    if b'"pk":' in data and data.count(b'"model":') >= MANY:
        return "dumpdata of Django"
    if b'{"_id":' in data and _lines(data, b'{"_id":') >= MANY:
        return "mongoexport"
    if b'{"_index":' in data and _lines(data, b'{"_index":') >= MANY:
        return "elasticdump"
    if b" rows)" in data and b"-+-" in data and TOLD_ROWS.search(data):
        return "what psql printed"
    if any(data.count(one) >= MANY for one in HASHES) and len(HASH.findall(data)) >= MANY:
        return "password hashes of many users"
    return ""


def _inserted(data: bytes, is_prose: bool) -> int:
    lines = [one for one in INSERT.findall(data) if not OF_MIGRATIONS.search(one)]
    if not lines or is_prose:
        return len(lines)
    # Many rows may follow one INSERT, on its line or on lines of their own.
    return len(lines) + data.count(b"),(") + data.count(b"), (") + len(TUPLE.findall(data))


def _lines(data: bytes, head: bytes) -> int:
    return data.count(b"\n" + head) + data.startswith(head)
