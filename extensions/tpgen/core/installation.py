"""Facts of the installation of tpgen: its extras, and the address that it came from (PEP 610)."""

import json
import re
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tpgen.core.errors import UserError


def template_address() -> str:
    """Return the address that tpgen was installed from, which is that of its template."""
    origin = _origin()
    parts = urlsplit(origin.get("url", ""))
    if "vcs_info" in origin:
        return f"git+{origin['url']}"
    if parts.scheme == "file" and Path(unquote(parts.path)).is_dir():
        return unquote(parts.path)
    raise UserError(
        "tpgen was installed from a package, so it does not know the address of its template: "
        "`tpgen new DEST --template git+https://HOST/TEAM/tpgen.git`"
    )


def docs_address() -> str:
    """Return the web address of the folder `docs`; empty if it is not known."""
    origin = _origin()
    url = str(origin.get("url", "")).removesuffix(".git")
    if "vcs_info" in origin and url.startswith("https://"):
        return f"{url}/blob/{origin['vcs_info']['commit_id']}/docs"
    stated: list[str] = metadata.metadata("tpgen").get_all("Project-URL") or []
    return dict(each.split(", ", 1) for each in stated).get("Documentation", "")


def extra_of(package: str) -> str:
    """Return the extra that requires a package; empty if none does."""
    for requirement in metadata.requires("tpgen") or []:
        found = re.fullmatch(rf"{re.escape(package)}\b.*extra == .(?!all)(\w+).", requirement)
        if found:
            return found[1]
    return ""


def command() -> str:
    """Return the command that installs this version of tpgen with all extras."""
    origin = _origin()
    requirement = f"tpgen[all]=={metadata.version('tpgen')}"
    if "vcs_info" in origin:
        requirement = f"tpgen[all] @ git+{origin['url']}@{origin['vcs_info']['commit_id']}"
    elif "url" in origin:
        requirement = f"tpgen[all] @ {origin['url']}"
    is_tool = (Path(sys.prefix) / "uv-receipt.toml").exists()
    command = ["uv", "tool", "install"] if is_tool else ["uv", "pip", "install", "--python"]
    return shlex.join([*command, *([] if is_tool else [sys.prefix]), requirement])


def _origin() -> dict[str, Any]:
    text = metadata.distribution("tpgen").read_text("direct_url.json")
    return json.loads(text) if text else {}
