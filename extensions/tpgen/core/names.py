"""Names: of components as a person types them, of classes and files as Python has them."""

import re
from keyword import iskeyword

from .errors import Misuse

LONGEST = 80


def require_name(name: str) -> str:
    """Return a component's name as a module has it: `DetectPII` and `detect-pii` are `detect_pii`.

    Raises:
        Misuse: no module can be called so; the sentence names one that can, where that is plain.
    """
    if len(name) > LONGEST:
        raise Misuse(
            f"a name of {len(name)} characters is too long for a component: take one of at most "
            f"{LONGEST}"
        )
    snake = to_snake(name.replace("-", "_"))
    if _is_good(snake) and name.isascii():
        return snake
    near = to_snake(
        re.sub(r"\W+", "_", re.split(r"[/\\]", name.removesuffix(".py"))[-1]).strip("_")
    )
    raise Misuse(
        f"{name!r} is no name of a component: a name is letters, digits and underscores, not a "
        f"path and no keyword of Python, such as {near if _is_good(near) else 'detect_pii'!r}"
    )


def _is_good(name: str) -> bool:
    keyword = iskeyword(name) or iskeyword(to_class(name))
    return name.isidentifier() and name.isascii() and not keyword and name[0] != "_"


def to_snake(name: str) -> str:
    """`DetectPII` as `detect_pii`, `FindURLs` as `find_urls`; small letters stay as they are."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])", "_", name)
    return re.sub(r"__+", "_", split).lower()


def to_class(name: str) -> str:
    """`detect_pii` as `DetectPii`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def alike(name: str) -> str:
    """What is compared: `DetectPII`, `detect_pii` and `detect-pii` are alike."""
    return re.sub(r"[\W_]", "", name).lower()
