"""Texts that a regular expression matches."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from .schemas import in_python

# What Python itself parses patterns with; it has no public name.
parser: Any = import_module("re._parser")
compiler: Any = import_module("re._compiler")

CHARACTERS = sorted(map(chr, range(32, 127)), key=lambda text: (not text.isalnum(), text))
REPEATS = {parser.MAX_REPEAT, parser.MIN_REPEAT, parser.POSSESSIVE_REPEAT}
ONE_CHARACTER = {parser.IN, parser.ANY, parser.NOT_LITERAL}
MOST_REPEATS = 64


def matching(pattern: str, least: int) -> Iterator[str]:
    """Yield short texts that a pattern probably matches; the caller checks them.

    Args:
        pattern: a regular expression.
        least: the length that a text must have.
    """
    try:
        parts = parser.parse(in_python(pattern))
    except (re.error, OverflowError):
        return
    for more in range(min(least, MOST_REPEATS) + 2):
        yield _text(parts, more)


def _text(parts: Any, more: int) -> str:
    """Return the text of some parts of a pattern.

    Args:
        parts: operators of Python's parser with their arguments.
        more: how often to repeat a part, beyond the least that it requires.
    """
    return "".join(_part(parts.state, name, value, more) for name, value in parts)


def _part(state: Any, operator: Any, value: Any, more: int) -> str:
    if operator is parser.LITERAL:
        return chr(value)
    if operator in REPEATS:
        least, most, inner = value
        return _text(inner, more) * int(min(least + more, most))
    if operator is parser.SUBPATTERN:
        return _text(value[-1], more)
    if operator is parser.BRANCH:
        return _text(value[1][0], more)
    if operator in ONE_CHARACTER:
        one = compiler.compile(parser.SubPattern(state, [(operator, value)]))
        return next(filter(one.fullmatch, CHARACTERS), "")
    # An anchor or an assertion takes no text; other operators are rare.
    return ""
