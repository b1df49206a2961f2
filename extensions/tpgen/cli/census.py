"""`tpgen census`: show which required cases a run has proved."""

import argparse
import json
from pathlib import Path

from tpgen.census import page, records, render, table
from tpgen.check import project
from tpgen.core import service
from tpgen.core.terminal import save, say
from tpgen.report import github

DESCRIPTION = """\
Shows which required cases of which components are proved, by what `pytest --census` recorded:
prints what is missing, and what failed."""
EPILOG = """\
exit codes: 0 all are proved, exempt or not required yet; 1 some are not; 2 misuse or broken input"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("--all", action="store_true", help="also print what is proved")
    text = "output format (default: text)"
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help=text)
    parser.add_argument("--html", metavar="FILE", help="also write one self-contained page")
    parser.add_argument("--json", metavar="FILE", help="also write the census as JSON")
    text = "run records to merge, such as those of shards (default: the newest in .tpgen)"
    parser.add_argument("--merge", metavar="RECORD", nargs="+", default=[], help=text)


def run(chosen: argparse.Namespace) -> int:
    """Print what is not proved, write the page of `--html`, and add to the page of a GitHub job."""
    here = project.find(service.find(Path.cwd()).root, [])
    shards = [Path(path) for path in chosen.merge]
    record = records.merged(here.root, shards) if shards else records.newest(here.root)
    found = table.make(record, here)
    as_json = json.dumps(render.document(found), indent=2, ensure_ascii=False) + "\n"
    text = render.text(found, everything=chosen.all)
    if chosen.html:
        save(chosen.html, page.render(found))
    if chosen.json:
        save(chosen.json, as_json)
    github.add_to_page(github.preformatted(text))
    if chosen.format != "text":
        text = as_json if chosen.format == "json" else render.markdown(found)
    say(text)
    return int(not found.is_complete)
