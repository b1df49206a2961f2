"""`tpgen check`: find where the files fall short of the policy."""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tpgen.check import engine, project, registry
from tpgen.check.project import Project
from tpgen.check.rule import Rule
from tpgen.core.errors import Misuse
from tpgen.core.finding import Finding
from tpgen.core.terminal import say

from . import completion

FORMATS = ("text", "json", "sarif", "github")
DESCRIPTION = """\
Finds where the files fall short of the testing policy: in a service, or in any other project.
Without a PATH it checks the files that git tracks or could add."""
EPILOG = """\
RULES are codes, prefixes of codes or names, separated by commas: TPG1,sleep-in-test.
`tpgen explain` lists them. `pyproject.toml` exempts from one for a while: `tpgen exemptions`.

exit codes: 0 no findings, 1 findings, 2 misuse or broken input, 3 a fault of tpgen"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
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


def run(chosen: argparse.Namespace) -> int:
    """Print the findings, after `--fix` those that are left.

    Returns:
        1 where there are any, else 0.
    """
    rules = registry.selected(_words("--select", chosen.select), _words("--ignore", chosen.ignore))
    here = project.find(Path.cwd(), chosen.paths, chosen.base)
    found = [one for part in project.services(here) for one in _found(here, part, rules, chosen)]
    _report(chosen.format or _usual_format(), here, sorted(found, key=lambda one: one.order))
    return int(any(one.level == "error" for one in found))


def _found(
    here: Project, part: Project, rules: Sequence[Rule], chosen: argparse.Namespace
) -> Sequence[Finding]:
    """What is found in one of the projects, after `--fix` what is left; paths as of `here`."""
    if part.asked is not None and not part.asked:
        return []
    found = engine.run(part, rules)
    if chosen.fix and _mend(part, found):
        # Looked at anew: what an edit left or brought is told.
        found = engine.run(Project(part.root, part.asked, part.base), rules)
    return _seen_from(here.root, part.root, found)


def _mend(here: Project, found: Sequence[Finding]) -> bool:
    """Whether a file was changed."""
    from tpgen.check import fixes

    mended = fixes.apply(here, found)
    for path in mended.left:
        reason = "it would be no Python afterwards, by a fault of tpgen; please report it"
        print(f"left {path} as it is: {reason}", file=sys.stderr)
    if number := len(mended.changed):
        files = f"{number} file{'s' * (number > 1)}"
        where = "" if here.root in _above(Path.cwd()) else f" in {here.root}"
        print(f"mended {files}; `tpgen undo`{where} takes it back", file=sys.stderr)
    return bool(mended.changed)


def _above(folder: Path) -> Sequence[Path]:
    return [folder.resolve(), *folder.resolve().parents]


def _words(option: str, given: Sequence[str]) -> list[str]:
    words = [word.strip() for one in given for word in one.split(",") if word.strip()]
    if given and not words:
        raise Misuse(f"{option} names no rule; `tpgen explain` lists them all")
    return words


def _usual_format() -> str:
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _report(name: str, here: Project, found: Sequence[Finding]) -> None:
    if name == "text":
        from tpgen.report import text

        # Relative to where the person is, so that a terminal finds the file.
        say(text.render(_seen_from(Path.cwd(), here.root, found), coloured=_is_coloured()))
        return
    if name in ("github", "sarif"):
        found = _seen_from(_top(here), here.root, found)
    say(importlib.import_module(f"tpgen.report.{name}").render(found))
    if name == "github" and (file := os.environ.get("GITHUB_STEP_SUMMARY")):
        _summarize(Path(file), found)


def _seen_from(folder: Path, root: Path, found: Sequence[Finding]) -> Sequence[Finding]:
    """The findings with their paths relative to a folder."""
    start = folder.resolve()
    if start == root:
        return found
    return [replace(one, path=os.path.relpath(root / one.path, start)) for one in found]


def _top(here: Project) -> Path:
    """The top of the repository, from which GitHub counts paths."""
    if here.git is None:
        return here.root
    try:
        said = here.git.run("rev-parse", "--show-toplevel")
    except subprocess.CalledProcessError:
        return here.root
    return Path(os.fsdecode(said.rstrip(b"\n")))


def _summarize(file: Path, found: Sequence[Finding]) -> None:
    from tpgen.report import github

    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace") as summary:
            summary.write(github.table(found))
    except OSError as error:
        print(f"tpgen: the summary can't be written: {error}", file=sys.stderr)


def _is_coloured() -> bool:
    """Whether a terminal reads it; NO_COLOR and FORCE_COLOR say otherwise, in this order."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
