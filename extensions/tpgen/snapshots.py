"""Snapshots of new tests: recorded by running them once, for a person to review."""

from collections.abc import Sequence
from pathlib import Path

from .files import Change
from .service import Service


def record(service: Service, tests: Sequence[str]) -> tuple[list[Change], str]:
    """Run tests with `--snapshot-update`.

    Args:
        service: where.
        tests: their ids.

    Returns:
        what pytest wrote, and why it failed, in one line; empty where it passed.
    """
    paths = dict.fromkeys(_snapshot(Path(test.partition("::")[0])) for test in tests)
    before = {path: _content(service.root / path) for path in paths}
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--snapshot-update"]
    done = service.run(["-m", "pytest", *options, *tests])
    after = {path: _content(service.root / path) for path in paths}
    changes = [Change(path, before[path], after[path]) for path in paths]
    said = (done.stdout + done.stderr).strip().splitlines()
    reason = next((line for line in said if line.startswith(("E  ", "FAILED", "ERROR"))), "")
    failed = reason.removeprefix("E").strip() or (said[-1] if said else "pytest said nothing")
    return [one for one in changes if one.before != one.after], failed if done.returncode else ""


def _snapshot(test: Path) -> Path:
    return test.parent / "__snapshots__" / f"{test.stem}.ambr"


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
