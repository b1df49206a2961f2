"""The comment in a test class that lists the required cases which it inherits.

class TestReadAgent(RouteSuite):
    # Required cases of RouteSuite (tests/policy/suites/route.py):
    #   test_happy_path, test_401_without_a_key
"""

import ast
import re
from collections.abc import Collection
from pathlib import Path
from textwrap import wrap

from . import trees
from .code import Code, Definition, Module
from .trees import classes

WIDTH = 100
DEFINITION = re.compile(r"\s*(#|@|def |async def |class )")
HEADER = re.compile(r"\s*# Required cases of \w+ \(tests/policy/.*\):\s*")
CASES = re.compile(r"\s*#   test\w*(, test\w*)*,?\s*")


def refresh(code: Code, path: Path, text: str, new: Collection[str] | None = None) -> str:
    """Return the text of a test file with a true list of cases in its classes.

    A class without a list gets one if it is in `new`, or if that is None.
    """
    module = Module(path, code.packages[0].parent, text.encode())
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = trees.lines(text)
    # From the last class to the first, so that the line numbers stay right.
    for owner in reversed(classes(module.tree)):
        first = owner.body[0]
        indent = lines[first.lineno - 1][: first.col_offset]
        start, end = _place(owner, lines)
        is_unwanted = start == end and new is not None and owner.name not in new
        if is_unwanted or first.lineno == owner.lineno:
            continue
        wanted = _lists(code, Definition(module, owner), indent)
        if wanted and start == end:
            # An empty line below a docstring, and above a comment or function.
            follows = not _ends_header(lines[start - 1])
            precedes = DEFINITION.match("".join(lines[start : start + 1]))
            wanted = [""] * follows + wanted + [""] * bool(precedes)
        lines[start:end] = [line + newline for line in wanted]
    return "".join(lines)


def is_suite(base: Definition) -> bool:
    return base.module.name.startswith("tests.policy.")


def _place(owner: ast.ClassDef, lines: list[str]) -> tuple[int, int]:
    """Return the slice of the lines that holds the list of a class, or where it belongs."""
    first, last = owner.body[0], owner.end_lineno or owner.lineno
    # Comments at the end of a class are not in its tree.
    while last < len(lines) and re.match(r"\s+#|\s*$", lines[last]):
        last += 1
    for start in range(owner.lineno, last):
        if HEADER.fullmatch(lines[start]):
            end = start + 1
            while end < last and (HEADER.fullmatch(lines[end]) or CASES.fullmatch(lines[end])):
                end += 1
            return start, end
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.end_lineno or last, first.end_lineno or last
    # The body starts below the header, which may have several lines.
    header = range(owner.lineno, first.lineno)
    top = next((number for number in header if _ends_header(lines[number - 1])), owner.lineno)
    return top, top


def _ends_header(line: str) -> bool:
    return line.partition("#")[0].rstrip().endswith(":")


def _lists(code: Code, owner: Definition, indent: str) -> list[str]:
    """Return the lines of the lists: one for each suite that a class inherits directly."""
    suites = [base for base in code.lineage(owner) if is_suite(base)]
    bases = {base.node for suite in suites for base in code.lineage(suite)[1:]}
    lines = []
    for suite in (suite for suite in suites if suite.node not in bases):
        # The cases of its bases first.
        members = [
            getattr(node, "name", "")
            for base in reversed(code.lineage(suite))
            for node in getattr(base.node, "body", [])
        ]
        if names := list(dict.fromkeys(name for name in members if name.startswith("test"))):
            place = suite.module.path.relative_to(suite.module.folder).as_posix()
            width = WIDTH - len(f"{indent}#   ")
            listed = wrap(", ".join(names), width, break_long_words=False, break_on_hyphens=False)
            lines.append(f"{indent}# Required cases of {suite.name} ({place}):")
            lines += [f"{indent}#   {line}" for line in listed]
    return lines
