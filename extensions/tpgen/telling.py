"""What a person is told when a command ends."""

from collections.abc import Iterator

from . import files
from .policy import named_layers
from .scaffold import Scaffold, blanks
from .service import Service


def dry_run(done: Scaffold) -> str:
    """What would be written, as a diff that `git apply` takes; above it what `#` leads."""
    lines = [f"# {line}\n" for line in (*_missing(done), *_complete(done))]
    return "".join(lines) + files.diff(done.changes)


def outcome(service: Service, done: Scaffold) -> str:
    """What was written, what is left to fill, and what to run."""
    lines = [*_missing(done), *_written(done), *_complete(done), *_blanks(service, done)]
    return "\n".join([*lines, f"run      {_run(service, done)}"])


def _missing(done: Scaffold) -> Iterator[str]:
    if done.missing:
        yield done.missing


def _written(done: Scaffold) -> Iterator[str]:
    for path, added in done.added.items():
        yield f"extended {path}: {', '.join(added)}" if added else f"wrote    {path}"
    yield from (f"recorded {path}: review it" for path in done.recorded)
    if done.failed:
        yield f"fails    the happy path, as yet: {done.failed}"


def _complete(done: Scaffold) -> Iterator[str]:
    if done.complete and not done.added:
        yield f"{done.title} has all of its tests"
    for path in done.complete:
        yield f"there    {path}"


def _blanks(service: Service, done: Scaffold) -> Iterator[str]:
    """Where something is left to say, among the tests of this component."""
    for path in done.tests:
        for line in blanks((service.root / path).read_bytes()):
            yield f"to fill  {path}:{line}"


def _run(service: Service, done: Scaffold) -> str:
    """What runs the tests; not those that would ask a live upstream."""
    runner = "uv run pytest" if (service.root / "uv.lock").exists() else "pytest"
    left_out = named_layers(service.root)
    files = [path for path in done.tests if path.name.startswith("test_")]
    tests = [str(path) for path in files if path.parts[1] not in left_out]
    return " ".join([runner, *tests])
