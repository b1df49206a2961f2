"""Files as text: read, parsed and written back without the loss of a line."""

import ast
import codecs
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

import libcst as cst

from tpgen.core.errors import Misuse


def decode(mine: bytes, path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding.

    Raises:
        Misuse: Python could not read it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(mine).readline)
        return codecs.decode(mine, encoding), encoding
    except (SyntaxError, UnicodeError) as error:
        raise Misuse(f"{path} is no text that Python reads ({error}): repair it first") from error


def encode(text: str, encoding: str, path: Path) -> bytes:
    """The file of a text.

    Raises:
        Misuse: the encoding lacks a character.
    """
    try:
        return codecs.encode(text, encoding)
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise Misuse(
            f"{path} is in {encoding}, which has no {character!r} for what must be added: "
            "make it UTF-8 first"
        ) from error


def parse(text: str, path: Path) -> cst.Module:
    """The module, unchanged to the letter.

    Raises:
        Misuse: it is no Python, or LibCST would change it.
    """
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        line, reason = _reason(text, error)
        raise Misuse(f"{path}:{line} is not Python yet ({reason}): finish it first") from error
    if module.code != text:
        raise Misuse(f"{path} can't be read and written back unchanged: add to it by hand")
    return module


def _reason(text: str, error: cst.ParserSyntaxError) -> tuple[int, str]:
    """Python's own words where it refuses too, as they are better."""
    try:
        ast.parse(text)
    except SyntaxError as known:
        return known.lineno or error.raw_line, known.msg
    except ValueError as known:
        return error.raw_line, str(known)
    return error.raw_line, error.message


def keep_lines(before: str, after: str, replaced: Iterable[str], path: Path) -> None:
    """Every line is still there, in order, but for those of statements that were replaced."""
    gone = {line.strip() for code in replaced for line in code.splitlines()}
    rest = iter(after.splitlines())
    for number, line in enumerate(before.splitlines(), 1):
        if line.strip() not in gone and line not in rest:
            raise AssertionError(f"{path}:{number} would be lost, so nothing was written: {line}")
