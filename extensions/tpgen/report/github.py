"""Findings for GitHub's workflows: at the line in a pull request, and on the page of the run."""

from tpgen.check import registry
from tpgen.core.finding import CheckResult, Finding

from .text import place, printable, summary

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# GitHub takes 1 MiB for a step.
ROWS = 500


def render(result: CheckResult) -> str:
    """Return a workflow command for each finding, and what the check covered.

    GitHub shows ten of each level of a step at their lines; all are in its log.

    Args:
        result: its paths start at the top of the repository.
    """
    lines = [_command(finding) for finding in result.findings]
    return "".join(f"{line}\n" for line in [*lines, summary(result)])


def table(result: CheckResult) -> str:
    """Return the findings in Markdown, for the file that `GITHUB_STEP_SUMMARY` names."""
    head = f"### tpgen check\n\n{_cell(summary(result))}\n\n"
    if not result.findings:
        return head
    rows = [
        f"| {_code(place(finding))} | {finding.code} | {_cell(finding.message)} |"
        for finding in result.findings
    ]
    more = f"\nand {len(rows) - ROWS} more, in the log\n" if len(rows) > ROWS else ""
    lines = ["| where | rule | what |", "|---|---|---|", *rows[:ROWS]]
    return head + "\n".join(lines) + "\n" + more + "\n"


def _command(finding: Finding) -> str:
    title = f"{finding.code} {registry.find(finding.code).name}"
    known = {"file": finding.path, "line": finding.line, "col": finding.column, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in known.items())
    # The log shows only what is behind the colons, so the place is repeated.
    text = "\n".join(map(printable, finding.message.splitlines()))
    message = _data(f"{place(finding)}: {finding.code} {text}")
    return f"::{COMMANDS[finding.level]} {properties}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """Return a text that stays in its cell: no Markdown and no HTML but code."""
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
