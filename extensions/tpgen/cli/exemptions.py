"""`tpgen exemptions`: list what the project exempts and excludes."""

import argparse
from pathlib import Path

from tpgen.check import baseline, exemptions, project
from tpgen.core import settings
from tpgen.core.terminal import say
from tpgen.report import listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(_chosen: argparse.Namespace) -> int:
    """Print the list."""
    here = project.find(Path.cwd(), [])
    cases, known = settings.read(here.root).exempt, baseline.read(here.root)
    say(listing.render(exemptions.read(here.root), cases, here.excluded, known))
    return 0
