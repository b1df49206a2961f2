"""What `tpgen check`, `tpgen explain` and `tpgen exemptions` do."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import engine, fixes, project, registry
from .exemptions import read
from .finding import Finding


def check(chosen: argparse.Namespace) -> int:
    """Print the findings.

    Returns:
        1 where there are any, else 0.
    """
    rules = registry.selected(_words(chosen.select), _words(chosen.ignore))
    here = project.find(Path.cwd(), chosen.paths, chosen.base)
    found = engine.run(here, rules)
    if chosen.fix:
        found = fixes.apply(here, found)
    print(_rendered(chosen.format or _usual_format(), found), end="")
    return int(any(one.level == "error" for one in found))


def explain(word: str) -> str:
    """The page of a rule; a line for each, where none is named."""
    from tpgen.report import page

    return page.of(registry.find(word)) if word else page.index(registry.all_rules().values())


def exemptions() -> str:
    """A line for each exemption of the project."""
    from tpgen.report import listing

    return listing.render(read(project.find(Path.cwd(), []).root))


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for one in given for word in one.split(",") if word.strip()]


def _usual_format() -> str:
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _rendered(name: str, found: Sequence[Finding]) -> str:
    if name == "text":
        from tpgen.report import text

        coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        return text.render(found, coloured=coloured)
    rendered: str = importlib.import_module(f"tpgen.report.{name}").render(found)
    return rendered
