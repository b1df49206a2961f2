"""What dumps of databases look like, by content."""

import re

MAGIC = (
    (0, b"PGDMP", "pg_dump"),
    (0, b"SQLite format 3\0", "SQLite"),
    (0, b"\x37\x7f\x06\x82", "SQLite's log"),
    (0, b"\x37\x7f\x06\x83", "SQLite's log"),
    (0, b"\x6d\xe2\x99\x81", "mongodump"),
    (0, b"XBSTCK01", "XtraBackup"),
    (4, b"Standard Jet DB\0", "Access"),
    (4, b"Standard ACE DB\0", "Access"),
    (8, b"DUCK", "DuckDB"),
    (0, b"PGCOPY\n\xff\r\n\0", "COPY"),
    (3, b"EXPORT:V", "Oracle"),
    (0, b"START WAL LOCATION: ", "pg_basebackup"),
)
# Each stands at the beginning of a line of a dump as text.
SIGNS = (
    ("pg_dump", b"-- PostgreSQL database "),
    ("pg_dump", b"-- Dumped "),
    ("pg_dump", b"\\restrict "),
    ("pg_dump", b"pg_catalog.set_config('search_path'"),
    ("mysqldump", b"-- MySQL dump "),
    ("mysqldump", b"-- MariaDB dump "),
    ("mysqldump", b"enable the sandbox mode"),
    ("mysqldump", b"SET @OLD_CHARACTER_SET_CLIENT"),
    ("mysqldump", b"-- Dump completed"),
    ("mysqldump", b"/*!40000 ALTER TABLE `"),
    ("H2", b" +/- SELECT COUNT(*) FROM "),
    ("phpMyAdmin", b"-- phpMyAdmin SQL Dump"),
    ("SQLite", b"PRAGMA foreign_keys=OFF;"),
)
# One of these is in each sign.
COMMON = (
    b"-- ",
    b"\\restrict ",
    b"pg_catalog.set_",
    b"/*!4",
    b"PRAGMA foreign_keys=",
    b"sandbox mode",
)
LINE = {
    b"-- PostgreSQL database ": rb"-- PostgreSQL database (?:cluster )?dump",
    b"-- Dumped ": rb"-- Dumped (?:from database|by pg_dump)",
    b"\\restrict ": rb"\\restrict [A-Za-z0-9]{20,}",
    b"pg_catalog.set_config('search_path'": rb"SELECT pg_catalog\.set_config\('search_path'",
    b"enable the sandbox mode": rb"/\*M?!999999\\- enable the sandbox mode",
    b"SET @OLD_CHARACTER_SET_CLIENT": rb"/\*!40101 SET @OLD_CHARACTER_SET_CLIENT",
    b" +/- SELECT COUNT(*) FROM ": rb"-- \d{1,12} \+/- SELECT COUNT\(\*\) FROM ",
    b"PRAGMA foreign_keys=OFF;": rb"PRAGMA foreign_keys=OFF;\s{1,8}BEGIN TRANSACTION;",
}
AT_LINE = rb"(?:^|\n)(?:\xef\xbb\xbf)?[ \t>#*/\"']{0,12}"
PATTERNS = {sign: re.compile(AT_LINE + LINE.get(sign, re.escape(sign))) for _, sign in SIGNS}
COPY = re.compile(
    rb"(?:^|\n)[ \t\"']{0,12}COPY [^\n;]{1,2000} FROM stdin[^\n;]{0,80};[ \t]*\r?\n[^\n]",
    re.IGNORECASE,
)
INSERT = re.compile(rb"INSERT INTO\s{1,8}([`\"\w.\[\]]{1,200})", re.IGNORECASE)
# Which migrations ran: a dump of nothing but the schema says so in rows, too.
OF_MIGRATIONS = re.compile(rb"migrat|version|flyway|changelog", re.IGNORECASE)
CREATE = re.compile(rb"CREATE (?:TABLE|TYPE|SCHEMA|SEQUENCE|FUNCTION|EXTENSION)", re.IGNORECASE)


def kind(data: bytes, *, is_prose: bool = False) -> str:
    """Which program dumped these bytes; empty where they are no dump.

    Args:
        data: the beginning of a file, or all of it.
        is_prose: whether it is code or documentation, which may show a line of a dump.
    """
    return _binary(data) or _text(data, is_prose)


def _binary(data: bytes) -> str:
    for at, magic, name in MAGIC:
        if data.startswith(magic, at):
            return name
    if re.match(rb"REDIS\d{4}", data):
        return "Redis"
    if data.startswith(b"TAPE") and b"\0" in data[4:16]:
        return "SQL Server"
    if data.endswith(b"\n\\.\n\n\n"):
        return "pg_dump"  # The rows of one table, beside a `toc.dat`.
    return "Redis" if re.match(rb"\*2\r\n\$6\r\nSELECT\r\n", data, re.IGNORECASE) else ""


def _text(data: bytes, is_prose: bool) -> str:
    if b"\0" in data[:200]:
        data = data.replace(b"\0", b"")
    signs = [(name, sign) for name, sign in _told(data) if PATTERNS[sign].search(data)]
    copies = (b"FROM stdin" in data or b"from stdin" in data) and COPY.search(data)
    if copies and (signs or not is_prose):
        return "pg_dump"
    if not signs or (is_prose and len(signs) < 2):
        return ""
    return "" if CREATE.search(data) and not _has_rows(data) else signs[0][0]


def _told(data: bytes) -> list[tuple[str, bytes]]:
    """The signs that stand anywhere in a text, which few texts hold."""
    if not any(one in data for one in COMMON):
        return []
    return [(name, sign) for name, sign in SIGNS if sign in data]


def _has_rows(data: bytes) -> bool:
    return any(not OF_MIGRATIONS.search(found[1]) for found in INSERT.finditer(data))
