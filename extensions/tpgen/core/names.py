"""Names of components, classes and modules, and how they are converted."""

import re
from keyword import iskeyword

from .errors import UserError


def require_name(name: str) -> str:
    """Return the name of a component as a module has it: `DetectPII` is `detect_pii`."""
    snake = to_snake(name.replace("-", "_"))
    is_keyword = iskeyword(snake) or iskeyword(to_class(snake))
    if re.fullmatch("[a-z][a-z0-9_]{0,79}", snake) and name.isascii() and not is_keyword:
        return snake
    raise UserError(
        f"{name!r} can't be the name of a component: use at most 80 letters, digits and "
        "underscores, not a path or a keyword of Python, such as 'detect_pii'"
    )


def to_snake(name: str) -> str:
    """Return `detect_pii` for `DetectPII`, and `find_urls` for `FindURLs`."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])", "_", name)
    return re.sub(r"__+", "_", split).lower()


def to_class(name: str) -> str:
    """Return `DetectPii` for `detect_pii`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def alike(name: str) -> str:
    """Return a key for comparison: `DetectPII`, `detect_pii` and `detect-pii` have the same."""
    return re.sub(r"[\W_]", "", name).lower()
