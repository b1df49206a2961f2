"""The components that lack tests, for whoever presses TAB: quick, and never a word too many."""

from collections.abc import Sequence
from pathlib import Path

from . import components
from .policy import Kind
from .service import Service


def lacking(service: Service, kind: Kind, typed: Sequence[str]) -> list[str]:
    """What may come next on the command line.

    Args:
        service: where.
        kind: of the component.
        typed: the words behind the kind so far.
    """
    if kind.reads == "source":
        found = components.names(service, kind)
        return [
            name for name in found if not all(file.exists() for file in _files(service, kind, name))
        ]
    return []


def _files(service: Service, kind: Kind, name: str) -> list[Path]:
    return [service.root / path.replace("{name}", name) for path in kind.tests]
