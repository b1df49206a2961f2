"""The ways in which a text is written so that no scanner reads it: each is undone here."""

import base64
import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from urllib.parse import unquote

from .contents import decoded
from .runs import near_runs

# What stands between the beginning of a key and its rest, where a line ends in between.
BREAK = re.compile(r"(?<=[A-Za-z][_-])[\"']?[ \t]*[+\\.]?[ \t]*\r?\n[ \t]*[+.]?[ \t]*[\"']?")
MARKS = (b"live_", b"ghp_", b"_pat_", b"glpat-", b"npm_", b"sk-ant-", b"proj-")
BROKEN = tuple(mark + end for mark in MARKS for end in (b"\n", b"\r\n", b'"', b"'", b"\\", b" "))
# Pieces added on one line, in languages that are not Python.
ADDED = tuple(
    mark + sign for mark in (b'"', b"'", b"`") for sign in (b" + ", b"+", b" . ", b" .. ")
)
SUM = re.compile(rb"([\"'`])[ \t]{0,4}(?:\+|\.{1,2})[ \t]{0,4}\1")
# Patterns that begin with one plain character are as fast as a search for it.
IN_URL = re.compile(rb"%(?:5[Ff]|2[Dd])")
ESCAPED = re.compile(rb"\\(?:u00|x)5[fF]")
ESCAPES = re.compile(r"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{2});|&#(\d{2,3});")
WRITTEN = ("ghp_", "github_pat_", "sk-ant-", "sk-proj-", "glpat-", "AIza", "AKIA", "-----BEGIN",
           "xoxb-", "postgresql://", "sk_live_")  # fmt: skip
# `_live_` as base64, wherever it begins; the others where they begin a text.
ALIGNED = (b"X2xpdmVf", b"9saXZlX", b"fbGl2ZV")
BASE64 = (*ALIGNED, *(base64.b64encode(one.encode())[: len(one) * 8 // 6] for one in WRITTEN))
HEX = b"_live_".hex().encode()
TOKEN = re.compile(rb"[A-Za-z0-9+/=_-]{16,}")


def undone(data: bytes) -> Iterator[tuple[str, bytes, int]]:
    """A text without its disguises: each with its name, and the line where it begins.

    The line is 0 where those of the result are those of the text.
    """
    if b"\0" in data:
        yield "UTF-16", data.replace(b"\0", b""), 0
    near = near_runs(data)
    if IN_URL.search(near):
        yield "URL-encoded", _text(unquote(data.decode(errors="replace"))), 0
    if ESCAPED.search(data) or b"&#95;" in near or b"&#x5f;" in near:
        yield "escaped", _text(ESCAPES.sub(_character, data.decode(errors="replace"))), 0
    if any(mark in near for mark in MARKS) and any(one in near for one in BROKEN):
        yield "over two lines", _text(BREAK.sub("", data.decode(errors="replace"))), 0
    if b"live" in near and any(one in near for one in ADDED):
        yield "in pieces", SUM.sub(b"", data), 0
    if b"_evil_" in near:
        for number, line in _lines_with(data, b"_evil_"):
            yield "backwards", line[::-1], number
    if b"_yvir_" in near:
        yield "rot13", _text(codecs.encode(data.decode(errors="replace"), "rot13")), 0
    if b"\xe2\x80\x8b" in near:
        yield "with invisible characters", data.replace(b"\xe2\x80\x8b", b""), 0
    if b"=5F" in near or b"uoted-printable" in data:
        yield "quoted-printable", quopri.decodestring(data), 1
    yield from _coded(data, near)


def _coded(data: bytes, near: bytes) -> Iterator[tuple[str, bytes, int]]:
    for head in BASE64:
        if head not in near:
            continue
        for line, token in _tokens_with(data, head):
            start = token.find(head) % 4 if head not in ALIGNED else 0
            yield "base64", decoded(token[start:]), line
    for head in (HEX, HEX.upper()):
        if head not in near:
            continue
        for line, token in _tokens_with(data, head):
            try:
                yield "hexadecimal", binascii.unhexlify(token[: len(token) // 2 * 2]), line
            except binascii.Error:
                continue


def _tokens_with(data: bytes, head: bytes) -> Iterator[tuple[int, bytes]]:
    if head not in data:
        return
    for number, line in _lines_with(data, head):
        for found in TOKEN.finditer(line):
            if head in found[0]:
                yield number, found[0]


def _lines_with(data: bytes, part: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if part in line:
            yield number, line


def _character(found: re.Match[str]) -> str:
    hexadecimal = found[1] or found[2] or found[3]
    return chr(int(hexadecimal, 16) if hexadecimal else int(found[4]))


def _text(text: str) -> bytes:
    return text.encode(errors="replace")
