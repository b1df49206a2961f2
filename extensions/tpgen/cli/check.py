"""`tpgen check`: find where the files fall short of the policy."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tpgen.check import baseline, engine, project, registry
from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule, Rule
from tpgen.core.errors import UserError
from tpgen.core.finding import CheckResult, Finding
from tpgen.core.terminal import say

from . import completion

FORMATS = ("text", "json", "sarif", "github")
DESCRIPTION = """\
Finds where the files fall short of the testing policy: in a service, or in any other project.
Without a PATH it checks the files that git tracks or could add."""
EPILOG = """\
RULES are codes, prefixes of codes or names, separated by commas: TPG1,sleep-in-test.
`tpgen explain` lists them. `pyproject.toml` exempts from one for a while: `tpgen exemptions`.

exit codes: 0 no errors, 1 errors, 2 misuse or broken input, 3 a fault of tpgen"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("paths", metavar="PATH", nargs="*", help="file or folder (default: all)")
    for option, text in (("--select", "run only these rules"), ("--ignore", "skip these rules")):
        words = parser.add_argument(option, action="append", default=[], metavar="RULES", help=text)
        words.completer = completion.rules  # type: ignore[attr-defined]
    text = "apply the safe fixes, marked [*]; `tpgen undo` reverts them"
    parser.add_argument("--fix", action="store_true", help=text)
    text = "output format (default: text; github in GitHub Actions)"
    parser.add_argument("--format", choices=FORMATS, help=text)
    text = "revision to compare with, for rules about a change (default: HEAD)"
    parser.add_argument("--base", default="", metavar="REVISION", help=text)
    text = "file name of standard input, if PATH is `-`"
    parser.add_argument("--stdin-filename", default="", metavar="PATH", help=text)
    text = "record the current findings in tpgen-baseline.json; only new ones fail"
    parser.add_argument("--write-baseline", action="store_true", help=text)
    text = "check every file again, and leave .tpgen/cache as it is"
    parser.add_argument("--no-cache", action="store_true", help=text)


def run(chosen: argparse.Namespace) -> int:
    """Print the findings, after `--fix` those that are left; return 1 if one is an error."""
    _refuse_combinations(chosen)
    rules = registry.selected(_words("--select", chosen.select), _words("--ignore", chosen.ignore))
    if chosen.paths == ["-"]:
        rules = [rule for rule in rules if not isinstance(rule, ProjectRule)]
        content = sys.stdin.buffer.read()
        here = project.find(Path.cwd(), [chosen.stdin_filename], content=content)
    else:
        here = project.find(Path.cwd(), chosen.paths, chosen.base)
    parts = [part for part in project.services(here) if part.asked is None or part.asked]
    if chosen.write_baseline:
        return _write_baselines(here, parts, rules)
    result = CheckResult()
    for part in parts:
        found = engine.run(part, rules, cached=not chosen.no_cache)
        if chosen.fix and _fix(part, found.findings):
            # What an edit left, or brought, is reported.
            found = engine.run(Project(part.root, part.asked, part.base, part.apart), rules)
        result.add(seen_from(here.root, part.root, found))
    result.findings.sort(key=lambda finding: finding.order)
    is_github = os.environ.get("GITHUB_ACTIONS") == "true"
    _report(chosen.format or ("github" if is_github else "text"), here, result)
    return int(any(finding.level == "error" for finding in result.findings))


def _refuse_combinations(chosen: argparse.Namespace) -> None:
    if chosen.write_baseline and (chosen.paths or chosen.select or chosen.ignore or chosen.fix):
        raise UserError(
            "--write-baseline records the findings of all rules in all files: leave out paths, "
            "--select, --ignore and --fix"
        )
    is_stdin = "-" in chosen.paths or chosen.stdin_filename
    if is_stdin and (chosen.paths != ["-"] or not chosen.stdin_filename or chosen.fix):
        raise UserError(
            "standard input is checked alone, under the name of the file that it is and without "
            "--fix: `tpgen check - --stdin-filename tests/test_a.py`"
        )


def _write_baselines(here: Project, parts: Sequence[Project], rules: Sequence[Rule]) -> int:
    for part in parts:
        result = engine.run(part, rules, known=False)
        number = baseline.write(part, rules, result.findings)
        place = os.path.relpath(part.root / baseline.WHERE, here.root)
        say(f"wrote {place}: {number} finding{'s' * (number != 1)}; commit it\n")
    return 0


def _fix(here: Project, found: Sequence[Finding]) -> bool:
    """Apply the edits of findings; return whether a file was changed."""
    from tpgen.check import fixes

    fixed = fixes.apply(here, found)
    for path in fixed.left:
        reason = "it would no longer be Python, by a fault of tpgen; please report it"
        print(f"left {path} as it is: {reason}", file=sys.stderr)
    if number := len(fixed.changed):
        files = f"{number} file{'s' * (number > 1)}"
        where = "" if Path.cwd().resolve().is_relative_to(here.root) else f" in {here.root}"
        print(f"fixed {files}; `tpgen undo`{where} reverts it", file=sys.stderr)
    return bool(fixed.changed)


def _words(option: str, given: Sequence[str]) -> list[str]:
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    if given and not words:
        raise UserError(f"{option} names no rule; `tpgen explain` lists them all")
    return words


def _report(name: str, here: Project, result: CheckResult) -> None:
    from tpgen.report import github, text

    if name == "text":
        # Relative to where the person is, so that a terminal finds the file.
        result = seen_from(Path.cwd(), here.root, result)
        # https://no-color.org, https://force-color.org
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        coloured = not plain and bool(os.environ.get("FORCE_COLOR") or sys.stdout.isatty())
        say(text.render(result, coloured=coloured))
        return
    if name in ("github", "sarif"):
        # GitHub's paths start at the top of the repository.
        top = here.git.line("rev-parse", "--show-toplevel") if here.git else here.root
        result = seen_from(Path(top), here.root, result)
    module = importlib.import_module(f"tpgen.report.{name}")
    say(module.render(result))
    if name == "github":
        github.add_to_page(github.preformatted(text.render(result)))


def seen_from(folder: Path, root: Path, result: CheckResult) -> CheckResult:
    """Make the paths of a result relative to a folder."""
    start = folder.resolve()
    if start != root:
        result.findings = [
            replace(finding, path=os.path.relpath(root / finding.path, start))
            for finding in result.findings
        ]
    return result
