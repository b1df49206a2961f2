"""Findings for people: a place that a terminal or an editor opens, and what to do."""

from collections import Counter
from collections.abc import Sequence

from tpgen.core.finding import CheckResult, Finding, Level

LEVELS: tuple[Level, ...] = ("error", "warning", "note")
COLOURS = {"error": "31", "warning": "33", "note": "36"}


def render(result: CheckResult, *, coloured: bool = False) -> str:
    """Return a line for each finding, `file:line:col: CODE message`, and what the check covered.

    A finding that `--fix` fixes has a `[*]` behind its code.

    Args:
        result: with its findings sorted.
        coloured: whether a terminal reads it.
    """
    lines = [_line(finding, coloured) for finding in result.findings]
    if hint := _hint(result.findings):
        lines.append(hint)
    return "".join(f"{line}\n" for line in [*lines, summary(result)])


def summary(result: CheckResult) -> str:
    """Return one line: how many findings there are, and what was checked and what was not."""
    counts = Counter(finding.level for finding in result.findings)
    parts = ["no findings"]
    if result.findings:
        parts = [", ".join(_count(counts[level], level) for level in LEVELS)]
    parts.append(f"{_count(result.checked, 'file')} checked")
    if result.left_out:
        reasons = [f"{reason}: {number}" for reason, number in sorted(result.left_out.items())]
        parts.append(f"left out: {printable(', '.join(reasons))}")
    if result.exempt:
        parts.append(f"exempt: {_count(result.exempt, 'finding')}")
    if result.in_baseline:
        parts.append(f"in the baseline: {_count(result.in_baseline, 'finding')}")
    return "; ".join(parts)


def _hint(found: Sequence[Finding]) -> str:
    """Return the commands that explain and fix findings; empty if there is nothing to do."""
    codes = sorted({finding.code for finding in found if finding.level != "note"})
    hints = [f"`tpgen explain {codes[0]}` explains the rule"] if codes else []
    if fixable := sum(bool(finding.edits) for finding in found):
        hints.append(f"`tpgen check --fix` fixes {_count(fixable, 'finding')}, marked [*]")
    return "; ".join(hints)


def place(finding: Finding) -> str:
    """Return where a finding is, as terminals and editors read it."""
    return f"{printable(finding.path)}:{finding.line}:{finding.column}"


def printable(text: str) -> str:
    """Return a text on one line, without characters that move the cursor of a terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def shortened(names: Sequence[str], shown: int) -> str:
    """Return the first names and the number of the others: "a, b and 3 more"."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        # A byte of a file's name that is not UTF-8, as Python keeps it.
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _line(finding: Finding, coloured: bool) -> str:
    where, code = place(finding), finding.code
    if coloured:
        where, code = f"\033[1m{where}\033[0m", f"\033[{COLOURS[finding.level]}m{code}\033[0m"
    mark = " [*]" if finding.edits else ""
    level = "" if finding.level == "error" else f" {finding.level}:"
    return f"{where}: {code}{mark}{level} {printable(finding.message)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
