"""ruff, with the service's own settings, over what a skeleton gave."""

import subprocess
from pathlib import Path

from .errors import Misuse
from .service import Service


def tidy(service: Service, path: Path, text: str) -> str:
    """Sort the imports, drop those that nothing uses, and format.

    Args:
        service: whose settings count.
        path: where the text will stand, relative to the service.
        text: a whole module.

    Raises:
        Misuse: it is no Python, or the settings can't be read.
    """
    ruff = _ruff(service)
    name = f"--stdin-filename={service.root / path}"
    check = [ruff, "check", "--quiet", "--fix-only", "--select=I,F401", name, "-"]
    fixed = _run(service, check, path, text)
    return _run(service, [ruff, "format", "--quiet", name, "-"], path, fixed)


def is_tidy(service: Service, path: Path, text: str) -> bool:
    """Whether ruff would leave it as it is."""
    try:
        return tidy(service, path, text) == text
    except Misuse:
        return False


def _ruff(service: Service) -> str:
    """The service's own ruff, whose version made its files; else the one that came with tpgen."""
    own = service.root / ".venv" / "bin" / "ruff"
    if own.exists():
        return str(own)
    from ruff import find_ruff_bin

    return str(find_ruff_bin())


def _run(service: Service, command: list[str], path: Path, text: str) -> str:
    done = subprocess.run(
        command, cwd=service.root, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
        errors = [line for line in reason if line.startswith("error")] or reason
        said = errors[0] if errors else f"exit code {done.returncode}"
        raise Misuse(f"ruff can't format what is to become {path}: {said}")
    return done.stdout


def as_before(service: Service, path: Path, before: str, after: str) -> str:
    """Sort the imports of a changed text, and format it, if ruff would leave the old one as it is.

    Args:
        service: whose settings count.
        path: of the file, relative to the service.
        before: what it held.
        after: what it holds now.
    """
    ruff, name = _ruff(service), f"--stdin-filename={service.root / path}"
    sort = [ruff, "check", "--quiet", "--fix-only", "--select=I", name, "-"]
    for command in (sort, [ruff, "format", "--quiet", name, "-"]):
        try:
            if _run(service, command, path, before) == before:
                after = _run(service, command, path, after)
        except (
            Misuse
        ):  # The settings can't be read, or there is no ruff: layout is no reason to stop.
            continue
    return after
