"""A test file without the tests of which the text alone tells that no rule has to look at them.

Most of a test file is such tests: not to parse them is most of the speed of the check.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from .file import File, Unreadable

# Every pattern begins with a plain character where it can: then it is as fast as a search for it.
BEGINNING = re.compile(rb"\n([ \t]*)(?:async[ \t]+)?def[ \t]+(test\w*)")
_TEXT = rb"\"[^\"\n]*\"|'[^'\n]*'"
_PARENTHESES = rb"\((?:[^()\"'\n]|%s|%%s)*\)" % _TEXT
# An expression in parentheses, with two more levels in it.
_INNER = _PARENTHESES % (_PARENTHESES % rb"\([^()\n]*\)")
_COMPARES = rb"(?:==|!=|in|not in|<=?|>=?|is)"
# A line that asserts something which may be false.
SURE = re.compile(
    rb"\n([ \t]+)(?:assert (?:(?![(\"'\d]|[bfr][\"']|True\b|False\b|lambda\b|(\w+) == \2\s)"
    rb"|b?(?:%s|\d+) %s (?![\"'\d]|b[\"'])|%s(?:\.| %s ))"
    rb"(?![^\n]* or (?:True|1)\b)"
    rb"|(?:self\.)?assert\w+\(|(?:async )?with (?:pytest\.raises|self\.assert\w+)\()"
    % (_TEXT, _COMPARES, _INNER, _COMPARES)
)
HOLDING = re.compile(rb"\n([ \t]+)(return|break|continue|except|if (?:False|0|True|1))\b")
SAYS = re.compile(
    rb"\n[ \t]+assert\b|[\w)]\.assert|\bassert\w*\(|\.(?:raises|warns)\(|\bfail\(|snapshot|\n[ \t]+raise\b"
    rb"|\b(?:check|verif|expect)\w*\(|fnmatch_lines"
)
# What may hold an assertion back, or make it one that always holds.
DOUBTFUL = re.compile(
    rb"\bassert\s*(?:True|False|\d|\(|[\"'])|\bor True\b|\bor 1\b|\bexcept\b|\breturn\b"
    rb"|\bif (?:False|0|True|1)\b|raise .*Skip|\bassert (\w+) == \1$",
    re.MULTILINE,
)
# A test with one of these is looked at, whatever it asserts.
WORDS = (
    *(b"patch", b"unittest", b"mocker", b"httpx_mock", b"respx", b"requests_mock", b"flaky"),
    *(b"setattr", b"delattr", b"setitem", b"__dict__", b"vars(", b"modules", b"sleep", b"skip"),
    *(b"Skip", b"xfail", b"getfixturevalue", b"import_", b"import__", b"importor", b"find_spec"),
    *(
        b"resolve_name",
        b"LazyLoader",
        b"exec(",
        b"eval(",
        b"compile(",
        b"getattr",
        b"globals(",
        b"placeholder(",
        b"fill_in(",
        b"to_build(",
    ),
)
MOCKS = re.compile(rb"mock|Mock|patch|autospec|flexmock")
# After one of those words: that it gets another name, which may stand in any test.
RENAMED = re.compile(rb"\w*(?:\.\w+)?(?: as \w|[ \t]*\r?\n)")
ASSIGNED = re.compile(rb"\n[ \t]*([A-Za-z_]\w*)\.[\w.]+[ \t]*(?:[,:][^=\n]*)?=[^=]")


@dataclass(frozen=True)
class Block:
    """A test in the text of a file: where it is, its line and its name."""

    start: int
    end: int
    line: int
    name: bytes


@lru_cache(maxsize=2)
def skimmed(file: File) -> File:
    """The file with a line in place of each test that asserts and holds nothing of interest.

    Raises:
        Unreadable: it is no Python.
    """
    if "tree" in vars(file) or (places := _places(file)) is None:
        return file
    doubted = doubtful(file)
    parts, at = [], 0
    for block in _blocks(file):
        if block.line not in doubted and not _is_of_interest(file.data, block, places):
            parts += [file.data[at : block.start], b"def %s(): assert x" % block.name]
            parts.append(b"\n" * file.data.count(b"\n", block.start, block.end))
            at = block.end
    return _parsed(file, b"".join([*parts, file.data[at:]])) if parts else file


def _is_of_interest(data: bytes, block: Block, places: list[int]) -> bool:
    if bisect_left(places, block.start) != bisect_left(places, block.end):
        return True
    # A text over several lines goes on behind what looks like the end.
    return _is_in_text(data, block.start, block.end)


def _parsed(file: File, data: bytes) -> File:
    part = File(file.path, data, file.project)
    try:
        part.tree  # noqa: B018 - what was cut in the wrong place can't be parsed
    except Unreadable:
        return file
    # Lines and columns are those of the whole.
    part.data = file.data
    return part


def _places(file: File) -> list[int] | None:
    """Where something is that a rule looks for; None where that can't be told."""
    data = file.data
    found = [*assignments(file)]
    found += [at for at, text in _imports(file) if MOCKS.search(text)]
    for word in WORDS:
        for at in occurrences(data, word):
            found.append(at)
            after = RENAMED.match(data, at + len(word))
            if after and (b" as " in after[0] or b"=" in data[data.rfind(b"\n", 0, at) + 1 : at]):
                return None
    return sorted(found)


