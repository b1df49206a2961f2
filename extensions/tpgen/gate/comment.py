"""An outcome as Markdown: the comment on a pull request, and the summary page of its job."""

from collections.abc import Iterator, Sequence

from tpgen.report.markdown import table

from .outcome import Outcome

# GitHub takes 65,536 characters for a comment, which has up to three tables.
LONGEST = 20_000
# By this line the workflow finds its own comment again.
MARK = "<!-- tpgen gate -->"


def render(outcome: Outcome) -> str:
    """Return the verdict, the findings, a table of the files, and the unproved cases."""
    return "\n".join([MARK, "", *_lines(outcome), ""])


def _lines(outcome: Outcome) -> Iterator[str]:
    errors = [finding for finding in outcome.findings if finding.level == "error"]
    verdict = f"{len(errors)} finding{'s' * (len(errors) != 1)}" if errors else "nothing is missing"
    yield f"### tpgen gate: {verdict}"
    if outcome.findings:
        rows = [(f"{each.path}:{each.line}", each.code, each.message) for each in outcome.findings]
        yield from _cut(("where", "rule", "what"), rows)
    if outcome.files:
        rows = [
            (each.path, f"{each.covered} of {each.new}", f"{each.percent:.0f} %")
            for each in outcome.files
        ]
        yield from _cut(("file", "new code covered", "whole file"), rows)
    if outcome.cases:
        rows = [(each.component, each.case, each.why) for each in outcome.cases]
        yield from _cut(("component", "unproved case", "why"), rows)


def _cut(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table, with as many rows as there is room for."""
    left = LONGEST
    for number, line in enumerate(table(head, rows)):
        left -= len(line) + 1
        if left < 0:
            # The first lines are the head.
            yield from ("", f"and {len(rows) - number + 3} more, in the log of the job")
            return
        yield line
