"""`tpgen new DEST`: render a new project from the template that tpgen was installed from."""

import argparse
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.core.installation import template_address
from tpgen.update.template import said_by_copier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DEST", help="new or empty folder")
    text = "kind of project: service, sdk or examples (default: Copier asks; a service)"
    parser.add_argument("--project", default="", metavar="KIND", help=text)
    text = "address of the template (default: the one that tpgen was installed from)"
    parser.add_argument("--template", default="", metavar="ADDRESS", help=text)
    text = "tag or commit of the template (default: the newest release)"
    parser.add_argument("--version", default="", metavar="VERSION", help=text)
    text = "answer of a question; Copier asks the others"
    parser.add_argument("--data", action="append", default=[], metavar="KEY=VALUE", help=text)
    text = "take the proposed answers instead of asking"
    parser.add_argument("--defaults", action="store_true", help=text)


def run(chosen: argparse.Namespace) -> int:
    """Render a new project; Copier asks the questions."""
    import copier
    from copier.errors import CopierError

    folder = Path(chosen.folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is not empty: give a new folder")
    template = chosen.template or template_address()
    data = dict(word.partition("=")[::2] for word in chosen.data)
    if chosen.project:
        data["project"] = chosen.project
    try:
        copier.run_copy(
            template,
            folder,
            data=data,
            defaults=chosen.defaults,
            vcs_ref=chosen.version or None,
            quiet=chosen.quiet,
        )
    except (CopierError, ValueError) as error:
        said = said_by_copier(error).replace("/`--data-file`", "")
        raise UserError(f"Copier can't render {template}: {said}") from None
    return 0
