"""The output of `tpgen KIND NAME`."""

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tpgen.core import files, settings
from tpgen.core.names import alike
from tpgen.core.policy import named_layers
from tpgen.core.service import Service
from tpgen.source.trees import classes

from .scaffold import Scaffold, placeholders

# How a service runs pytest, by the file that shows it.
RUNNERS = {
    "uv.lock": "uv run",
    "poetry.lock": "poetry run",
    "pdm.lock": "pdm run",
    ".venv/bin/python": ".venv/bin/python -m",
}


def dry_run(service: Service, done: Scaffold) -> str:
    """Return what would be written, as a diff for `git apply`, below comments with `#`."""
    sentences = [done.target.missing, *_complete(service, done), done.target.note]
    lines = [f"# {sentence}\n" for sentence in sentences if sentence]
    return "".join(lines) + files.diff(done.changes)


def outcome(service: Service, done: Scaffold) -> str:
    """Return what was written, what is left to fill in, and the command that runs the tests."""
    lines = [
        *([done.target.missing] if done.target.missing else []),
        *_written(done),
        *_failures(done),
        *_complete(service, done),
        *_placeholders(service, done),
        *_exempt(service, done),
    ]
    return "\n".join([*lines, f"run      {_run(service, done)}"])


def _written(done: Scaffold) -> Iterator[str]:
    new = {change.path for change in done.changes if change.before is None}
    for path, added in done.added.items():
        if path in new:
            yield f"wrote    {path}"
        else:
            yield f"extended {path}: {', '.join(added) or 'the list of required cases'}"
    yield from (f"recorded {path}: review it" for path in done.recorded)


def _failures(done: Scaffold) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for failure in done.failed:
        if f"{failure.owner}.{failure.case}" not in done.exempt and not failure.is_open:
            reasons.setdefault(str(failure), []).append(failure.case)
    for reason, cases in reasons.items():
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        yield f"fails    {cases[0]}{more}: {reason}"
    for reason in reasons:
        if found := re.search(r"must get \d+, and got (401|403|404)", reason):
            yield (
                f"         if {found[1]} is meant: `status = {found[1]}` and a `reason` in "
                "[tool.tpgen.refusal] of pyproject.toml"
            )
    unguarded = "test_401_without_a_key"
    if any(failure.case == unguarded and failure.status < 400 for failure in done.failed):
        yield (
            f"         if {done.target.title} is public: `tpgen undo`, list it in [tool.tpgen.public] of "
            "pyproject.toml, and run the command again"
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
    """Yield the placeholders of this component by line, and the number of the others."""
    older = 0
    for path in done.tests:
        tree = ast.parse((service.root / path).read_bytes())
        others = _others(done, path, tree)
        for line in placeholders(tree):
            if any(line in lines for lines in others):
                older += 1
            else:
                yield f"to fill  {path}:{line}"
    if older:
        yield f"to fill  {older} older placeholder{'s' * (older != 1)}"


def _others(done: Scaffold, path: Path, tree: ast.Module) -> list[range]:
    """Return the lines of the classes of other components; none if no class is known as ours."""
    owners = {owner.name: owner for owner in classes(tree)}
    own = {name.partition(".")[0] for name in done.added.get(path, ())}
    if path in done.complete:
        word = alike(done.target.title.partition(" ")[2])
        own = {name for name in owners if word in alike(name)}
    # A class without tests, such as a fake, serves one with tests.
    has_tests = any(name.startswith("Test") for name in own)
    return [
        range(owner.lineno, (owner.end_lineno or 0) + 1)
        for name, owner in owners.items()
        if own and name not in own and (name.startswith("Test") or not has_tests)
    ]


def _run(service: Service, done: Scaffold) -> str:
    """Return the command that runs the tests, without those that need a live upstream."""
    runner = next(
        (f"{RUNNERS[name]} pytest" for name in RUNNERS if (service.root / name).exists()), "pytest"
    )
    left_out = named_layers(service.root)
    files = [path for path in done.tests if path.name.startswith("test_")]
    tests = [service.root / path for path in files if path.parts[1] not in left_out]
    return shlex.join([*runner.split(), *map(os.path.relpath, tests)])
