"""Findings for people: a place that a terminal or an editor opens, and what to do."""

from collections.abc import Sequence

from tpgen.check.finding import Finding

COLOURS = {"error": "31", "warning": "33", "note": "36"}


def render(findings: Sequence[Finding], *, coloured: bool = False) -> str:
    """A line for each finding, `file:line:col: CODE message`, and one that counts them.

    Args:
        findings: sorted.
        coloured: whether a terminal reads it.
    """
    lines = [_line(one, coloured) for one in findings]
    return "".join(f"{line}\n" for line in [*lines, _count(findings)])


def _line(one: Finding, coloured: bool) -> str:
    place, code = f"{one.path}:{one.line}:{one.column}", one.code
    if coloured:
        place, code = f"\033[1m{place}\033[0m", f"\033[{COLOURS[one.level]}m{code}\033[0m"
    level = "" if one.level == "error" else f"{one.level}: "
    return f"{place}: {code} {level}{one.message}"


def _count(findings: Sequence[Finding]) -> str:
    errors = [one for one in findings if one.level == "error"]
    if not errors:
        return "no findings"
    codes = sorted({one.code for one in errors})
    files = len({one.path for one in errors})
    plural = "s" * (len(errors) > 1)
    return (
        f"{len(errors)} finding{plural} in {files} file{'s' * (files > 1)}; "
        f"`tpgen explain {codes[0]}` says more"
    )
