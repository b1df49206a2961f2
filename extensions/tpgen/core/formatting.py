"""Format Python with ruff, by the settings of the service."""

import subprocess
from contextlib import suppress
from pathlib import Path

from .errors import UserError
from .service import Service

FORMAT = ["format", "--quiet"]
FIX = ["check", "--quiet", "--fix-only"]


def tidy(service: Service, path: Path, text: str) -> str:
    """Return a module with sorted imports, without unused ones, and formatted."""
    return _run(service, FORMAT, path, _run(service, [*FIX, "--select=I,F401"], path, text))


def as_before(service: Service, path: Path, before: str, after: str, rules: str = "I") -> str:
    """Return a changed module, with imports by ruff's rules and formatted if it was so before."""
    for command in ([*FIX, f"--select={rules}"], FORMAT):
        # The settings can't be read, or there is no ruff: layout is no reason to stop.
        with suppress(UserError, ModuleNotFoundError):
            if _run(service, command, path, before) == before:
                after = _run(service, command, path, after)
    return after


def _run(service: Service, command: list[str], path: Path, text: str) -> str:
    # The service's own version formatted its files.
    ruff = service.root / ".venv" / "bin" / "ruff"
    if not ruff.exists():
        from ruff import find_ruff_bin

        ruff = Path(find_ruff_bin())
    done = subprocess.run(
        [ruff, *command, f"--stdin-filename={service.root / path}", "-"],
        cwd=service.root,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines()
        reason = next((line for line in output if line.startswith("error")), "".join(output[:1]))
        raise UserError(
            f"ruff can't format what is to become {path}: {reason}; nothing was written: correct "
            "[tool.ruff] of pyproject.toml, or the skeleton that it was rendered from"
        )
    return done.stdout
