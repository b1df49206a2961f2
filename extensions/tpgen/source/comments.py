"""The comment in a test class that lists the required cases which it inherits.

class TestReadAgent(RouteSuite):
    # Required cases of RouteSuite (tests/policy/suites/route.py):
    #   test_happy_path, test_401_without_a_key
"""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from textwrap import wrap

from .code import Code, Definition, Module
from .trees import classes

WIDTH = 100
HEADER = re.compile(r"\s*# Required cases of \w+ \(tests/policy/.*\):")
CASES = re.compile(r"\s*#   test\w*(, test\w*)*,?")


def refresh(code: Code, path: Path, text: str, new: Collection[str] | None = None) -> str:
    """Return the text of a test file with a true list of cases in its classes.

    Only the lines of such lists change.

    Args:
        code: the tests of the service.
        path: of the file.
        text: of the file.
        new: the classes that get a list if they have none; all, if None.
    """
    module = Module(path, code.packages[0].parent, text.encode())
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    # From the last class to the first, so that the line numbers stay right.
    for owner in reversed(classes(module.tree)):
        start, end = _place(owner, lines)
        is_unwanted = start == end and new is not None and owner.name not in new
        if is_unwanted or owner.body[0].lineno == owner.lineno:
            continue
        indent = re.match(r"\s*", lines[owner.body[0].lineno - 1])
        wanted = _lists(code, Definition(module, owner), indent[0] if indent else "")
        if wanted and start == end:
            below = lines[start] if start < len(lines) else ""
            wanted = _set_apart(lines[start - 1], below, wanted)
        lines[start:end] = [line + newline for line in wanted]
    return "".join(lines)


def is_suite(base: Definition) -> bool:
    """Return whether a class belongs to the policy."""
    return base.module.name.startswith("tests.policy.")


def _place(owner: ast.ClassDef, lines: list[str]) -> tuple[int, int]:
    """Return the slice of the lines that holds the list of a class, or where it belongs."""
    first = owner.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    # The body starts in the line below the header, which may have brackets.
    headers = [*owner.bases, *(keyword.value for keyword in owner.keywords)]
    header = max([owner.lineno, *(node.end_lineno or 0 for node in headers)])
    top = (first.end_lineno or 0) if is_docstring else header
    while not is_docstring and top < first.lineno - 1 and not _ends_header(lines[top - 1]):
        top += 1
    last = owner.end_lineno or top
    # Comments at the end of a class are not in its tree.
    while last < len(lines) and re.match(r"\s+#|\s*$", lines[last]):
        last += 1
    start = next((at for at in range(top, last) if HEADER.fullmatch(lines[at].rstrip())), None)
    if start is None:
        return top, top
    end = start
    while end < last and (HEADER.fullmatch(line := lines[end].rstrip()) or CASES.fullmatch(line)):
        end += 1
    return start, end


def _set_apart(above: str, below: str, wanted: list[str]) -> list[str]:
    """Return a new list with an empty line below a docstring, and above a comment or function."""
    follows = [] if _ends_header(above) else [""]
    precedes = [""] if re.match(r"\s*(#|@|def |async def |class )", below) else []
    return [*follows, *wanted, *precedes]


def _ends_header(line: str) -> bool:
    return line.partition("#")[0].rstrip().endswith(":")


def _lists(code: Code, owner: Definition, indent: str) -> list[str]:
    """Return the lines of the lists: one for each suite that a class inherits directly."""
    suites = [base for base in code.lineage(owner) if is_suite(base)]
    bases = {base.node for suite in suites for base in code.lineage(suite)[1:]}
    direct = [suite for suite in suites if suite.node not in bases]
    return [line for suite in direct for line in _list(code, suite, indent)]


def _list(code: Code, suite: Definition, indent: str) -> list[str]:
    names = list(dict.fromkeys(_cases(code, suite)))
    if not names:
        return []
    place = suite.module.path.relative_to(suite.module.folder).as_posix()
    width = WIDTH - len(f"{indent}#   ")
    listed = wrap(", ".join(names), width, break_long_words=False, break_on_hyphens=False)
    head = f"{indent}# Required cases of {suite.name} ({place}):"
    return [head, *(f"{indent}#   {line}" for line in listed)]


def _cases(code: Code, suite: Definition) -> Iterator[str]:
    """Yield the cases of a suite, those of its bases first."""
    for base in reversed(code.lineage(suite)):
        for node in getattr(base.node, "body", []):
            if (name := getattr(node, "name", "")).startswith("test"):
                yield name
