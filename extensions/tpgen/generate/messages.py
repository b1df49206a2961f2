"""What a person is told when a command ends."""

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

from .scaffold import Scaffold, placeholders

# How a service runs pytest, by the file that shows it.
RUNNERS = {
    "uv.lock": "uv run",
    "poetry.lock": "poetry run",
    "pdm.lock": "pdm run",
    ".venv/bin/python": ".venv/bin/python -m",
}


def dry_run(service: Service, done: Scaffold) -> str:
    """What would be written, as a diff that `git apply` takes; above it what `#` leads."""
    notes = [done.note] if done.note else []
    lines = [f"# {line}\n" for line in (*_missing(done), *_complete(service, done), *notes)]
    return "".join(lines) + files.diff(done.changes)


def outcome(service: Service, done: Scaffold) -> str:
    """What was written, what is left to fill, and what to run in the folder of the person."""
    lines = [
        *_missing(done),
        *_written(done),
        *_complete(service, done),
        *_placeholders(service, done),
    ]
    return "\n".join([*lines, *_exempt(service, done), f"run      {_run(service, done)}"])


def _missing(done: Scaffold) -> Iterator[str]:
    if done.missing:
        yield done.missing


def _written(done: Scaffold) -> Iterator[str]:
    new = {change.path for change in done.changes if change.before is None}
    for path, added in done.added.items():
        if path in new:
            yield f"wrote    {path}"
        else:
            yield f"extended {path}: {', '.join(added) or 'the list of required cases'}"
    yield from (f"recorded {path}: review it" for path in done.recorded)
    reasons: dict[str, list[str]] = {}
    for one in done.failed:
        if f"{one.owner}.{one.case}" not in done.exempt and not one.is_open:
            reasons.setdefault(str(one), []).append(one.case)
    for reason, cases in reasons.items():
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        yield f"fails    {cases[0]}{more}, as yet: {reason}"
    for reason in reasons:
        if found := re.search(r"must get \d+, and got (401|403|404)", reason):
            yield (
                f"         if {found[1]} is meant: `status = {found[1]}` and a `reason` in "
                "[tool.tpgen.refusal] of pyproject.toml"
            )
    if any(one.case == "test_401_without_a_key" and one.status < 400 for one in done.failed):
        yield (
            f"         if {done.title} is public: `tpgen undo`, list it in [tool.tpgen.public] of "
            "pyproject.toml, and run the command again"
        )


def _complete(service: Service, done: Scaffold) -> Iterator[str]:
    is_written = done.complete and not done.added
    if is_written and not any(_placeholders(service, done)) and not any(_exempt(service, done)):
        yield f"{done.title} has all of its tests"
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
    """Where something is left to say: line by line for this component, else how often."""
    new, older = 0, 0
    for path in done.tests:
        tree = ast.parse((service.root / path).read_bytes())
        others = _others(done, path, tree)
        for line in placeholders(tree):
            if any(line in one for one in others):
                older += 1
            else:
                new += 1
                yield f"to fill  {path}:{line}"
    if older:
        more = "and " if new else ""
        yield f"to fill  {more}{older} older {'one' if older == 1 else 'ones'}"


def _others(done: Scaffold, path: Path, tree: ast.Module) -> list[range]:
    """The lines of the classes of other components, as far as it is told which those are."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    own = {name.partition(".")[0] for name in done.added.get(path, ())}
    if path in done.complete:
        word = alike(done.title.partition(" ")[2])
        own = {name for name in classes if word in alike(name)}
    # A class that holds no tests, such as a fake, serves one that does.
    tests = any(name.startswith("Test") for name in own)
    others = classes.keys() - own if own else set()
    return [
        range(classes[name].lineno, (classes[name].end_lineno or 0) + 1)
        for name in others
        if name.startswith("Test") or not tests
    ]


def _run(service: Service, done: Scaffold) -> str:
    """What runs the tests; not those that would ask a live upstream."""
    runner = next(
        (f"{RUNNERS[name]} pytest" for name in RUNNERS if (service.root / name).exists()), "pytest"
    )
    left_out = named_layers(service.root)
    files = [path for path in done.tests if path.name.startswith("test_")]
    tests = [path for path in files if path.parts[1] not in left_out]
    return shlex.join([*runner.split(), *(os.path.relpath(service.root / one) for one in tests)])
