"""Findings for GitHub's workflows: at the line in a pull request, and on the page of the job."""

import os
import sys
from html import escape

from tpgen.check import registry
from tpgen.core.finding import CheckResult, Finding

from .text import place, printable, summary

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# GitHub takes 1 MiB for a step.
MOST = 200_000


def render(result: CheckResult) -> str:
    """Return a workflow command for each finding, whose path starts at the top of the repository.

    GitHub shows ten of each level of a step at their lines; all are in its log.
    """
    lines = [_command(finding) for finding in result.findings]
    return "".join(f"{line}\n" for line in [*lines, summary(result)])


def preformatted(text: str) -> str:
    """Return a report as Markdown that shows it as it is."""
    shown = text if len(text) <= MOST else f"{text[:MOST]}…\nthe log has the rest\n"
    return f"<pre>\n{escape(shown, quote=False)}</pre>\n"


def add_to_page(markdown: str) -> None:
    """Add a report to the page of the job, if this is a job of GitHub Actions."""
    if not (path := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as page:
            page.write(markdown)
    except OSError as error:
        print(f"tpgen: the summary can't be written: {error}", file=sys.stderr)


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
