"""Findings for people: a place that a terminal or an editor opens, and what to do."""

from collections import Counter
from collections.abc import Sequence

from tpgen.core.finding import CheckResult, Finding

COLOURS = {"error": "31", "warning": "33", "note": "36"}


def render(result: CheckResult, *, coloured: bool = False) -> str:
    """Return a line for each finding, with `[*]` if `--fix` fixes it, and what was checked."""
    lines, hints = [], []
    for finding in result.findings:
        where, code = place(finding), finding.code
        if coloured:
            where, code = f"\033[1m{where}\033[0m", f"\033[{COLOURS[finding.level]}m{code}\033[0m"
        mark = " [*]" if finding.edits else ""
        level = "" if finding.level == "error" else f" {finding.level}:"
        lines.append(f"{where}: {code}{mark}{level} {printable(finding.message)}")
    if codes := {finding.code for finding in result.findings if finding.level != "note"}:
        hints.append(f"`tpgen explain {min(codes)}` explains the rule")
    if fixable := sum(bool(finding.edits) for finding in result.findings):
        hints.append(f"`tpgen check --fix` fixes {_count(fixable, 'finding')}, marked [*]")
    if hints:
        lines.append("; ".join(hints))
    return "".join(f"{line}\n" for line in [*lines, summary(result)])


def summary(result: CheckResult) -> str:
    """Return one line: how many findings there are, and what was checked and what was not."""
    counts = Counter(finding.level for finding in result.findings)
    parts = ["no findings"]
    if result.findings:
        parts = [", ".join(_count(counts[level], level) for level in ("error", "warning", "note"))]
    parts.append(f"{_count(result.checked, 'file')} checked")
    if result.left_out:
        reasons = [f"{reason}: {number}" for reason, number in sorted(result.left_out.items())]
        parts.append(f"left out: {printable(', '.join(reasons))}")
    if result.exempt:
        parts.append(f"exempt: {_count(result.exempt, 'finding')}")
    if result.in_baseline:
        parts.append(f"in the baseline: {_count(result.in_baseline, 'finding')}")
    return "; ".join(parts)


def place(finding: Finding) -> str:
    return f"{printable(finding.path)}:{finding.line}:{finding.column}"


def printable(text: str) -> str:
    """Return a text on one line, without characters that move the cursor of a terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def shortened(names: Sequence[str], shown: int) -> str:
    """Return the first names and the number of the others: "a, b and 3 more"."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
