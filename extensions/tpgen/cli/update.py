"""`tpgen update`: merge the newest policy into the service."""

import argparse
import sys
from pathlib import Path

from tpgen.core import service
from tpgen.core.terminal import say
from tpgen.update import answers, messages, plan, readiness
from tpgen.update.plan import Update
from tpgen.update.template import fetch, workshop

DESCRIPTION = """\
Brings the newest version of the testing policy into this service: prints what it changes, renders
it with Copier and merges it with git. It commits nothing and loses no edit: what can't be merged
is left as a conflict."""
EPILOG = """\
exit codes: 0 done; 1 something could not be merged (with --check: an update is available);
2 misuse or broken input, and nothing was written"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    text = "only report whether an update is available"
    parser.add_argument("--check", action="store_true", help=text)
    text = "print what would change without writing files"
    parser.add_argument("--dry-run", action="store_true", help=text)
    text = "tag or commit of the template to update to (default: the newest release)"
    parser.add_argument("--to", default="", metavar="VERSION", help=text)
    text = "override a template answer"
    parser.add_argument("--data", action="append", default=[], metavar="KEY=VALUE", help=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> int:
    """Merge the newest policy; 1 if a conflict is left or, with `--check`, an update is available."""
    root = service.find(Path.cwd()).root
    known = answers.read(root)
    with workshop() as folder:
        git = None if chosen.check else readiness.repository(root)
        template = fetch(known, folder / "template")
        if moved := template.moved_tag(root, known.version):
            print(f"tpgen: {moved}", file=sys.stderr)
        version = template.version_to_take(known.version, chosen.to)
        if git is None or (version == known.version and not chosen.data):
            update = Update(known.source, known.version, version)
            waits = version != known.version
            text = f"no update available: this service has {version}\n"
            if waits:
                text = f"update available: {known.version} → {version}: `tpgen update`\n"
            say(messages.as_json(update) if chosen.json else text)
            return int(chosen.check and waits)
        update, both = plan.prepare(root, git, template, known, version, chosen.data, folder)
    if not chosen.json:
        say(messages.planned(update))
    if chosen.dry_run:
        say(messages.as_json(update) if chosen.json else "")
        return 0
    sys.stdout.flush()  # What can't be printed must not be written.
    print(f"\nwriting; if it is interrupted: `{both.way_back}`", file=sys.stderr)
    merged = plan.carry_out(root, update, both)
    say(messages.as_json(update, merged) if chosen.json else messages.done(update, merged, both))
    return int(merged.needs_a_person)
