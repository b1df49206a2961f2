"""An outcome as Markdown: the comment on a pull request, and the summary page of its job.

The texts may come from a stranger's pull request, so that nothing in them is markup.
"""

import html
import re
from collections.abc import Iterator, Sequence

from tpgen.report.text import printable

from .outcome import Outcome

# GitHub takes 65,536 characters for a comment, which has up to three tables.
LONGEST = 20_000
CELL = 300
# By this line the workflow finds its own comment again.
MARK = "<!-- tpgen gate -->"
MARKUP = re.compile(r"([\\`*_{}\[\]()#+.!~|@:/$^-])")


def render(outcome: Outcome) -> str:
    """Return the verdict, the findings, a table of the files, and the unproved cases."""
    return "\n".join([MARK, "", *_lines(outcome), ""])


def _lines(outcome: Outcome) -> Iterator[str]:
    errors = [finding for finding in outcome.findings if finding.level == "error"]
    verdict = f"{len(errors)} finding{'s' * (len(errors) != 1)}" if errors else "nothing is missing"
    yield f"### tpgen gate: {verdict}"
    if outcome.findings:
        places = ((f"{each.path}:{each.line}", each) for each in outcome.findings)
        rows = [(place, each.code, each.message) for place, each in places]
        yield from _table(("where", "rule", "what"), rows)
    if outcome.files:
        percents = ((each, each.path, f"{each.covered} of {each.new}") for each in outcome.files)
        rows = [(path, new, f"{each.percent:.0f} %") for each, path, new in percents]
        yield from _table(("file", "new code covered", "whole file"), rows)
    if outcome.cases:
        cases = [(each.component, each.case, each.why) for each in outcome.cases]
        yield from _table(("component", "unproved case", "why"), cases)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from ("", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
    left = LONGEST
    for number, row in enumerate(rows):
        line = f"| {' | '.join(map(escaped, row))} |"
        left -= len(line) + 1
        if left < 0:
            yield from ("", f"and {len(rows) - number} more, in the log of the job")
            return
        yield line


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, in one cell of a table: no link, no mention."""
    line = printable(" ".join(text.split()))[:CELL]
    # A character reference is no markup, for GitHub's mentions and bare links neither.
    return MARKUP.sub(lambda found: f"&#{ord(found[1])};", html.escape(line, quote=False))
