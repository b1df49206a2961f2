"""Letters and digits in a row, which keys and packed data have, and few other texts."""

from functools import lru_cache

RUN, LONG_RUN = b"a" * 16, b"a" * 24
AROUND = 64
# So short a text costs nothing to look at.
SHORT = 2000
_SHAPE = bytes(97 if chr(code).isalnum() else 46 for code in range(128)) + b"." * 128


def has_run(data: bytes) -> bool:
    """Whether there are 16 letters and digits in a row."""
    return RUN in data.translate(_SHAPE)


@lru_cache(maxsize=4)
def has_long_run(data: bytes) -> bool:
    """Whether there are 24 letters and digits in a row, as in packed data."""
    return LONG_RUN in data.translate(_SHAPE)


@lru_cache(maxsize=4)
def near_runs(data: bytes) -> bytes:
    """What stands around 16 letters and digits in a row, as in keys; all of a short text."""
    if len(data) < SHORT:
        return data
    shape, found, end = data.translate(_SHAPE), [], 0
    while (at := shape.find(RUN, end)) >= 0:
        start = max(end, at - AROUND)
        end = shape.find(b".", at)
        end = len(data) if end < 0 else end
        found.append(data[start : end + AROUND])
    return b"\n".join(found)
