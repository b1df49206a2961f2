"""The run record: what each test of a run did, which `pytest --census` writes.

`plugin` collects it, and the other modules each watch one thing. `run.schema.json` describes the
file; docs/census.md says what each fact means.
"""

from pathlib import Path


def shown(path: Path, root: Path) -> str:
    """Return a path as the record has it: relative to the project, if it lies there."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
