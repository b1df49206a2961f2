"""Failures that end a test even where the code under test swallows the exception."""

_reasons: list[str] = []


def defer(reason: str) -> str:
    """Keep a reason for the end of the running test, and return it to be raised now too."""
    _reasons.append(reason)
    return reason


def take() -> str:
    """Return the first reason since the last call, or an empty string."""
    first = _reasons[0] if _reasons else ""
    _reasons.clear()
    return first
