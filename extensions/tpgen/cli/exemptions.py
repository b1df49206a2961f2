"""`tpgen exemptions`: list what the project exempts and excludes."""

import argparse
from pathlib import Path

from tpgen.check import exemptions, project
from tpgen.core import settings
from tpgen.core.terminal import say
from tpgen.report import listing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(_chosen: argparse.Namespace) -> int:
    """Print the list."""
    here = project.find(Path.cwd(), [])
    exempt = settings.read(here.root).exempt
    say(listing.render(exemptions.read(here.root), exempt, here.excluded))
    return 0
