"""Findings for people: a place that a terminal or an editor opens, and what to do."""

from collections.abc import Sequence

from tpgen.core.finding import Finding

COLOURS = {"error": "31", "warning": "33", "note": "36"}


def render(findings: Sequence[Finding], *, coloured: bool = False) -> str:
    """A line for each finding, `file:line:col: CODE message`, and one that counts them.

    A finding that `--fix` mends has a `[*]` behind its code.

    Args:
        findings: sorted.
        coloured: whether a terminal reads it.
    """
    lines = [_line(one, coloured) for one in findings]
    return "".join(f"{line}\n" for line in [*lines, *summary(findings)])


def summary(findings: Sequence[Finding]) -> list[str]:
    """How many findings there are, what says more, and what mends some of them."""
    errors = [one for one in findings if one.level == "error"]
    if not errors:
        return ["no findings"]
    codes = sorted({one.code for one in errors})
    files = len({one.path for one in errors})
    lines = [f"{_count(len(errors), 'finding')} in {_count(files, 'file')}"]
    lines[0] += f"; `tpgen explain {codes[0]}` says more"
    if fixable := sum(bool(one.edits) for one in findings):
        verb = "is" if fixable == 1 else "are"
        lines.append(f"[*] {_count(fixable, 'finding')} {verb} mended by `tpgen check --fix`")
    return lines


def place(one: Finding) -> str:
    """Where a finding is, as terminals and editors read it."""
    return f"{printable(one.path)}:{one.line}:{one.column}"


def printable(text: str) -> str:
    """A text on one line: no byte of a file or of its name moves the cursor of a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def shortened(names: Sequence[str], shown: int) -> str:
    """As many names as anybody reads: "a, b and 3 more"."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        # A byte of a file's name that is no UTF-8, as Python keeps it.
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _line(one: Finding, coloured: bool) -> str:
    where, code = place(one), one.code
    if coloured:
        where, code = f"\033[1m{where}\033[0m", f"\033[{COLOURS[one.level]}m{code}\033[0m"
    mark = " [*]" if one.edits else ""
    level = "" if one.level == "error" else f" {one.level}:"
    return f"{where}: {code}{mark}{level} {printable(one.message)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
