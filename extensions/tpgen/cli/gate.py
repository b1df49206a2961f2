"""`tpgen gate`: find which tests a change lacks."""

import argparse
import os
import sys
from pathlib import Path

from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.finding import CheckResult
from tpgen.core.git import Git
from tpgen.core.terminal import save, say
from tpgen.gate import comment, facts, judge, outcome
from tpgen.gate.judge import Given
from tpgen.gate.outcome import Outcome
from tpgen.report import github, sarif, text

from .check import seen_from

FORMATS = ("text", "json", "sarif", "github", "markdown")
DESCRIPTION = f"""\
Finds which tests a change lacks, by its diff, and by the run record and the coverage of one run:
`uv run {facts.COMMAND}`"""
EPILOG = """\
exit codes: 0 nothing is missing, 1 findings, 2 misuse or broken input, 3 a fault of tpgen"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    help_ = "branch that the change goes to (default: origin/HEAD; in a pull request its target)"
    parser.add_argument("--base", metavar="REVISION", default="", help=help_)
    help_ = "run the tests first, if there is no fresh record with coverage"
    parser.add_argument("--run", action="store_true", dest="runs_tests", help=help_)
    help_ = "output format (default: text; github in GitHub Actions)"
    parser.add_argument("--format", choices=FORMATS, help=help_)
    parser.add_argument("--json", metavar="FILE", help="also write the outcome as JSON")
    parser.add_argument("--markdown", metavar="FILE", help="also write it as Markdown")
    help_ = "only print an outcome that --json wrote; nothing is judged"
    parser.add_argument("--show", metavar="FILE", help=help_)
    for option, help_ in (
        ("--merge", "run records to merge, such as those of shards (default: the newest)"),
        ("--coverage", "coverage data of these runs (default: those that the records name)"),
    ):
        parser.add_argument(option, metavar="FILE", nargs="+", type=Path, default=[], help=help_)
    for option, command in (
        ("--base-coverage", "coverage json"),
        ("--base-census", "tpgen census --format json"),
    ):
        help_ = f"output of `{command}` on the base (default: .tpgen/{option[2:]}.json, if there)"
        parser.add_argument(option, metavar="FILE", type=Path, help=help_)


def run(chosen: argparse.Namespace) -> int:
    """Print the findings about a change.

    Returns:
        1 if one of them blocks the change, else 0; with `--show` always 0.

    Raises:
        UserError: the working directory is in no service, or a file can't be read.
    """
    if chosen.show:
        found = outcome.from_json(Path(chosen.show))
        if chosen.markdown:
            save(chosen.markdown, comment.render(found))
        _print(chosen.format or "text", found)
        return 0
    if chosen.runs_tests and chosen.merge:
        raise UserError("--run makes a record of its own: leave out --merge, or leave out --run")
    here = service.find(Path.cwd())
    base = chosen.base or judge.usual_revision()
    kept = [here.root / ".tpgen" / f"base-{name}.json" for name in ("coverage", "census")]
    coverage, census = (file if file.is_file() else None for file in kept)
    given = Given(
        chosen.merge,
        chosen.coverage,
        chosen.base_coverage or coverage,
        chosen.base_census or census,
    )
    found = judge.judge(here.root, base, given)
    # Another missing fact is not cured by a run.
    if chosen.runs_tests and any(facts.RUN in str(each.message) for each in found.findings):
        print(f"running {facts.COMMAND}", file=sys.stderr, flush=True)
        code = here.run(["-m", *facts.COMMAND.split()], is_shown=True).returncode
        if code not in (0, 1):
            raise UserError(
                f"pytest ended with {code}, so nothing can be judged: correct what it says above; if "
                "it does not know --cov, `uv add --dev pytest-cov`"
            )
        found = judge.judge(here.root, base, given)
    if chosen.json:
        save(chosen.json, outcome.as_json(found))
    if chosen.markdown:
        save(chosen.markdown, comment.render(found))
    in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
    _print(chosen.format or ("github" if in_actions else "text"), found, here.root)
    github.add_to_page(comment.render(found))
    return int(found.blocks)


def _print(name: str, found: Outcome, root: Path | None = None) -> None:
    """Print an outcome in a format; GitHub's paths start at the top of the repository."""
    result = CheckResult(found.findings, checked=len(found.files))
    if name in ("sarif", "github") and root and (git := Git.at(root)):
        result = seen_from(Path(git.line("rev-parse", "--show-toplevel")), root, result)
    renderers = {"sarif": sarif.render, "github": github.render, "text": text.render}
    if name in renderers:
        say(renderers[name](result))
    else:
        say({"json": outcome.as_json, "markdown": comment.render}[name](found))
