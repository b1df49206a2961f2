"""Format Python with ruff, by the settings of the service."""

import subprocess
from contextlib import suppress
from pathlib import Path

from .errors import UserError
from .service import Service

FORMAT = ("format", "--quiet")


def tidy(service: Service, path: Path, text: str) -> str:
    """Return a module with sorted imports, without unused ones, and formatted.

    Args:
        service: whose settings count.
        path: of the file, relative to the service.
        text: a whole module.

    Raises:
        UserError: the text is not Python, or the settings can't be read.
    """
    return _run(service, FORMAT, path, _run(service, _fix("I,F401"), path, text))


def as_before(service: Service, path: Path, before: str, after: str, rules: str = "I") -> str:
    """Return a changed module, with sorted imports and formatted if it was so before.

    Args:
        service: whose settings count.
        path: of the file, relative to the service.
        before: the text before the change.
        after: the text after it.
        rules: of ruff, for the imports.
    """
    for command in (_fix(rules), FORMAT):
        # The settings can't be read, or there is no ruff: layout is no reason to stop.
        with suppress(UserError, ModuleNotFoundError):
            if _run(service, command, path, before) == before:
                after = _run(service, command, path, after)
    return after


def _fix(rules: str) -> tuple[str, ...]:
    return "check", "--quiet", "--fix-only", f"--select={rules}"


def _run(service: Service, command: tuple[str, ...], path: Path, text: str) -> str:
    # The service's own version formatted its files.
    own = service.root / ".venv" / "bin" / "ruff"
    if own.exists():
        ruff = str(own)
    else:
        from ruff import find_ruff_bin

        ruff = str(find_ruff_bin())
    done = subprocess.run(
        [ruff, *command, f"--stdin-filename={service.root / path}", "-"],
        cwd=service.root,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        output = (done.stderr.strip() or done.stdout.strip()).splitlines()
        errors = [line for line in output if line.startswith("error")] or output
        reason = errors[0] if errors else f"exit code {done.returncode}"
        raise UserError(f"ruff can't format what is to become {path}: {reason}")
    return done.stdout
