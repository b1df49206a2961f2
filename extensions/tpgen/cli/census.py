"""What `tpgen census` does."""

import argparse
import os
from pathlib import Path

from tpgen.census import page, records, render, table
from tpgen.check import project
from tpgen.core import service
from tpgen.core.errors import Misuse
from tpgen.core.terminal import say


def census(chosen: argparse.Namespace) -> int:
    """Print which required cases are not proved, and write the page that is asked for.

    In a workflow of GitHub the summary goes to the page of the job too.

    Returns:
        1 where a case is missing or failed, or files have changed since the run; else 0.

    Raises:
        Misuse: the working directory is in no service, or the service has no run record.
    """
    here = project.find(service.find(Path.cwd()).root, [])
    record = (
        records.merged(here.root, [Path(path) for path in chosen.merge])
        if chosen.merge
        else records.newest(here.root)
    )
    found = table.make(record, here)
    if chosen.html:
        try:
            Path(chosen.html).write_text(page.render(found), encoding="utf-8")
        except OSError as error:
            raise Misuse(f"{chosen.html} can't be written: {error.strerror}") from None
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(render.markdown(found))
    rendered = {"markdown": render.markdown, "json": render.as_json}.get(chosen.format)
    say(rendered(found) if rendered else render.text(found, everything=chosen.all))
    return int(not found.is_complete)
