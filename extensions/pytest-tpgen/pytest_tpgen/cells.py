"""Search the bytes of every cell of the database for content, also in hex and base64."""

from base64 import b64encode
from collections import Counter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TABLES = """
select format('%I.%I', table_schema, table_name) from information_schema.tables
where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
"""

# Base64 of fewer bytes has too few characters that do not depend on their neighbours.
SHORTEST = 8


async def every_cell(session: AsyncSession) -> Counter[bytes]:
    """Count the bytes of every column of every row, also of tables that no model knows."""
    cells: Counter[bytes] = Counter()
    for table in await session.scalars(text(TABLES)):
        for row in await session.execute(text(f"select * from {table}")):
            cells.update(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    return cells


async def every_row(session: AsyncSession) -> Counter[tuple[str, str]]:
    """Count the rows of every table: its name, and the row as text."""
    rows: Counter[tuple[str, str]] = Counter()
    for table in await session.scalars(text(TABLES)):
        for row in await session.scalars(text(f"select t::text from {table} t")):
            rows[table, row] += 1
    return rows


async def cells_with(session: AsyncSession, *contents: str | bytes) -> list[bytes]:
    """Return the cells that hold one of the contents.

    Args:
        session: of the database.
        contents: texts or bytes, which are found as they are and in hex; those of eight bytes or
            more also in base64, at any offset.
    """
    plain = (one.encode() if isinstance(one, str) else one for one in contents)
    forms = [form for one in plain for form in _forms(one)]
    return [cell for cell in await every_cell(session) if any(form in cell for form in forms)]


def parts(secret: str) -> list[str]:
    """Return every four consecutive characters of a secret, to find cells with a part of it."""
    return [secret[start : start + 4] for start in range(len(secret) - 3)]


def _forms(plain: bytes) -> list[bytes]:
    in_hex = plain.hex().encode()
    found = [plain, in_hex, in_hex.upper()]
    if len(plain) < SHORTEST:
        return found
    # Base64 of three bytes is four characters, so a text within other data has three forms; what
    # its first and last character are depends on the neighbours.
    shifted = [b64encode(bytes(shift) + plain)[4 if shift else 0 :] for shift in range(3)]
    return [*found, *(form.rstrip(b"=")[:-1] for form in shifted)]
