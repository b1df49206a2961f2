"""Findings for GitHub's workflows: at the line in a pull request, and on the page of the run."""

from html import escape

from tpgen.check import registry
from tpgen.core.finding import CheckResult, Finding

from .text import place, printable, summary

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# GitHub takes 1 MiB for a step.
ROWS = 500


def render(result: CheckResult) -> str:
    """Return a workflow command for each finding, and what the check covered.

    GitHub shows ten of each level of a step at their lines; all are in its log. The paths of the
    result must start at the top of the repository.
    """
    lines = [_command(finding) for finding in result.findings]
    return "".join(f"{line}\n" for line in [*lines, summary(result)])


def table(result: CheckResult) -> str:
    """Return the findings in Markdown, for the file that `GITHUB_STEP_SUMMARY` names."""
    lines = ["### tpgen check", "", _cell(summary(result)), ""]
    if result.findings:
        lines += ["| where | rule | what |", "|---|---|---|"]
    for finding in result.findings[:ROWS]:
        where = place(finding).replace("`", "'").replace("|", "\\|")
        lines.append(f"| `{where}` | {finding.code} | {_cell(finding.message)} |")
    if (more := len(result.findings) - ROWS) > 0:
        lines += ["", f"and {more} more, in the log"]
    return "\n".join(lines) + "\n"


def _command(finding: Finding) -> str:
    title = f"{finding.code} {registry.find(finding.code).name}"
    known = {"file": finding.path, "line": finding.line, "col": finding.column, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in known.items())
    # The log shows only what is behind the colons, so the place is repeated.
    message = f"{place(finding)}: {finding.code} {printable(finding.message)}"
    return f"::{COMMANDS[finding.level]} {properties}::{message.replace('%', '%25')}"


def _property(text: str) -> str:
    for character in "%\r\n:,":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _cell(text: str) -> str:
    """Return a text that stays in its cell: no Markdown and no HTML but code."""
    text = escape(printable(text), quote=False)
    return text.replace("\\", "\\\\").replace("|", "\\|")
