"""`tpgen new DEST`: a new service from the template that the tool was installed from."""

import argparse
import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tpgen.core.errors import Misuse


def new(chosen: argparse.Namespace) -> int:
    """Render a new service; Copier asks the questions.

    Raises:
        Misuse: the folder is not empty, or the template is not known or refuses.
    """
    import copier
    from copier.errors import CopierError

    from tpgen.update.template import said_by_copier

    folder = Path(chosen.folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misuse(f"{folder} is there and not empty: give a new folder")
    answers = dict(word.partition("=")[::2] for word in chosen.data)
    template = chosen.template or installed_from()
    try:
        copier.run_copy(
            template,
            folder,
            data=answers,
            defaults=chosen.defaults,
            vcs_ref=chosen.version or None,
            quiet=chosen.quiet,
        )
    except (CopierError, ValueError) as error:
        said = said_by_copier(error).replace("/`--data-file`", "")
        raise Misuse(f"Copier can't render {template}: {said}") from None
    except OSError as error:
        raise Misuse(f"{folder} can't be written: {error.strerror or error}") from None
    return 0


def installed_from() -> str:
    """Return the address that tpgen was installed from, as `direct_url.json` has it (PEP 610).

    Raises:
        Misuse: it was installed from a package index.
    """
    text = metadata.distribution("tpgen").read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    parts = urlsplit(origin.get("url", ""))
    if "vcs_info" in origin:
        return f"git+{origin['url']}"
    if parts.scheme == "file" and Path(unquote(parts.path)).is_dir():
        return unquote(parts.path)
    raise Misuse(
        "tpgen was installed from a package index, so it does not know where its template is: "
        "`tpgen new DEST --template git+https://HOST/TEAM/tpgen.git`"
    )
