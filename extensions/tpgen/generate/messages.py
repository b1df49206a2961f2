"""The output of `tpgen KIND NAME`."""

import ast
import os
import shlex
from collections.abc import Iterator

from tpgen.core import files, settings
from tpgen.core.policy import named_layers
from tpgen.core.service import Service
from tpgen.source.suites import PLACEHOLDERS
from tpgen.source.trees import called, classes

from .scaffold import Scaffold


def dry_run(service: Service, done: Scaffold) -> str:
    """Return what would be written, as a diff for `git apply`, below comments with `#`."""
    sentences = filter(None, [done.target.missing, *_complete(service, done)])
    return "".join(f"# {sentence}\n" for sentence in sentences) + files.diff(done.changes)


def outcome(service: Service, done: Scaffold) -> str:
    """Return what was written, what is left to fill in, and the command that runs the tests."""
    lines = [
        *filter(None, [done.target.missing]),
        *_written(done),
        *_complete(service, done),
        *_placeholders(service, done),
        *_exempt(service, done),
        f"run      {_run(service, done)}",
    ]
    return "\n".join(lines)


def _written(done: Scaffold) -> Iterator[str]:
    new = {change.path for change in done.changes if change.before is None}
    for path, added in done.added.items():
        if path in new:
            yield f"wrote    {path}"
        else:
            yield f"extended {path}: {', '.join(added) or 'the list of required cases'}"
    yield from (f"recorded {path}: review it" for path in done.recorded)
    yield from dict.fromkeys(
        f"fails    {failure.case}: {failure}"
        for failure in done.failed
        if f"{failure.owner}.{failure.case}" not in done.exempt and not failure.is_open
    )


def _complete(service: Service, done: Scaffold) -> Iterator[str]:
    is_written = done.complete and not done.added
    if is_written and not any(_placeholders(service, done)) and not any(_exempt(service, done)):
        yield f"{done.target.title} has all of its tests"
    for path in done.complete:
        yield f"there    {path}"


def _exempt(service: Service, done: Scaffold) -> Iterator[str]:
    """Yield the exemptions to paste, for cases that do not apply and are not exempt yet."""
    known = {table["case"] for table in settings.read(service.root).exempt}
    for case, reason in done.exempt.items():
        if case not in known:
            yield f"{case} does not apply: add this to pyproject.toml\n"
            yield settings.exemption(case, reason)


def _placeholders(service: Service, done: Scaffold) -> Iterator[str]:
    """Yield the lines with placeholders: in the classes that were added, else in the whole file."""
    for path in done.tests:
        tree = ast.parse((service.root / path).read_bytes())
        added = {name.partition(".")[0] for name in done.added.get(path, ())}
        owners = [owner for owner in classes(tree) if owner.name in added]
        parts = (part for owner in owners or tree.body for part in ast.walk(owner))
        calls = (part for part in parts if isinstance(part, ast.Call))
        for line in sorted(call.lineno for call in calls if called(call) in PLACEHOLDERS):
            yield f"to fill  {path}:{line}"


def _run(service: Service, done: Scaffold) -> str:
    """Return the command that runs the tests, without those that need a live upstream."""
    runner = ["uv", "run", "pytest"] if (service.root / "uv.lock").exists() else ["pytest"]
    left_out = named_layers(service.root)
    files = [path for path in done.tests if path.name.startswith("test_")]
    tests = [service.root / path for path in files if path.parts[1] not in left_out]
    return shlex.join([*runner, *map(os.path.relpath, tests)])
