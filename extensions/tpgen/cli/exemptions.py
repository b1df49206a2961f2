"""`tpgen exemptions`: list what the project exempts and excludes."""

import argparse
from datetime import date
from pathlib import Path

from tpgen.check import baseline, exemptions, project, registry
from tpgen.core import settings
from tpgen.core.terminal import say
from tpgen.report.text import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(_chosen: argparse.Namespace) -> int:
    """Print the exemptions, those that end first at the top, and all other exceptions."""
    here = project.find(Path.cwd(), [])
    lines = []
    known = exemptions.read(here.root)
    for exemption in sorted(known, key=lambda each: (each.until, each.rule, each.path)):
        is_gone = exemption.rule not in registry.all_rules()
        name = "(no longer a rule)" if is_gone else registry.find(exemption.rule).name
        lines.append(f"{exemption.rule} {name} in {exemption.path}: {_end(exemption.until)}")
        lines.append(f"    {exemption.reason} ({exemption.issue})")
    for exempt in settings.read(here.root).exempt:
        end = f", {_end(exempt['until'])}" if exempt.get("until") else ""
        issue = f" ({exempt['issue']})" if "issue" in exempt else ""
        lines += [f"{exempt['case']}: does not apply{end}", f"    {exempt['reason']}{issue}"]
    lines += [f"excluded from all rules: {exclusion}" for exclusion in here.excluded]
    if entries := baseline.read(here.root):
        lines.append(f"{baseline.WHERE}: {sum(entries.values())} findings")
    say("".join(f"{printable(line)}\n" for line in lines or ["nothing is exempt"]))
    return 0


def _end(until: date) -> str:
    days = (until - date.today()).days
    left = f"until {until}, {days} day{'s' * (days != 1)} left"
    return left if days >= 0 else f"EXPIRED on {until}"
