"""Recognize database dumps by their first bytes and header lines."""

import re
import zlib

# How much of a compressed file is decompressed: a header is in its first lines.
LIMIT = 64 * 1024
GZIP = b"\x1f\x8b"
MAGIC = (
    (0, b"PGDMP", "pg_dump"),
    (512, b"PGDMP", "pg_dump"),  # The first member of a tar.
    (0, b"PGCOPY\n\xff\r\n\0", "COPY"),
    (0, b"START WAL LOCATION: ", "pg_basebackup"),
    (0, b"SQLite format 3\0", "SQLite"),
    (0, b"\x37\x7f\x06\x82", "SQLite WAL"),
    (0, b"\x37\x7f\x06\x83", "SQLite WAL"),
    (0, b"REDIS00", "Redis"),
    (0, b"*2\r\n$6\r\nSELECT\r\n", "Redis"),
    (0, b"\x6d\xe2\x99\x81", "mongodump"),
    (0, b"TAPE\0\0", "SQL Server"),
    (8, b"DUCK", "DuckDB"),
)
HEADER = re.compile(
    rb"^(?:\xef\xbb\xbf)?(?:"
    rb"(?P<pg_dump>-- PostgreSQL database (?:cluster )?dump|\\restrict [A-Za-z0-9]{20,}|"
    rb"-- Dumped (?:from database|by pg_dump) version)|"
    rb"(?P<mysqldump>-- (?:MySQL|MariaDB) dump |/\*M?!999999\\- enable the sandbox mode|"
    rb"/\*!40101 SET @OLD_CHARACTER_SET_CLIENT)|"
    rb"(?P<phpMyAdmin>-- phpMyAdmin SQL Dump)|"
    rb"(?P<SQLite>PRAGMA foreign_keys=OFF;\s{1,8}BEGIN TRANSACTION;))",
    re.MULTILINE,
)
COPY = re.compile(rb"^COPY [^\n;]{1,2000} FROM stdin[^\n;]{0,80};[ \t]*\r?\n[^\n]", re.MULTILINE)
# A dump of the schema alone also says which migrations ran.
INSERT = re.compile(
    rb"^INSERT INTO\s{1,8}(?![^\s(]{0,200}(?:migrat|version|flyway|changelog))",
    re.MULTILINE | re.IGNORECASE,
)


def kind(data: bytes, *, is_whole: bool, is_prose: bool = False) -> str:
    """Return which program dumped the beginning of a file; empty if it is not a dump.

    Args:
        data: the beginning.
        is_whole: whether it is the whole file: only then is a schema without rows not a dump.
        is_prose: whether it is code or documentation, which may quote a dump.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        # What PowerShell writes by `pg_dump > dump.sql`.
        data = data.decode("utf-16", errors="replace").encode()
    if data.startswith(GZIP):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, LIMIT)
        except zlib.error:
            return ""
        is_whole = len(data) < LIMIT
    for offset, magic, name in MAGIC:
        if data.startswith(magic, offset):
            return name
    if is_prose:
        return ""
    if b"FROM stdin" in data and COPY.search(data):
        return "pg_dump"
    header = HEADER.search(data, 0, LIMIT)
    has_rows = not is_whole or INSERT.search(data)
    return str(header.lastgroup) if header and has_rows else ""
