"""Findings as GitHub's workflows show them: at the line in a pull request, and on the run's page."""

from collections.abc import Sequence

from tpgen.check import registry
from tpgen.core.finding import Finding

from .text import place, printable, summary

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# GitHub takes 1 MiB for a step.
ROWS = 500


def render(findings: Sequence[Finding]) -> str:
    """A workflow command for each finding, and a line that counts them.

    GitHub shows ten of each level of a step at their lines; all stand in its log.

    Args:
        findings: sorted; their paths start at the top of the repository.
    """
    lines = [_command(one) for one in findings]
    return "".join(f"{line}\n" for line in [*lines, *summary(findings)])


def table(findings: Sequence[Finding]) -> str:
    """The findings in Markdown, for the file that `GITHUB_STEP_SUMMARY` names."""
    head = f"### tpgen check\n\n{'; '.join(summary(findings))}\n\n"
    if not findings:
        return head
    rows = [f"| {_code(place(one))} | {one.code} | {_cell(one.message)} |" for one in findings]
    left = f"\nand {len(rows) - ROWS} more, in the log\n" if len(rows) > ROWS else ""
    lines = ["| where | rule | what |", "|---|---|---|", *rows[:ROWS]]
    return head + "\n".join(lines) + "\n" + left + "\n"


def _command(one: Finding) -> str:
    title = f"{one.code} {registry.find(one.code).name}"
    known = {"file": one.path, "line": one.line, "col": one.column, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in known.items())
    # The log shows only what stands behind the colons: the place once more.
    text = "\n".join(map(printable, one.message.splitlines()))
    message = _data(f"{place(one)}: {one.code} {text}")
    return f"::{COMMANDS[one.level]} {properties}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """A text that stays in its cell: no Markdown and no HTML but code."""
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