def occurrences(data: bytes, word: bytes) -> Iterator[int]:
    """Where a word begins, each time."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def imports(file: File) -> bytes:
    """The statements that import, one after the other."""
    return b"\n".join(text for _, text in _imports(file))


@lru_cache(maxsize=2)
def _imports(file: File) -> list[tuple[int, bytes]]:
    """The lines that import, as far as their words tell, and where they are."""
    data, found = file.data, []
    at = data.find(b"import")
    while at >= 0:
        end = data.find(b"\n", at)
        if end > 0 and b"(" in data[at:end]:
            end = data.find(b")", at)
        end = end if end > 0 else len(data)
        found.append((at, data[data.rfind(b"\n", 0, at) + 1 : end]))
        at = data.find(b"import", end)
    return found


@lru_cache(maxsize=2)
def assignments(file: File) -> list[int]:
    """Where attributes of what a file imports are set."""
    found = [(one[1], one.start()) for one in ASSIGNED.finditer(file.data)]
    if not any(name != b"self" for name, _ in found):
        return []
    names = set(re.findall(rb"\w+", imports(file)))
    return [at for name, at in found if name in names]


@lru_cache(maxsize=2)
def doubtful(file: File) -> set[int]:
    """The lines of the tests of which the text alone does not tell that they assert."""
    return {one.line for one in _blocks(file) if _is_doubtful(file.data, one)}


@lru_cache(maxsize=2)
def _blocks(file: File) -> list[Block]:
    return list(_found_blocks(file.data))


def _found_blocks(data: bytes) -> Iterator[Block]:
    """The outermost functions `test*`, as far as indentation tells."""
    line, counted, at = 1, 0, 0
    while found := BEGINNING.search(data, at):
        after = _end(len(found[1])).search(data, found.end())
        start, end = found.end(1), after.start() if after else len(data)
        line += data.count(b"\n", counted, start)
        yield Block(start, end, line, found[2])
        counted, at = start, end


@cache
def _end(indent: int) -> re.Pattern[bytes]:
    """What begins after a test: something that is not deeper than its own beginning."""
    return re.compile(rb"\n[ \t]{0,%d}[^\s)\]}#]" % indent)


def _is_doubtful(data: bytes, block: Block) -> bool:
    for sure in SURE.finditer(data, block.start, block.end):
        if not _is_in_text(data, block.start, sure.start()):
            return _is_held_back(data, block.start, sure)
    text = data[block.start : block.end]
    return not SAYS.search(text) or DOUBTFUL.search(text) is not None


def _is_held_back(data: bytes, start: int, sure: re.Match[bytes]) -> bool:
    """Whether a line may not be run, or not be seen, because of one before it."""
    until = sure.end(1) + 1
    for one in HOLDING.finditer(data, start, sure.start()):
        indent = len(one[1])
        # It holds back what follows in its block: not what is behind the end of it.
        behind = _end(indent if one[2] == b"except" else indent - 1)
        if one[2].startswith(b"if") or not behind.search(data, one.end(), until):
            return True
    return False


def _is_in_text(data: bytes, start: int, end: int) -> bool:
    return any(data.count(quotes, start, end) % 2 for quotes in (b'"""', b"'''"))
