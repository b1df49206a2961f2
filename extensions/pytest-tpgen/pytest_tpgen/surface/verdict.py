"""What the test of a surface says about a changed member."""

from collections.abc import Sequence
from contextlib import suppress

from .comparing import CLASS, Change
from .model import Surface
from .versions import next_version


def verdict(
    of: str, name: str, old: Surface, new: Surface, changes: Sequence[Change], version: str = ""
) -> str:
    """Return the message about a changed member: what changed, what it means, what to do.

    Args:
        of: the class, as `package.module:Class`.
        name: of the member, or `class`.
        version: the version of the package; empty if it is not known.
    """
    is_breaking = any(change.is_breaking for change in changes)
    place = f"{of}.{name}" if name != CLASS else of
    step = _step(version, is_breaking)
    lines = [f"{place}: {'breaking' if is_breaking else 'record it'}{step}", ""]
    before, after = text(old, name), text(new, name)
    lines += [f"  - {line}" for line in before] + [f"  + {line}" for line in after]
    lines += ["", *(f"  {change.words}{_mark(change, changes)}" for change in changes), ""]
    command = f"tpgen sdk {of} --accept"
    if is_breaking:
        lines.append(
            "Customers' code relies on it: restore it, or keep the old form beside the new one. "
            f"If it is intended, `{command}` records it."
        )
    else:
        lines.append(f"Code that uses it works as before: `{command}` records it.")
    return "\n".join(lines)


def text(surface: Surface, name: str) -> list[str]:
    """Return the lines of a member, or the class line."""
    if name == CLASS:
        return surface.header
    member = surface.members.get(name)
    return member.lines() if member else []


def _mark(change: Change, changes: Sequence[Change]) -> str:
    """Mark the breaking changes if there are others beside them."""
    return " (breaking)" if change.is_breaking and len(changes) > 1 else ""


def _step(version: str, is_breaking: bool) -> str:
    with suppress(ValueError):
        if version:
            return f" ({version} → {next_version(version, is_breaking=is_breaking)})"
    return ""
