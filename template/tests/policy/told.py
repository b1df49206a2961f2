"""What a test must be told even where the code under test swallows the error."""

_told: list[str] = []


def tell(reason: str) -> str:
    """Keep the reason for the end of the running test, and give it back to be raised."""
    _told.append(reason)
    return reason


def heard() -> str:
    """The first reason since the last call, or nothing."""
    first = _told[0] if _told else ""
    _told.clear()
    return first
